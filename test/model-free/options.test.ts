import { describe, expect, it } from "vitest";
import { resolveRequest, resolveTranscriberOptions, splitOptions } from "../../src/config/options.js";
import * as api from "../../src/index.js";

const nothing = (): void => {};

/** For each option of a request what it accepts and what it refuses. */
const REQUEST: Record<keyof api.TranscribeOptions, { good: unknown[]; bad: unknown[] }> = {
  language: {
    good: ["auto", "en", "RU", "Russian", "haitian", "yue"],
    bad: ["", " ", "xx", "klingon", "jp", 7],
  },
  task: { good: ["transcribe", "translate"], bad: ["Translate", "", true] },
  beamSize: { good: [1, 8], bad: [0, 9, -1, 1.5, "5"] },
  bestOf: { good: [1, 8], bad: [0, 9, 2.5] },
  patience: { good: [1, 0.5, 100], bad: [0, -1, 101] },
  lengthPenalty: { good: [0, 1, 10], bad: [-1, 11] },
  temperature: { good: [0, 2, [0], [0, 0.5, 1]], bad: [-0.1, 2.1, [], [0, 3], [0, "1"], Array(21).fill(0)] },
  compressionRatioThreshold: { good: [0, 2.4, null], bad: [-1, 1e9] },
  logProbThreshold: { good: [-1, 0, null], bad: [0.5, -1e9] },
  noSpeechThreshold: { good: [0, 1, null], bad: [-0.1, 1.1] },
  initialPrompt: { good: ["", "Agora", "п".repeat(10_000)], bad: [5, "a\0b", "x".repeat(100_001), ["a"]] },
  prefix: { good: ["", "Good evening"], bad: [5, "a\0b", ["a"]] },
  carryInitialPrompt: { good: [true, false], bad: ["yes"] },
  hotwords: { good: ["", "Agora Borealis", [], ["Agora", "Borealis"]], bad: [5, [""], [1], "a\0b"] },
  repetitionPenalty: { good: [1, 1.2, 0.5, 100], bad: [0, -1, 101] },
  noRepeatNgramSize: { good: [0, 3, 448], bad: [-1, 1.5, 449] },
  hallucinationSilenceThreshold: { good: [2, 0.5, 30, null], bad: [0, -1, 31] },
  promptResetOnTemperature: { good: [0, 0.5, 2], bad: [-1, 3] },
  multilingual: { good: [true, false], bad: ["yes"] },
  languageDetectionThreshold: { good: [0, 1], bad: [-0.1, 1.1] },
  languageDetectionSegments: { good: [1, 10], bad: [0, 1.5] },
  clipTimestamps: {
    good: [[0], [1, 2], [0, 5, 5, 8, 10]],
    bad: [[], 5, "0,5", [-1, 2], [2, 1], [0, 0], [0, 5, 4, 8], [0, 5, 5, 5]],
  },
  maxInitialTimestamp: { good: [0, 1, 30], bad: [-1, 31] },
  prependPunctuations: { good: ["", "([{"], bad: [5, ["("], "a\0b"] },
  appendPunctuations: { good: ["", "..."], bad: [5, "x".repeat(1001)] },
  conditionOnPreviousText: { good: [true, false], bad: ["true", 1] },
  suppressBlank: { good: [true, false], bad: [0] },
  suppressTokens: { good: [[], [-1], [-1, 50257, 3]], bad: [-1, [-2], [1.5], ["a"], [1e9]] },
  suppressNumerals: { good: [true, false], bad: [1] },
  withoutTimestamps: { good: [true, false], bad: ["no"] },
  wordTimestamps: { good: [true, false], bad: [{}] },
  maxTokens: { good: [1, 448], bad: [0, 449, 2.5] },
  vadFilter: { good: [true, false, "auto"], bad: ["on", 1] },
  vadOptions: {
    good: [
      {},
      { threshold: 0.3 },
      { minSpeechDuration: 0, minSilenceDuration: 0, speechPad: 0 },
      { maxSpeechDuration: 20 },
      { maxSpeechDuration: Number.POSITIVE_INFINITY },
    ],
    bad: [
      [],
      "strict",
      { threshold: 0 },
      { threshold: 1.1 },
      { threshold: 0.3, negThreshold: 0.4 },
      { minSilenceDuration: 31 },
      { maxSpeechDuration: 0 },
      { maxSpeechDuration: 0.9 },
      { speechPad: 2, maxSpeechDuration: 4 },
      { speechPad: -1 },
      { treshold: 0.5 },
    ],
  },
  chunkLength: { good: [1, 17.5, 30], bad: [0, 0.9, 31] },
  channels: { good: ["mix", "each", 0, 63], bad: ["left", -1, 64, 0.5] },
  diarize: {
    good: [
      true,
      false,
      {},
      { numSpeakers: 1 },
      { numSpeakers: 1000, embeddings: true },
      { minSpeakers: 2, maxSpeakers: 2 },
      { engine: "community", model: "speakers.gguf" },
      { knownVoices: { Анна: [0, 0.6, -0.8], "Boris 2": [1] } },
    ],
    bad: [
      "yes",
      1,
      null,
      [],
      { numSpeakers: 0 },
      { numSpeakers: -1 },
      { numSpeakers: 1001 },
      { numSpeakers: 2.5 },
      { numSpeakers: 2, maxSpeakers: 3 },
      { minSpeakers: 3, maxSpeakers: 2 },
      { engine: "pyannote" },
      { model: "" },
      { speakers: 2 },
      { knownVoices: {} },
      { knownVoices: [[1, 0]] },
      { knownVoices: { Anna: [] } },
      { knownVoices: { Anna: [0, 0] } },
      { knownVoices: { "": [1, 0] } },
    ],
  },
  roles: {
    good: [
      true,
      false,
      {},
      { sellerChannel: 1 },
      { direction: "inbound" },
      { speakers: { SPEAKER_00: "client" } },
      { sellerVoices: [[0, 0.6, -0.8]] },
    ],
    bad: [
      "seller",
      null,
      { sellerChannel: -1 },
      { direction: "in" },
      { speakers: { SPEAKER_00: "boss" } },
      { sellerVoices: [] },
      { sellerVoices: [0.6, 0.8] },
      { sellerVoices: [[0, 0]] },
      { sellerVoices: [[Number.NaN, 1]] },
    ],
  },
  seed: { good: [0, 2 ** 31 - 1], bad: [-1, 2 ** 31, 0.5] },
  topK: { good: [0, 50], bad: [-1, 0.5] },
  topP: { good: [0.01, 1], bad: [0, 1.1] },
  systemPrompt: { good: ["", "Распознай речь."], bad: [5, "a\0b"] },
  track: { good: [0, 1, 999], bad: [-1, 0.5, 1000, "1", null] },
  userPrompt: { good: ["", "Запиши: "], bad: [null, "x".repeat(10_001)] },
  limits: {
    good: [{}, { maxBytes: 1, maxDuration: 0.5, decodeTimeout: 1 }],
    bad: [{ maxBytes: 0 }, { maxDuration: 0 }, { maxSize: 1 }],
  },
  priority: { good: ["interactive", "bulk"], bad: ["live", "Bulk", "", 1] },
  timeout: { good: [0.001, 604_800], bad: [0, -1, 1e9] },
  signal: { good: [new AbortController().signal], bad: [new AbortController(), {}, true] },
  onSegment: { good: [nothing], bad: ["log", {}] },
  onProgress: { good: [nothing], bad: [true] },
};

const TRANSCRIBER: Record<keyof api.TranscriberOptions, { good: unknown[]; bad: unknown[] }> = {
  model: { good: ["tiny", "/models/ggml-tiny.bin"], bad: ["", "a\0b", 3, "x".repeat(5000)] },
  implementation: { good: ["whisper-cpp"], bad: ["", 1] },
  device: { good: ["auto", "cpu", "cuda"], bad: ["gpu", ""] },
  signal: { good: [new AbortController().signal], bad: [{}, true] },
  batchSize: { good: [1, 256], bad: [0, 257, 1.5, "4"] },
  threads: { good: [1, 256], bad: [0, 257, 1.5, "4"] },
  computeType: {
    good: [
      "auto",
      "float32",
      "f32",
      "float16",
      "f16",
      "bfloat16",
      "bf16",
      "int8",
      "int8_float16",
      "int8_bfloat16",
    ],
    bad: ["", "INT8", "half", "int4", 16, "constructor"],
  },
  draftModel: { good: ["distil-large-v3", "/models/tiny.bin"], bad: ["", 3, "a\0b"] },
  cpuVariant: { good: ["haswell"], bad: ["", 1] },
  cacheDir: { good: ["/models", "models"], bad: ["", 5, "a\0b"] },
  vadModel: { good: ["silero-v6.2.0", null], bad: ["", 1] },
  download: { good: [true, false], bad: ["yes"] },
  onDownload: { good: [nothing], bad: [{}] },
  maxQueue: { good: [1, 1_000_000], bad: [0, 1_000_001] },
  limits: { good: [{ maxBytes: 10 }], bad: [{ maxBytes: -1 }, null] },
};

const everywhereBad = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  1e300,
  Symbol("x"),
  10n,
];

describe.each([
  ["request", REQUEST, resolveRequest],
  ["transcriber", TRANSCRIBER, resolveTranscriberOptions],
] as const)("options of a %s", (_, table, resolve) => {
  for (const [name, { good, bad }] of Object.entries(table)) {
    it(`accept ${name}`, () => {
      for (const value of [...good, undefined]) expect(() => resolve({ [name]: value })).not.toThrow();
    });

    it(`refuse a wrong ${name}, naming it`, () => {
      for (const value of [...bad, ...everywhereBad, ...(good.includes(null) ? [] : [null])]) {
        expect(() => resolve({ [name]: value })).toThrow(
          expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(name) }),
        );
      }
    });
  }

  it("have to be an object", () => {
    for (const value of [null, 5, "fast", [], true]) {
      expect(() => resolve(value)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    }
  });
});

describe("an unknown option", () => {
  it.each([
    ["beam_size", "did you mean beamSize?"],
    ["vad_filter", "did you mean vadFilter?"],
    ["wordTimestamp", "did you mean wordTimestamps?"],
    ["lanuage", "did you mean language?"],
    ["zzz", "known are language, task,"],
    ["__proto__x", "known are"],
    ["constructor", "known are"],
  ])("%s is refused: %s", (key, message) => {
    expect(() => resolveRequest({ [key]: 1 })).toThrow(message);
  });

  it("inside another is named with it", () => {
    expect(() => resolveRequest({ vadOptions: { speech_pad: 1 } })).toThrow(
      "did you mean vadOptions.speechPad?",
    );
  });
});

describe("messages", () => {
  it.each([
    [{ beamSize: 99 }, "Expected an integer from 1 to 8 for beamSize but received 99 of type number"],
    [{ timeout: 0 }, "Expected a number above 0, at most 604800 for timeout but received 0 of type number"],
    [{ task: "x" }, 'Expected "transcribe" or "translate" for task but received "x"'],
    [
      { temperature: [0, 5] },
      "Expected a number from 0 to 2 for temperature[1] but received 5 of type number",
    ],
    [{ limits: { maxBytes: 0 } }, "for limits.maxBytes but received 0"],
    [
      { language: "en", multilingual: true },
      'Expected "auto" with multilingual, which detects it for each window for language but received "en"',
    ],
    [{ clipTimestamps: [0, 5, 3] }, "Expected a time after 5 for clipTimestamps[2] but received 3"],
    [{ language: "rusian" }, 'did you mean "russian"?'],
  ])("of %j say what was given and what was expected", (options, message) => {
    expect(() => resolveRequest(options)).toThrow(message);
  });
});

describe("defaults", () => {
  it("are those of faster-whisper and openai-whisper", () => {
    expect(resolveRequest({})).toEqual({
      language: undefined,
      detection: { threshold: 0.5, segments: 4 },
      multilingual: false,
      window: {
        task: "transcribe",
        beamSize: 1,
        bestOf: 5,
        patience: 1,
        lengthPenalty: -1,
        temperatures: [0, 0.2, 0.4, 0.6, 0.8, 1],
        compressionRatioThreshold: 2.4,
        logProbThreshold: -1,
        noSpeechThreshold: 0.6,
        hotwords: "",
        prefix: "",
        initialPrompt: "",
        suppressBlank: true,
        suppressTokens: [],
        suppressNonSpeech: true,
        suppressNumerals: false,
        withoutTimestamps: false,
        wordTimestamps: false,
        priority: "interactive",
        repetitionPenalty: 1,
        noRepeatNgramSize: 0,
        hallucinationSilenceThreshold: null,
        maxInitialTimestamp: 1,
        prependPunctuations: "\"'“¿([{-",
        appendPunctuations: "\"'.。,，!！?？:：”)]}、;…",
        seed: 0,
        generation: { topK: 50, topP: 0.9, systemPrompt: "", userPrompt: "" },
      },
      maxTokens: undefined,
      conditionOnPreviousText: false,
      carryInitialPrompt: false,
      promptResetOnTemperature: 0.5,
      clips: undefined,
      vadFilter: "auto",
      vadOptions: {
        threshold: 0.5,
        negThreshold: 0.35,
        minSpeechDuration: 0,
        minSilenceDuration: 2,
        speechPad: 0.4,
        maxSpeechDuration: Number.POSITIVE_INFINITY,
      },
      chunkLength: 30,
      channels: "mix",
      diarize: undefined,
      roles: undefined,
      limits: api.DEFAULT_LIMITS,
      timeout: undefined,
      signal: undefined,
      onSegment: undefined,
      onProgress: undefined,
    });
  });

  it("give way to null where a threshold is switched off", () => {
    const { window } = resolveRequest({
      compressionRatioThreshold: null,
      logProbThreshold: null,
      noSpeechThreshold: null,
    });
    expect(window).toMatchObject({
      compressionRatioThreshold: null,
      logProbThreshold: null,
      noSpeechThreshold: null,
    });
  });

  it("of the lower VAD threshold follow the upper one", () => {
    expect(resolveRequest({ vadOptions: { threshold: 0.8 } }).vadOptions.negThreshold).toBeCloseTo(0.65);
    expect(resolveRequest({ vadOptions: { threshold: 0.1 } }).vadOptions.negThreshold).toBe(0.01);
  });

  it("of limits are laid under the transcriber's and the request's", () => {
    const { limits } = resolveRequest({ limits: { maxBytes: 5 } }, { maxBytes: 9, maxDuration: 7 });
    expect(limits).toEqual({ maxBytes: 5, maxDuration: 7, decodeTimeout: 600 });
  });
});

describe("clips", () => {
  it("are pairs of times, the last one open", () => {
    expect(resolveRequest({ clipTimestamps: [1, 2, 4] }).clips).toEqual([
      { start: 1, end: 2 },
      { start: 4, end: Number.POSITIVE_INFINITY },
    ]);
  });
});

describe("compute types", () => {
  it("have one name each, whatever they were called", () => {
    const named = ["auto", "f32", "f16", "bf16", "float16"].map(
      (computeType) => resolveTranscriberOptions({ computeType }).computeType,
    );
    expect(named).toEqual(["auto", "float32", "float16", "bfloat16", "float16"]);
    expect(() => resolveTranscriberOptions({ computeType: "flot16" })).toThrow('did you mean "float16"?');
  });
});

describe("suppressed tokens", () => {
  it("tell -1, all non-speech symbols, from token ids", () => {
    const { window } = resolveRequest({ suppressTokens: [-1, 7] });
    expect(window).toMatchObject({ suppressTokens: [7], suppressNonSpeech: true });
    expect(resolveRequest({ suppressTokens: [7] }).window.suppressNonSpeech).toBe(false);
  });
});

describe("options of a one-shot transcription", () => {
  it("are told apart", () => {
    const { signal } = new AbortController();
    expect(
      splitOptions({
        model: "tiny",
        language: "en",
        limits: { maxBytes: 5 },
        threads: 2,
        signal,
        task: undefined,
      }),
    ).toEqual({
      transcriber: { model: "tiny", threads: 2 },
      request: { language: "en", limits: { maxBytes: 5 }, signal },
    });
  });
});
