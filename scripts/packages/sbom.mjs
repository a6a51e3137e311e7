import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { NAME, ROOT } from "./manifest.mjs";

/**
 * A bill of materials in CycloneDX's JSON of all packages together: npm's own of what is needed to run, and what the
 * addon, the models and the page hold of others.
 */
export function billOfMaterials() {
  const options = ["--sbom-format=cyclonedx", "--sbom-type=application", "--omit=dev", "--package-lock-only"];
  const output = execFileSync("npm", ["sbom", ...options], {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", 2],
    maxBuffer: 64 * 1024 * 1024,
  });
  // npm names the root by its folder.
  const { name } = JSON.parse(output).metadata.component;
  const bill = JSON.parse(
    output.replaceAll(`"${name}@`, `"${NAME}@`).replaceAll(`pkg:npm/${name}@`, `pkg:npm/${NAME}@`),
  );
  bill.metadata.component.name = NAME;
  bill.components.push(...native());
  return bill;
}

/** What the lock file does not tell: it is compiled into the addon or the page, or lies beside them. */
function native() {
  const { packages } = JSON.parse(readFileSync(path.join(ROOT, "package-lock.json"), "utf8"));
  const npm = (name, from) => ({
    type: "library",
    name,
    version: packages[`node_modules/${from}`].version,
    purl: `pkg:npm/${from}@${packages[`node_modules/${from}`].version}`,
    licenses: [{ license: { id: "MIT" } }],
  });
  const whisper = path.join(ROOT, "node_modules/nodejs-whisper/cpp/whisper.cpp");
  const version = (file, name) => {
    const text = readFileSync(path.join(whisper, file), "utf8");
    const part = (of) => new RegExp(`${name}${of}\\s+(\\d+)`, "i").exec(text)?.[1];
    const whole = new RegExp(`project\\("${name}"[^)]*VERSION ([\\d.]+)`, "i").exec(text)?.[1];
    return whole ?? ["_VERSION_MAJOR", "_VERSION_MINOR", "_VERSION_PATCH"].map(part).join(".");
  };
  const source = (name, number) => ({
    type: "library",
    name,
    version: number,
    purl: `pkg:github/ggml-org/${name}@v${number}`,
    licenses: [{ license: { id: "MIT" } }],
  });
  return [
    source("whisper.cpp", version("CMakeLists.txt", "whisper.cpp")),
    source("ggml", version("ggml/CMakeLists.txt", "GGML")),
    npm("whisper.cpp, ggml and llama.cpp as they are compiled", "nodejs-whisper"),
    npm("node-addon-api", "node-addon-api"),
    npm("preact", "preact"),
    {
      type: "machine-learning-model",
      name: "silero-vad",
      version: "6.2.0",
      purl: "pkg:github/snakers4/silero-vad@v6.2",
      licenses: [{ license: { id: "MIT" } }],
    },
  ];
}
