import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it, vi } from "vitest";
import {
  libcOf,
  locateAddon,
  missingAddon,
  otherVersion,
  platformPackage,
  thisSystem,
  unloadableAddon,
  wrongRuntime,
} from "../../../src/addon/locate.js";
import { VERSION } from "../../../src/version.js";
import { runProgram } from "../../support/program.js";
import { temporaryFolder } from "../../support/temporary-folder.js";

describe("the package with the addon", () => {
  it.each([
    [{ platform: "linux", arch: "x64", libc: "glibc" as const }, "agora-transcribe-linux-x64-gnu"],
    [{ platform: "linux", arch: "arm64", libc: "musl" as const }, "agora-transcribe-linux-arm64-musl"],
    [{ platform: "darwin", arch: "arm64", libc: undefined }, "agora-transcribe-darwin-arm64"],
  ])("for %o is %s", (system, name) => {
    expect(platformPackage(system)).toBe(name);
  });
});

describe("the C library", () => {
  const mapping = (file: string) => `7f0000000000-7f0000001000 r-xp 00000000 fe:00 1234          ${file}\n`;
  it.each([
    ["/usr/lib/x86_64-linux-gnu/libc.so.6", "glibc"],
    ["/usr/lib64/libc-2.28.so", "glibc"],
    ["/usr/lib/x86_64-linux-gnu/libc.so.6 (deleted)", "glibc"],
    ["/lib/ld-musl-x86_64.so.1", "musl"],
    ["/usr/lib/musl/lib/libc.so", "musl"],
  ])("that %s is of is %s", (file, libc) => {
    expect(libcOf(`${mapping("/usr/bin/node")}${mapping(file)}${mapping("/usr/lib/libcrypt.so.6")}`)).toBe(
      libc,
    );
  });

  it("is that of this program", () => {
    const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
    const expected =
      process.platform === "linux" ? (header.glibcVersionRuntime ? "glibc" : "musl") : undefined;
    expect(thisSystem().libc).toBe(expected);
  });
});

describe("where there is no addon", () => {
  it("macOS and Windows are told where the package works", () => {
    expect(missingAddon({ platform: "darwin", arch: "arm64", libc: undefined })).toMatch(
      /works on Linux only; this is darwin on arm64\. Run it in a container, or on a Linux machine/,
    );
    expect(missingAddon({ platform: "win32", arch: "x64", libc: undefined })).toMatch(/Run it in WSL, or/);
  });

  it.each(["x64", "arm64"])("a system with a package is told its name and version: %s", (arch) => {
    const advice = new RegExp(
      `\`npm install agora-transcribe-linux-${arch}-gnu@\\d+\\.\\d+\\.\\d+\` adds it; \`npx agora-transcribe build\``,
    );
    expect(missingAddon({ platform: "linux", arch, libc: "glibc" })).toMatch(advice);
  });

  it.each([
    { platform: "linux", arch: "x64", libc: "musl" as const },
    { platform: "linux", arch: "arm64", libc: "musl" as const },
    { platform: "linux", arch: "riscv64", libc: "glibc" as const },
  ])("a system without a package is told to build: %o", (system) => {
    expect(missingAddon(system)).toMatch(
      /no prebuilt addon .* for Linux on \w+ with \w+: `npx agora-transcribe build`/,
    );
  });

  it("a clone is told to build as clones do", () => {
    expect(missingAddon({ platform: "linux", arch: "x64", libc: "glibc" }, true)).toContain(
      "`npm run build:native`",
    );
  });
});

describe("a place that is given", () => {
  it("may be relative to the working folder", async () => {
    const folder = await temporaryFolder();
    const file = path.join(folder, "build", "Release", "agora_transcribe.node");
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, "");
    vi.stubEnv("AGORA_TRANSCRIBE_PREBUILD", path.relative(process.cwd(), folder));
    expect(locateAddon()).toBe(file);
    vi.unstubAllEnvs();
  });

  it.each([
    ["AGORA_PACKAGE_DIR", /AGORA_PACKAGE_DIR names .*, where the package agora-transcribe is not/],
    [
      "AGORA_TRANSCRIBE_PREBUILD",
      /AGORA_TRANSCRIBE_PREBUILD names .*, where there is no addon for this system/,
    ],
  ])("by %s and holds nothing is an error that names it", async (variable, message) => {
    const folder = await temporaryFolder();
    const { stdout, stderr } = await runProgram(`
      process.env.${variable} = ${JSON.stringify(folder)};
      await createTranscriber({ model: "demo" }).catch(({ code, message }) => console.log(code, message));
    `);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^DEVICE_UNAVAILABLE /);
    expect(stdout).toMatch(message);
    expect(stdout).toContain(folder);
  });
});

describe("what runs the program", () => {
  it("is told of where it has no libuv", () => {
    expect(wrongRuntime({ ...process.versions, bun: "1.4.5" })).toMatch(
      /Bun 1\.4\.5 does not.*run this program by Node\.js/,
    );
    expect(wrongRuntime({ ...process.versions, deno: "2.9.6" })).toMatch(/Deno 2\.9\.6 does not/);
    expect(wrongRuntime(process.versions)).toBeUndefined();
  });
});

describe("an addon that does not load", () => {
  it("for want of a newer C library says what it needs", () => {
    const cause = new Error(
      "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.28' not found (required by /a.node)",
    );
    expect(unloadableAddon("/a.node", cause)).toMatch(
      /GLIBC_2\.28' not found.*\nPrebuilt addons need glibc 2\.28/s,
    );
  });

  it("on musl says that it is of another C library, and what to do", () => {
    const cause = new Error(
      "Error loading shared library libstdc++.so.6: No such file or directory (needed by /a.node)",
    );
    expect(unloadableAddon("/a.node", cause)).toMatch(
      /Prebuilt addons need glibc.*`npx agora-transcribe build`/,
    );
  });

  it("for another reason says that reason alone", () => {
    expect(unloadableAddon("/a.node", new Error("file too short"))).toBe(
      "The native addon /a.node could not be loaded: file too short",
    );
  });
});

describe("an addon of another version", () => {
  it("is not used, and the message names both versions and what to do", async () => {
    const folder = await temporaryFolder();
    const file = path.join(folder, "build", "Release", "agora_transcribe.node");
    const { stdout, stderr } = await runProgram(`
      import { mkdirSync, writeFileSync } from "node:fs";
      import { Module } from "node:module";
      mkdirSync(${JSON.stringify(path.dirname(file))}, { recursive: true });
      writeFileSync(${JSON.stringify(file)}, "");
      Module._extensions[".node"] = (module) => { module.exports = { version: "0.0.9" }; };
      process.env.AGORA_TRANSCRIBE_PREBUILD = ${JSON.stringify(folder)};
      await createTranscriber({ model: "demo" }).catch(({ code, message }) => console.log(code, message));
    `);
    expect(stderr).toBe("");
    expect(stdout).toContain(
      `DEVICE_UNAVAILABLE The native addon ${file} is of version 0.0.9, this package of `,
    );
    expect(stdout).toContain(`\`npx agora-transcribe build --out ${folder}\` builds it anew`);
  });

  it("was made before addons told theirs", () => {
    expect(otherVersion("/a.node", undefined)).toMatch(
      /\/a\.node is of version unknown, this package of \d+\.\d+\.\d+: run `npm run build:native`$/,
    );
  });

  it("is not one of this version", () => {
    expect(otherVersion("/a.node", VERSION)).toBeUndefined();
  });
});
