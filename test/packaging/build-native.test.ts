import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
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

  it("says that a folder given for whisper.cpp holds none", () => {
    const { status, stderr } = build(["c++", "make", "cmake"], [], { AGORA_WHISPER_CPP_DIR: bin });
    expect(status).toBe(1);
    expect(stderr).toContain(`no whisper.cpp in ${bin}`);
  });
});
