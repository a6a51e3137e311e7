import { spawnSync } from "node:child_process";
import {
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

const script = fileURLToPath(new URL("../../scripts/build-native.mjs", import.meta.url));

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

  it("says that a folder given for whisper.cpp holds none", () => {
    const { status, stderr } = build(["c++", "make", "cmake"], [], { AGORA_WHISPER_CPP_DIR: bin });
    expect(status).toBe(1);
    expect(stderr).toContain(`no whisper.cpp in ${bin}`);
  });
});
