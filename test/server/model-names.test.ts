import { describe, expect, it } from "vitest";
import { modelNamed, noModel } from "../../src/service/models/names.js";

const model = (name: string, fileBytes = 1, aliases: string[] = []) => ({ name, aliases, fileBytes });
const MAIN = model("base-q8_0", 80, ["our/speech"]);
const MODELS = [
  MAIN,
  model("tiny", 75),
  model("small-q5_1", 180),
  model("small-q8_0", 260),
  model("large-v3", 3000, ["large"]),
  model("distil-large-v3", 1500),
  model("Vikhrmodels/Borealis", 900),
  model("ggml-mine.bin", 10),
];

describe("a name", () => {
  it.each([
    ["base-q8_0", "base-q8_0"],
    ["our/speech", "base-q8_0"],
    ["whisper-1", "base-q8_0"],
    ["gpt-4o-mini-transcribe-2026-01-01", "base-q8_0"],
    ["base", "base-q8_0"],
    ["openai/whisper-base", "base-q8_0"],
    ["tiny", "tiny"],
    ["Systran/faster-whisper-tiny", "tiny"],
    ["ggml-tiny.bin", "tiny"],
    ["large", "large-v3"],
    ["openai/whisper-large", "large-v3"],
    ["large-v3", "large-v3"],
    ["distil-whisper/distil-large-v3", "distil-large-v3"],
    // Of several with fewer bits, the one that has lost least.
    ["small", "small-q8_0"],
    ["small-q5_1", "small-q5_1"],
    ["Vikhrmodels/Borealis", "Vikhrmodels/Borealis"],
    ["mine", "ggml-mine.bin"],
    ["medium", undefined],
    ["small.en", undefined],
    ["tiny-q5_1", undefined],
    ["", undefined],
    ["../tiny", undefined],
    ["/models/tiny", undefined],
  ])("%j means %j", (name, meant) => {
    expect(modelNamed(name, MODELS)?.name).toBe(meant);
  });

  it("of the very model goes before what the main one may be called", () => {
    expect(modelNamed("base", [MAIN, model("base")])?.name).toBe("base");
    expect(modelNamed("openai/whisper-base", [MAIN, model("base")])?.name).toBe("base");
    expect(modelNamed("our/speech", [MAIN, model("our/speech")])?.name).toBe("base-q8_0");
    expect(modelNamed("tiny", [])).toBeUndefined();
  });

  it("that nothing is meant by is told what may have been", () => {
    expect(noModel("tinny", MODELS)).toMatchObject({
      code: "MODEL_NOT_FOUND",
      option: "model",
      message: 'No model "tinny" is installed here: did you mean tiny?',
    });
    expect(noModel("openai/whisper-larg-v3", MODELS).message).toMatch(/did you mean large-v3\?$/);
    expect(noModel("medium.en", MODELS.slice(0, 2)).message).toMatch(
      /: there are base-q8_0, tiny, whisper-1$/,
    );
    const many = Array.from({ length: 30 }, (_, index) => model(`model-${index}-of-many`));
    expect(noModel("x".repeat(5000), many).message.length).toBeLessThan(600);
  });
});
