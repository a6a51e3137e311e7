// Makes every package for the registry: folders and tarballs in build/packages, and a bill of materials (CycloneDX).
//
//   node scripts/package.mjs                 with a build of every CPU variant
//   node scripts/package.mjs --as-built      of dist and build/Release as they are
//   node scripts/package.mjs --out FOLDER    elsewhere
//   node scripts/package.mjs --for linux-arm64-gnu --for linux-x64-gnu
//                                            the addon for these systems, others than this by a cross-compiler
//   node scripts/package.mjs --cuda          the CUDA backend too, which `npm run build:cuda-package` built
//
// AGORA_REPOSITORY=https://… is what the packages name as their repository; without it they name none.
//
// agora-transcribe                   the library, the command line, the server and its page; no native code, no scripts
// agora-transcribe-linux-x64-gnu …   the addon for one system, which the main package depends on optionally
// agora-transcribe-linux-x64-cuda    the CUDA backend, which users add themselves
// agora-transcribe-demo              the demo model and two calls
// agora-transcribe-source            native sources and the tools to build them, for `agora-transcribe build`
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import * as manifest from "./packages/manifest.mjs";
import { notices } from "./packages/notices.mjs";
import { prebuild } from "./packages/prebuild.mjs";
import { keepReachable } from "./packages/reachable.mjs";
import { billOfMaterials } from "./packages/sbom.mjs";
import { vendor } from "./packages/vendor.mjs";

const { ROOT, NAME, VERSION } = manifest;
const { values } = parseArgs({
  options: {
    "as-built": { type: "boolean", default: false },
    out: { type: "string" },
    for: { type: "string", multiple: true },
    cuda: { type: "boolean", default: false },
  },
});
/** Whose addon is made here; the main package asks for those of a whole release. */
const platforms = values.for?.map(manifest.systemOf) ?? [manifest.thisPlatform()];
const out = path.resolve(values.out ?? path.join(ROOT, "build", "packages"));
/** gRPC's own protos, which the server describes to clients. */
const PROTOS = {
  "grpc/health/v1/health.proto": "grpc-health-check/proto/health/v1/health.proto",
  "grpc/reflection/v1/reflection.proto": "@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto",
  "grpc/reflection/v1alpha/reflection.proto":
    "@grpc/reflection/build/proto/grpc/reflection/v1alpha/reflection.proto",
};

/** Maps stay behind: they are twice the size of what they are of. */
function removeMapComments(dist) {
  const files = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".js"),
  );
  for (const file of files.map((name) => path.join(dist, name))) {
    writeFileSync(file, readFileSync(file, "utf8").replace(/^\/\/# sourceMappingURL=.*\n?/gm, ""));
  }
}

/** A package's folder with `files` of the repository, or of `from`, in it. */
function stage(content, files = []) {
  const folder = path.join(out, content.name);
  mkdirSync(folder, { recursive: true });
  for (const file of files) cpSync(path.join(ROOT, file), path.join(folder, file), { recursive: true });
  writeFileSync(path.join(folder, "package.json"), `${JSON.stringify(content, null, 2)}\n`);
  return folder;
}

async function stageMain() {
  const made = platforms.filter((one) => !manifest.RELEASED.some((other) => isDeepStrictEqual(one, other)));
  const folder = stage(manifest.mainManifest([...manifest.RELEASED, ...made]), [
    ...["proto", "docs", "deploy", "examples", ".env.example", "LICENSE", "README.md", "README.ru.md"],
    ...["CHANGELOG.md", "SECURITY.md"],
    ...["models/registry.json", "models/silero-v6.2.0.bin", "models/demo.md"],
  ]);
  // Pictures are for those who read the repository.
  rmSync(path.join(folder, "docs", "images"), { recursive: true, force: true });
  const dist = path.join(folder, "dist");
  cpSync(path.join(ROOT, "dist"), dist, { recursive: true });
  keepReachable(dist, ["index.js", "index.d.ts", "server/index.js", "server/index.d.ts", "cli/main.js"]);
  removeMapComments(dist);
  for (const [name, source] of Object.entries(PROTOS)) {
    cpSync(path.join(ROOT, "node_modules", source), path.join(folder, "proto", name));
  }
  return { folder, text: notices(await vendor(dist)) };
}

function stageSource() {
  const scripts = ["build-native", "cross-compilers", "whisper-cpp-directory"].map(
    (name) => `scripts/${name}.mjs`,
  );
  return stage(manifest.sourceManifest(), ["CMakeLists.txt", "native", ...scripts, "LICENSE"]);
}

function stageDemo() {
  const samples = readdirSync(path.join(ROOT, "samples")).filter((name) =>
    /^sales-call-.*\.(wav|txt)$/.test(name),
  );
  const models = ["models/agora-demo-q8_0.bin", "models/demo.md"];
  return stage(manifest.demoManifest(), [...models, ...samples.map((name) => `samples/${name}`)]);
}

/** The one library, without what a debugger wants. */
function stageCuda() {
  const folder = stage(manifest.cudaManifest(), ["LICENSE"]);
  const target = path.join(folder, "prebuilds", "linux-x64");
  mkdirSync(target, { recursive: true });
  const library = path.join(ROOT, "build", "cuda", "build", "Release", "libagora-ggml-cuda.so");
  execFileSync("strip", ["-o", path.join(target, path.basename(library)), library]);
  return folder;
}

const README = {
  [manifest.CUDA]: `\`npm install ${manifest.CUDA}@${VERSION}\` beside ${NAME} of the same version. It needs NVIDIA's driver and cuBLAS 13, see\ndocs/gpu.md of ${NAME}.\n`,
  [manifest.DEMO]: `\`npx ${NAME} --model demo node_modules/${manifest.DEMO}/samples/sales-call-en.wav\` tries ${NAME} without a\ndownload. The model knows orders by telephone and nothing else: see models/demo.md, which has its licence too.\n`,
  [manifest.SOURCE]: `\`npx ${NAME} build\` uses this package where it is installed, and fetches it where it is not.\n`,
};

/** Small files that every package has. */
function complete(folder, text) {
  const { name, description } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  writeFileSync(path.join(folder, "THIRD_PARTY_LICENSES.md"), text);
  if (name === NAME) return;
  const use =
    README[name] ?? `\`npm install ${NAME}\` installs it where it fits; nothing is to be imported from it.\n`;
  const readme = `# ${name}\n\n${description} Part of ${NAME}.\n\n${use}`;
  writeFileSync(path.join(folder, "README.md"), readme);
}

/** Makes a folder's tarball and tells its size. */
function pack(folder) {
  const args = ["pack", "--ignore-scripts", "--json", "--pack-destination", out];
  const output = execFileSync("npm", args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", 2] });
  const [packed] = Object.values(JSON.parse(output));
  const size = statSync(path.join(out, packed.filename)).size;
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
  console.log(`${packed.filename}: ${megabytes(size)}, ${megabytes(packed.unpackedSize)} unpacked`);
}

if (!values["as-built"]) {
  for (const script of ["build:ts", "build:web"]) {
    execFileSync("npm", ["run", "--silent", script], { cwd: ROOT, stdio: ["ignore", 2, 2] });
  }
}
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const { folder: main, text } = await stageMain();
const folders = [main, stageSource(), stageDemo(), ...(values.cuda ? [stageCuda()] : [])];
for (const platform of platforms) {
  const folder = stage(manifest.platformManifest(platform), ["LICENSE"]);
  prebuild(platform, folder, { asBuilt: values["as-built"] });
  folders.push(folder);
}
for (const folder of folders) complete(folder, text);
for (const folder of folders) pack(folder);
writeFileSync(
  path.join(out, `${NAME}-${VERSION}.cdx.json`),
  `${JSON.stringify(billOfMaterials(), null, 2)}\n`,
);
