import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const scripts = fileURLToPath(new URL("../../scripts/", import.meta.url));
const script = path.join(scripts, "build-native.mjs");
/** Who may write nothing that is not open to all, not even where the tests run as root. */
const NOBODY = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

describe("scripts/build-native.mjs", () => {
  let bin: string;

  beforeEach(() => {
    bin = mkdtempSync(path.join(tmpdir(), "agora-bin-"));
  });
  afterEach(() => rmSync(bin, { recursive: true }));

  /** Runs the script where `programs` are all that PATH offers; each of them succeeds at anything. */
  function build(programs: string[], args: string[] = [], env: NodeJS.ProcessEnv = {}) {
    for (const program of programs) symlinkSync("/bin/true", path.join(bin, program));
    return spawnSync(process.execPath, [script, ...args], { env: { PATH: bin, ...env }, encoding: "utf8" });
  }

  it("names every missing tool and how to get it", () => {
    const { status, stderr } = build([]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/C\+\+ compiler.*CMake.*make/);
    expect(stderr).toContain("apt-get install -y g++ make cmake");
  });

  it("does not name what is there", () => {
    const { status, stderr } = build(["c++", "make"]);
    expect(status).toBe(1);
    expect(stderr).toContain("CMake");
    expect(stderr).not.toContain("compiler (g++)");
  });

  it("says that there is no CUDA toolkit, and where it looked", () => {
    const { status, stderr } = build(["c++", "make", "cmake"], ["--cuda"], { CUDA_HOME: "/nowhere/cuda" });
    expect(status).toBe(1);
    expect(stderr).toContain("no CUDA toolkit: nvcc was not found (looked for /nowhere/cuda/bin/nvcc)");
  });

  it("tells CMake the CUDA toolkit that CUDA_HOME names and where to build to, and fetches nothing", () => {
    const toolkit = path.join(bin, "cuda");
    mkdirSync(path.join(toolkit, "bin"), { recursive: true });
    symlinkSync("/bin/true", path.join(toolkit, "bin", "nvcc"));
    const log = path.join(bin, "cmake.log");
    const script = `#!/bin/sh\nfor argument; do echo "$argument" >> ${log}; done\n`;
    writeFileSync(path.join(bin, "cmake"), script, { mode: 0o755 });
    const { status, stderr } = build(["c++", "g++", "make", "ninja"], ["--cuda", "--out", bin], {
      CUDA_HOME: toolkit,
      // Where cmake-js would keep headers that it downloads.
      HOME: bin,
      HTTPS_PROXY: "http://127.0.0.1:9",
    });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    const given = readFileSync(log, "utf8").split("\n");
    expect(given).toContain(`-DCUDAToolkit_ROOT=${toolkit}`);
    expect(given).toContain(`-DCMAKE_CUDA_COMPILER=${toolkit}/bin/nvcc`);
    expect(given).toContain(`-DAGORA_OUTPUT_DIR=${bin}/build/Release`);
    expect(readdirSync(bin)).not.toContain(".cmake-js");
  });

  it("builds beside the addon where the sources cannot be written to", () => {
    const sources = path.join(bin, "sources");
    cpSync(scripts, path.join(sources, "scripts"), { recursive: true });
    for (const file of ["package.json", "CMakeLists.txt"])
      cpSync(path.join(scripts, "..", file), path.join(sources, file));
    symlinkSync(path.join(scripts, "..", "node_modules"), path.join(sources, "node_modules"));
    chmodSync(sources, 0o555);
    const out = path.join(bin, "out");
    mkdirSync(out, { mode: 0o777 });
    for (const folder of [bin, out]) chmodSync(folder, 0o777);
    const log = path.join(out, "cmake.log");
    const cmake = `#!/bin/sh\nfor argument; do echo "$argument" >> ${log}; done\n`;
    writeFileSync(path.join(bin, "cmake"), cmake, { mode: 0o755 });
    for (const program of ["c++", "g++", "make", "ninja"]) symlinkSync("/bin/true", path.join(bin, program));
    const args = [path.join(sources, "scripts", "build-native.mjs"), "--out", out];
    const env = { PATH: bin, HOME: out };
    const { status, stderr } = spawnSync(process.execPath, args, { ...NOBODY, env, encoding: "utf8" });
    // Or who is not root could not remove it.
    chmodSync(sources, 0o755);
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(readFileSync(log, "utf8").split("\n")).toContain(path.join(out, "build", "cmake"));
    expect(existsSync(path.join(sources, "build"))).toBe(false);
  });

  it("says that a folder given for whisper.cpp holds none", () => {
    const { status, stderr } = build(["c++", "make", "cmake"], [], { AGORA_WHISPER_CPP_DIR: bin });
    expect(status).toBe(1);
    expect(stderr).toContain(`no whisper.cpp in ${bin}`);
  });
});
