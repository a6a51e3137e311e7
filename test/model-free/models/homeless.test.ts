import type os from "node:os";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { cacheDirectory, NOWHERE } from "../../../src/models/cache.js";
import { modelEnvironment } from "../../../src/models/environment.js";
import { huggingFaceCache } from "../../../src/models/hugging-face-cache.js";
import { resolveModel } from "../../../src/models/resolve.js";
import { runProgram } from "../../support/program.js";

vi.mock("node:os", async (original) => {
  const actual = await original<typeof os>();
  const missing = () => {
    throw new Error("A system error occurred: uv_os_homedir returned ENOENT (no such file or directory)");
  };
  return { ...actual, homedir: vi.fn(missing), userInfo: vi.fn(missing), default: actual };
});

describe("a user without a home folder", () => {
  beforeEach(() => {
    for (const name of [
      "AGORA_CACHE_DIR",
      "XDG_CACHE_HOME",
      "HF_HOME",
      "HF_HUB_CACHE",
      "HUGGINGFACE_HUB_CACHE",
    ])
      vi.stubEnv(name, "");
  });
  afterEach(() => vi.unstubAllEnvs());

  test("has caches where settings name them", () => {
    expect(cacheDirectory({ AGORA_CACHE_DIR: "/models" })).toBe("/models");
    expect(cacheDirectory({ XDG_CACHE_HOME: "/xdg" })).toBe("/xdg/agora-transcribe/models");
    expect(huggingFaceCache({ HF_HOME: "/hf" })).toBe("/hf/hub");
  });

  test("has none elsewhere, which is no error as long as none is needed", async () => {
    expect(modelEnvironment({})).toMatchObject({ cacheDirectory: NOWHERE });
    expect(modelEnvironment({}).huggingFaceCache).toBeUndefined();
    expect(modelEnvironment({ HF_HOME: "~/hf" }).huggingFaceCache).toBeUndefined();
    expect((await resolveModel("demo", { kind: "whisper" })).path).toContain("demo");
  });

  test("is told what to set where one is needed", async () => {
    for (const name of ["tiny", "openai/whisper-tiny"]) {
      const environment = modelEnvironment({ AGORA_MODEL_MIRROR: "http://127.0.0.1:9" });
      environment.retry = { attempts: 1, firstDelay: 0, maxDelay: 0, stallTimeout: 1 };
      await expect(resolveModel(name, { kind: "whisper" }, environment)).rejects.toMatchObject({
        code: "MODEL_NOT_FOUND",
        message: expect.stringContaining("AGORA_CACHE_DIR"),
      });
    }
  });
});

test.skipIf(process.getuid?.() !== 0)("transcribes under a number that no user has", async () => {
  const { stdout, stderr, code } = await runProgram(`
    for (const name of Object.keys(process.env)) if (name !== "PATH") delete process.env[name];
    process.setgid(12345);
    process.setuid(12345);
    console.log((await transcribe(sampleAudio("sales-call-en", 0, 6), DEMO)).text);
  `);
  expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
  expect(stdout).toContain("My phone number");
});
