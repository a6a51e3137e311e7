import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { packages } from "./support/project.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PLATFORM = `agora-transcribe-linux-${process.arch}-gnu`;
/** Those that a release has. */
const RELEASED = ["agora-transcribe-linux-x64-gnu", "agora-transcribe-linux-arm64-gnu"];
/** Those that were made here. */
const MADE = readdirSync(packages).filter((name) => /^agora-transcribe-linux-\w+-(gnu|musl)$/.test(name));
const ADDED = readdirSync(packages).filter((name) => name === "agora-transcribe-linux-x64-cuda");
const ALL = ["agora-transcribe", "agora-transcribe-demo", "agora-transcribe-source", ...MADE, ...ADDED];

/** The newest of a library's versions that start so, in what readelf says of another. */
function newest(versions: string, start: string): number {
  const found = [...versions.matchAll(new RegExp(`\\bName: ${start.replaceAll(".", "\\.")}(\\d+)`, "g"))];
  return Math.max(0, ...found.map(([, last]) => Number(last)));
}

/** That a library needs nothing that the shared libraries of GCC 8 have not. */
function expectOldCompiler(versions: string, file: string): void {
  expect(newest(versions, "GLIBCXX_3.4."), file).toBeLessThanOrEqual(25);
  expect(newest(versions, "CXXABI_1.3."), file).toBeLessThanOrEqual(11);
  expect(newest(versions, "GCC_"), file).toBeLessThanOrEqual(7);
}

/** What the tarballs hold, which is not all that lies in the folders that they are made of. */
const unpacked = mkdtempSync(path.join(tmpdir(), "agora-contents-"));
for (const name of ALL) {
  const folder = path.join(unpacked, name);
  mkdirSync(folder);
  execFileSync("tar", ["-xzf", tarballOf(name), "--strip-components=1", "-C", folder]);
}
afterAll(() => rmSync(unpacked, { recursive: true }));

function tarballOf(name: string): string {
  const { version } = JSON.parse(readFileSync(path.join(packages, name, "package.json"), "utf8"));
  return path.join(packages, `${name}-${version}.tgz`);
}

const filesOf = (name: string) =>
  readdirSync(path.join(unpacked, name), { recursive: true, encoding: "utf8" }).filter((file) =>
    statSync(path.join(unpacked, name, file)).isFile(),
  );
const read = (name: string, file: string) => readFileSync(path.join(unpacked, name, file), "utf8");
const manifestOf = (name: string) => JSON.parse(read(name, "package.json"));
const bytesOf = (name: string) =>
  filesOf(name).reduce((sum, file) => sum + statSync(path.join(unpacked, name, file)).size, 0);

/** Ways in which a module names another: at its head, when it runs, and by this package's own `require`. */
const IMPORTS = [
  /^(?:import|export)\s(?:[^;"']*\sfrom\s)?["']([^"'$\n]+)["']/gm,
  /\bimport\(\s*["']([^"'$\n]+)["']/g,
  /\bpackageRequire\(\)(?:\.resolve)?\(\s*["']([^"'$\n]+)["']/g,
];

/** Names of packages that modules import. */
function importsOf(name: string, pattern: RegExp): string[] {
  const specifiers = filesOf(name)
    .filter((file) => pattern.test(file) && !file.startsWith("dist/web/"))
    .flatMap((file) => IMPORTS.flatMap((form) => [...read(name, file).matchAll(form)]))
    .map((match) => match[1]!);
  const named = specifiers.filter((specifier) => !/^(\.|node:)/.test(specifier) && !isBuiltin(specifier));
  return [...new Set(named.map((one) => one.split("/", one.startsWith("@") ? 2 : 1).join("/")))];
}

describe.each(ALL)("the package %s", (name) => {
  it("has no scripts, nothing that npm would build, and says where it is from", () => {
    const manifest = manifestOf(name);
    expect(manifest).not.toHaveProperty("scripts");
    expect(filesOf(name)).not.toContain("binding.gyp");
    expect(manifest).toMatchObject({ publishConfig: { access: "public" } });
    for (const field of ["license", "engines", "description"]) expect(manifest).toHaveProperty(field);
    // Only who publishes knows.
    const { AGORA_REPOSITORY } = process.env;
    for (const field of ["repository", "homepage", "bugs"])
      expect(JSON.stringify(manifest[field] ?? "")).toContain(AGORA_REPOSITORY ?? "");
    expect(Boolean(manifest.publishConfig.provenance)).toBe(Boolean(AGORA_REPOSITORY));
    expect("repository" in manifest).toBe(Boolean(AGORA_REPOSITORY));
  });

  it("brings its licence and those of others", () => {
    expect(filesOf(name)).toEqual(expect.arrayContaining(["THIRD_PARTY_LICENSES.md", "README.md"]));
  });
});

describe("the package agora-transcribe", () => {
  it("depends only on what no install script and no compiler is needed for", () => {
    const lock = JSON.parse(readFileSync(path.join(ROOT, "package-lock.json"), "utf8")).packages;
    const withScript: string[] = [];
    const seen = new Set<string>();
    const follow = (name: string) => {
      if (seen.has(name)) return;
      seen.add(name);
      const entry = lock[`node_modules/${name}`];
      if (entry?.hasInstallScript) withScript.push(name);
      Object.keys({ ...entry?.dependencies, ...entry?.optionalDependencies }).forEach(follow);
    };
    Object.keys(manifestOf("agora-transcribe").dependencies).forEach(follow);
    expect(withScript).toEqual([]);
    expect(seen.size).toBeGreaterThan(20);
  });

  it("imports only what it depends on, in types too", () => {
    const { dependencies, peerDependencies } = manifestOf("agora-transcribe");
    const known = Object.keys({ ...dependencies, ...peerDependencies });
    const imported = importsOf("agora-transcribe", /^dist\/.*\.js$/);
    expect(imported).toEqual(expect.arrayContaining(["commander", "node-gyp-build", "undici"]));
    expect(imported.filter((one) => !known.includes(one))).toEqual([]);
    expect(importsOf("agora-transcribe", /\.d\.ts$/)).toEqual([]);
  });

  it("asks for the addon of every system that there is one for, in its own version", () => {
    const { version, optionalDependencies } = manifestOf("agora-transcribe");
    expect(optionalDependencies).toEqual(
      Object.fromEntries([...new Set([...RELEASED, PLATFORM])].map((name) => [name, version])),
    );
    expect(optionalDependencies).not.toHaveProperty("agora-transcribe-linux-x64-cuda");
    expect(manifestOf("agora-transcribe").peerDependencies).toMatchObject({ "agora-transcribe-demo": "*" });
    expect(manifestOf(PLATFORM)).toMatchObject({
      version,
      os: ["linux"],
      cpu: [process.arch],
      libc: ["glibc"],
    });
  });

  it("can be installed on every system", () => {
    for (const field of ["os", "cpu", "libc"])
      expect(manifestOf("agora-transcribe")).not.toHaveProperty(field);
  });

  it("is small, and holds no sources, maps, native code or demo", () => {
    const unwanted = /\.(map|cpp|node|so|wav|flac|png)$|demo.*\.bin$|(^|\/)(test|bench|src|node_modules)\//;
    expect(filesOf("agora-transcribe").filter((file) => unwanted.test(file))).toEqual([]);
    expect(bytesOf("agora-transcribe")).toBeLessThan(6e6);
  });

  it("holds the contracts, the page, the VAD model, the registry and the settings", () => {
    expect(filesOf("agora-transcribe")).toEqual(
      expect.arrayContaining([
        ...["dist/index.js", "dist/index.d.ts", "dist/server/index.d.ts", "dist/cli/main.js"],
        ...["dist/web/index.html", "models/registry.json", "models/silero-v6.2.0.bin", ".env.example"],
        ...["proto/v1/transcription.proto", "proto/v2/transcription.proto", "docs/http.md"],
        ...["proto/grpc/health/v1/health.proto", "proto/grpc/reflection/v1/reflection.proto"],
      ]),
    );
  });

  it("has the licence of everything whose code is in dist/vendor", () => {
    const text = read("agora-transcribe", "THIRD_PARTY_LICENSES.md");
    const titles = [...text.matchAll(/^## (.*)$/gm)].flatMap(([, names]) => names!.split(", "));
    // The bundle names the file of each module in it.
    const code = read("agora-transcribe", "dist/vendor/vendored.cjs");
    const modules = [...code.matchAll(/"(node_modules\/(?:[^"]*\/node_modules\/)?(?:@[^/"]+\/)?[^/"]+)\//g)];
    const vendored = [...new Set(modules.map((match) => match[1]!))].map((folder) => {
      const { name, version } = JSON.parse(readFileSync(path.join(ROOT, folder, "package.json"), "utf8"));
      return `${name} ${version}`;
    });
    expect(vendored.length).toBeGreaterThan(40);
    expect(titles).toEqual(expect.arrayContaining(vendored));
    for (const licence of ["Apache License", "Redistribution and use in source and binary forms", "MIT"])
      expect(text).toContain(licence);
  });

  it("is well made in the eyes of publint and of Are the types wrong", () => {
    const bin = (name: string) => path.join(ROOT, "node_modules", ".bin", name);
    const folder = path.join(packages, "agora-transcribe");
    expect(execFileSync(bin("publint"), ["--strict", folder], { encoding: "utf8" })).toContain("All good");
    const tarball = path.join(packages, `agora-transcribe-${manifestOf("agora-transcribe").version}.tgz`);
    // CommonJS loads the modules as they are, on every Node.js that this package supports.
    const rules = ["--ignore-rules", "cjs-resolves-to-esm", "--exclude-entrypoints", "proto/*", "--no-emoji"];
    expect(execFileSync(bin("attw"), [tarball, ...rules], { encoding: "utf8" })).toContain(
      "No problems found",
    );
  });
});

it("the bill of materials names what is installed, and what is compiled into the addon and the page", () => {
  const { version } = manifestOf("agora-transcribe");
  const bill = JSON.parse(readFileSync(path.join(packages, `agora-transcribe-${version}.cdx.json`), "utf8"));
  expect(bill).toMatchObject({
    bomFormat: "CycloneDX",
    metadata: { component: { name: "agora-transcribe", version } },
  });
  const purls = bill.components.map(({ purl }: { purl: string }) => purl);
  for (const part of [
    "pkg:npm/fastify@",
    "pkg:npm/%40grpc/grpc-js@",
    "pkg:npm/preact@",
    "pkg:npm/nodejs-whisper@",
  ])
    expect(purls).toContainEqual(expect.stringContaining(part));
  for (const part of ["whisper.cpp", "ggml"])
    expect(purls).toContainEqual(
      expect.stringMatching(new RegExp(`^pkg:github/ggml-org/${part}@v\\d+\\.\\d+\\.\\d+$`)),
    );
  expect(purls.filter((purl: string) => /vitest|typescript|cmake-js/.test(purl))).toEqual([]);
});

describe.each(MADE)("the package with the addon %s", (name) => {
  const [, cpu, libc] = /-(x64|arm64)-(gnu|musl)$/.exec(name)!;
  const folder = path.join("prebuilds", `linux-${cpu}`);
  const addon = `agora-transcribe.${libc === "gnu" ? "glibc" : libc}.node`;
  const files = readdirSync(path.join(unpacked, name, folder));
  const variants = files.filter((file) => file.startsWith("libagora-ggml-cpu-"));
  const elf = (file: string, option: string) => {
    const options = { encoding: "utf8", maxBuffer: 1e9 } as const;
    return execFileSync("readelf", ["--wide", option, path.join(unpacked, name, folder, file)], options);
  };

  it("holds the addon as node-gyp-build looks for it, and its libraries beside it", () => {
    expect(files).toEqual(expect.arrayContaining([addon, "libagora-ggml.so", "libagora-ggml-base.so"]));
    expect(variants.length).toBeGreaterThan(0);
  });

  it("finds its libraries beside it, and nothing where it was built", () => {
    for (const file of files)
      expect(elf(file, "--dynamic").match(/R(?:UN)?PATH.*\[(.*)\]/)?.[1], file).toBe("$ORIGIN");
  });

  // What is built for this machine alone has one variant, and needs what this machine has.
  it.skipIf(libc !== "gnu" || variants.length < 2)("needs no newer system than docs/packages.md says", () => {
    const [, minor] = /older than glibc 2\.(\d+) or the libstdc\+\+ of GCC 8\b/.exec(
      readFileSync(path.join(ROOT, "docs/packages.md"), "utf8"),
    )!;
    for (const file of files) {
      const text = elf(file, "--version-info");
      expect(newest(text, "GLIBC_2."), file).toBeLessThanOrEqual(Number(minor));
      expectOldCompiler(text, file);
      expect(elf(file, "--dynamic"), file).not.toMatch(/NEEDED.*gomp/);
    }
  });

  it("is stripped", () => {
    for (const file of files) expect(elf(file, "--sections"), file).not.toContain(".symtab");
  });
});

const CUDA = "agora-transcribe-linux-x64-cuda";
describe.skipIf(!ALL.includes(CUDA))("the package with the CUDA backend", () => {
  const library = "prebuilds/linux-x64/libagora-ggml-cuda.so";
  const elf = (option: string) =>
    execFileSync("readelf", ["--wide", option, path.join(unpacked, CUDA, library)], {
      encoding: "utf8",
      maxBuffer: 1e9,
    });

  it("holds the one library, which needs the driver, cuBLAS and nothing from where it was built", () => {
    expect(filesOf(CUDA).filter((file) => file.startsWith("prebuilds"))).toEqual([library]);
    const text = elf("--dynamic");
    const needed = [...text.matchAll(/NEEDED.*\[(.*)\]/g)].map(([, name]) => name!);
    const known =
      /^(libagora-ggml-base\.so|libcublas\.so\.\d+|libcuda\.so\.1|lib(m|c|gcc_s|stdc\+\+|pthread|dl|rt)\.so\.\d+|ld-linux-.*)$/;
    expect(needed.filter((name) => !known.test(name))).toEqual([]);
    // A library that calls the driver and does not name it would load nowhere.
    expect(needed).toEqual(
      expect.arrayContaining(["libcuda.so.1", expect.stringMatching(/^libcublas\.so\./)]),
    );
    expect(text.match(/R(?:UN)?PATH.*\[(.*)\]/)?.[1]).toBe("$ORIGIN");
  });

  it.skipIf(!MADE.includes(PLATFORM))("has everything that it calls and that no other library has", () => {
    const base = path.join(unpacked, PLATFORM, "prebuilds/linux-x64/libagora-ggml-base.so");
    const options = { encoding: "utf8", maxBuffer: 1e9 } as const;
    const ofBase = execFileSync("readelf", ["--wide", "--dyn-syms", base], options);
    const symbols = (text: string) => [...text.matchAll(/ GLOBAL +DEFAULT +(\d+|UND) (\w+)$/gm)];
    const found = new Set(symbols(ofBase).flatMap(([, at, name]) => (at === "UND" ? [] : [name])));
    // cuBLAS's have no versions either.
    const missing = symbols(elf("--dyn-syms")).flatMap(([, at, name]) =>
      at === "UND" && !found.has(name) && !/^cu(blas)?[A-Z]/.test(name!) ? [name] : [],
    );
    expect(missing).toEqual([]);
  });

  it("needs no newer system than the addon does, and is stripped", () => {
    const versions = elf("--version-info");
    expect(newest(versions, "GLIBC_2.")).toBeLessThanOrEqual(28);
    expectOldCompiler(versions, library);
    expect(elf("--sections")).not.toContain(".symtab");
  });

  it("has code for GPUs", () => {
    expect(elf("--sections")).toContain(".nv_fatbin");
  });
});

describe("the package of the sources", () => {
  it("holds what a build needs, and depends on its tools", () => {
    expect(filesOf("agora-transcribe-source")).toEqual(
      expect.arrayContaining([
        ...["CMakeLists.txt", "native/addon.cpp", "native/addon.map", "native/cmake/ggml.cmake"],
        ...["scripts/build-native.mjs", "scripts/cross-compilers.mjs", "scripts/whisper-cpp-directory.mjs"],
      ]),
    );
    expect(manifestOf("agora-transcribe-source").binary).toEqual({ napi_versions: [8] });
    expect(Object.keys(manifestOf("agora-transcribe-source").dependencies)).toEqual([
      ...["cmake-js", "node-addon-api", "node-api-headers", "nodejs-whisper"],
    ]);
  });
});
