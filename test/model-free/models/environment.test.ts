import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { cacheDirectory } from "../../../src/models/cache.js";
import { defaultModelName, modelEnvironment } from "../../../src/models/environment.js";

describe("the cache folder", () => {
  test("is AGORA_CACHE_DIR first of all", () => {
    expect(cacheDirectory({ AGORA_CACHE_DIR: "/models", XDG_CACHE_HOME: "/xdg" })).toBe("/models");
    expect(cacheDirectory({ AGORA_CACHE_DIR: "models" })).toBe(resolve("models"));
  });

  test("is under XDG_CACHE_HOME otherwise", () => {
    expect(cacheDirectory({ XDG_CACHE_HOME: "/xdg" })).toBe("/xdg/agora-transcribe/models");
  });

  test.each([undefined, "", "relative"])("is under ~/.cache with XDG_CACHE_HOME=%j", (value) => {
    const expected = join(homedir(), ".cache/agora-transcribe/models");
    expect(cacheDirectory(value === undefined ? {} : { XDG_CACHE_HOME: value })).toBe(expected);
  });
});

describe("settings from the environment", () => {
  test.each(["1", "true", "yes", "on"])("AGORA_OFFLINE=%s is on", (value) => {
    expect(modelEnvironment({ AGORA_OFFLINE: value }).offline).toBe(true);
  });

  test.each(["", "0", "false", "No", "off"])("AGORA_OFFLINE=%j is off", (value) => {
    expect(modelEnvironment({ AGORA_OFFLINE: value }).offline).toBe(false);
  });

  test("AGORA_MODEL_MIRROR may end in slashes", () => {
    expect(modelEnvironment({ AGORA_MODEL_MIRROR: "https://mirror.example/hf//" }).mirror).toBe(
      "https://mirror.example/hf",
    );
    expect(modelEnvironment({}).mirror).toBeUndefined();
  });

  test.each(["mirror.example", "file:///models", "https://mirror.example/?a=b", "https://mirror.example/#x"])(
    "AGORA_MODEL_MIRROR=%s is refused",
    (value) => {
      expect(() => modelEnvironment({ AGORA_MODEL_MIRROR: value })).toThrow(
        expect.objectContaining({
          code: "INVALID_ARGUMENT",
          message: expect.stringContaining("AGORA_MODEL_MIRROR"),
        }),
      );
    },
  );

  test("HF_TOKEN goes before HUGGINGFACE_TOKEN", () => {
    expect(modelEnvironment({ HUGGINGFACE_TOKEN: "b" }).token).toBe("b");
    expect(modelEnvironment({ HF_TOKEN: "a", HUGGINGFACE_TOKEN: "b" }).token).toBe("a");
    expect(modelEnvironment({ HF_TOKEN: "" }).token).toBeUndefined();
  });

  test("AGORA_MODEL names the default model", () => {
    expect(defaultModelName({})).toBe("large-v3-turbo-q5_0");
    expect(defaultModelName({ AGORA_MODEL: "tiny" })).toBe("tiny");
  });
});
