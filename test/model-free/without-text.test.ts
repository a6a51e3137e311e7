import { describe, expect, it } from "vitest";
import { detectSpeech, diarize } from "../../src/index.js";

const SILENCE = { samples: new Float32Array(32_000), sampleRate: 16_000 };

/** How options are refused that no type allows. */
const refused = (work: (input: typeof SILENCE, options: never) => Promise<unknown>, options: object) =>
  work(SILENCE, options as never).then(
    () => undefined,
    ({ code, message, option }) => ({ code, message, option }),
  );

describe("detectSpeech", () => {
  it.each([
    [{ threshold: 7 }, "threshold", "Expected a number from 0.01 to 1 for threshold but received 7"],
    [{ speechPad: "long" }, "speechPad", "for speechPad but received"],
    [
      { threshold: 0.3, negThreshold: 0.4 },
      "negThreshold",
      "Expected negThreshold to be at most threshold (0.3)",
    ],
    [{ speechPad: 1, maxSpeechDuration: 2 }, "maxSpeechDuration", "beside the speechPad of 1"],
    [{ channels: "each" }, "channels", '"mix" or the index of a channel'],
    [{ beamSize: 5 }, "beamSize", "beamSize is for transcriptions: finding speech has no use for it"],
    [{ wordTimestamps: true }, "wordTimestamps", "finding speech"],
    [{ treshold: 0.5 }, "treshold", "did you mean threshold?"],
    [{ model: "tiny" }, "model", 'Unknown option "model"'],
    [null, "options", "an object"],
  ])("refuses %j by the name that it has here", async (options, option, message) => {
    const { code, ...error } = (await refused(detectSpeech, options as object))!;
    expect(code).toBe("INVALID_ARGUMENT");
    expect(error).toEqual({ option, message: expect.stringContaining(message) });
    expect(error.message).not.toContain("vadOptions");
  });
});

describe("diarize", () => {
  it.each([
    [{ numSpeakers: 0 }, "numSpeakers", "Expected an integer from 1 to 1000 for numSpeakers but received 0"],
    [{ numSpeakers: 2, minSpeakers: 1 }, "numSpeakers", "Expected no minSpeakers or maxSpeakers beside"],
    [{ minSpeakers: 3, maxSpeakers: 2 }, "minSpeakers", "at most maxSpeakers, which is 2,"],
    [{ engine: "magic" }, "engine", "for engine but received"],
    [{ knownVoices: {} }, "knownVoices", "for knownVoices but received"],
    [{ channels: "each" }, "channels", '"mix" or the index of a channel'],
    [{ beamSize: 5 }, "beamSize", "beamSize is for transcriptions: telling speakers apart has no use for it"],
    [{ vadOptions: {} }, "vadOptions", "telling speakers apart"],
    [{ numSpeaker: 2 }, "numSpeaker", "did you mean numSpeakers?"],
    [{ threads: 0 }, "threads", "for threads but received 0"],
    [{ diarize: true }, "diarize", "telling speakers apart"],
  ])("refuses %j by the name that it has here", async (options, option, message) => {
    const { code, ...error } = (await refused(diarize, options))!;
    expect(code).toBe("INVALID_ARGUMENT");
    expect(error).toEqual({ option, message: expect.stringContaining(message) });
    expect(error.message).not.toContain("diarize.");
  });
});
