import { describe, expect, it } from "vitest";
import {
  extensionOf,
  formatResult,
  formatSegments,
  formatTurns,
  type TranscriptionError,
} from "../../../src/index.js";
import { result, segment } from "../../support/results.js";

const WORDS = [
  { start: 0.5, end: 0.9, text: "“Hello,", confidence: 0.91234 },
  { start: 1.1, end: 1.6666666, text: "world!”", confidence: 0.8 },
];
const HELLO = segment(0.5, 1.6666666, "“Hello, world!”", { words: WORDS, tokens: [1, 2, 3] });
const json = (format: "verbose_json" | "whisperx", given = result([HELLO]), options = {}) =>
  JSON.parse(formatResult(given, format, options));

describe("csv", () => {
  it("is whisper.cpp's: milliseconds, and text in quotes", () => {
    const segments = [segment(0, 1.5, 'He said "no", twice\n'), segment(2, 3, "Yes")];
    expect(formatSegments(segments, "csv")).toBe(
      'start,end,text\n0,1500,"He said ""no"", twice"\n2000,3000,"Yes"\n',
    );
  });

  it("names channels in a column of their own", () => {
    const segments = [segment(0, 1, "Hi", { channel: 0 }), segment(1, 2, "Hey", { channel: 1 })];
    expect(formatSegments(segments, "csv", { channelLabels: ["agent, one"] })).toBe(
      'start,end,text,channel\n0,1000,"Hi","agent, one"\n1000,2000,"Hey","channel 1"\n',
    );
  });

  it("names speakers in a column of their own", () => {
    const segments = [
      segment(0, 1, "Hi", { speaker: "SPEAKER_00" }),
      segment(1, 2, "Hey", { speaker: null }),
    ];
    expect(formatSegments(segments, "csv")).toBe(
      'start,end,text,speaker\n0,1000,"Hi","SPEAKER_00"\n1000,2000,"Hey",""\n',
    );
  });

  it("is a header for nothing", () => {
    expect(formatSegments([], "csv")).toBe("start,end,text\n");
  });
});

describe("verbose_json", () => {
  it("has the fields of OpenAI's answer, in its order", () => {
    const given = result([HELLO], { task: "translate", language: "ru" });
    const document = json("verbose_json", given);
    expect(Object.keys(document)).toEqual(["task", "language", "duration", "text", "words", "segments"]);
    expect(document).toMatchObject({ task: "translate", language: "russian", duration: 12 });
    expect(document.segments).toEqual([
      {
        id: 0,
        seek: 50,
        start: 0.5,
        end: 1.666667,
        text: " “Hello, world!”",
        tokens: [1, 2, 3],
        temperature: 0,
        avg_logprob: -0.1,
        compression_ratio: 1.2,
        no_speech_prob: 0.01,
      },
    ]);
  });

  it("has words without punctuation around them", () => {
    expect(json("verbose_json").words).toEqual([
      { word: "Hello", start: 0.5, end: 0.9 },
      { word: "world", start: 1.1, end: 1.666667 },
    ]);
    const odd = ["$5.", "50%,", "rock'n'roll", "…", "(C++)", "«да»"].map((text, i) => ({
      start: i,
      end: i + 1,
      text,
      confidence: 1,
    }));
    const words = json("verbose_json", result([segment(0, 6, "x", { words: odd })])).words;
    expect(words.map(({ word }: { word: string }) => word)).toEqual([
      "$5",
      "50%",
      "rock'n'roll",
      "…",
      "C++",
      "да",
    ]);
  });

  it("has no words where none were timed, and no space before scripts that write none", () => {
    const document = json("verbose_json", result([segment(0, 1, "你好")], { language: "zh" }));
    expect(document).not.toHaveProperty("words");
    expect(document.segments[0]).toMatchObject({ text: "你好", tokens: [] });
    expect(document.language).toBe("chinese");
  });
});

describe("whisperx", () => {
  it("has the fields of WhisperX's JSON", () => {
    const words = [
      { word: "“Hello,", start: 0.5, end: 0.9, score: 0.912 },
      { word: "world!”", start: 1.1, end: 1.667, score: 0.8 },
    ];
    expect(json("whisperx")).toEqual({
      segments: [{ start: 0.5, end: 1.667, text: "“Hello, world!”", avg_logprob: -0.1, words }],
      word_segments: words,
      language: "en",
    });
  });

  it("is as before alignment where no words were timed", () => {
    expect(json("whisperx", result([segment(0, 1, "Hi")]))).toEqual({
      segments: [{ start: 0, end: 1, text: "Hi", avg_logprob: -0.1 }],
      language: "en",
    });
  });

  it("has channels for speakers", () => {
    const words = [{ start: 0, end: 1, text: "Hi", confidence: 1 }];
    const given = result([segment(0, 1, "Hi", { channel: 1, words })]);
    expect(json("whisperx", given).segments[0]).toMatchObject({
      speaker: "SPEAKER_01",
      words: [{ word: "Hi", speaker: "SPEAKER_01" }],
    });
    expect(json("whisperx", given, { channelLabels: ["agent", "customer"] }).segments[0].speaker).toBe(
      "customer",
    );
  });

  it("has the speakers who were told apart, and leaves out who is not known", () => {
    const words = [
      { start: 0, end: 1, text: "Hi", confidence: 1, speaker: "SPEAKER_01" },
      { start: 1, end: 2, text: "you", confidence: 1, speaker: null },
    ];
    const given = result([
      segment(0, 2, "Hi you", { speaker: "SPEAKER_01", channel: 0, words }),
      segment(2, 3, "Who?", { speaker: null }),
    ]);
    const { segments } = json("whisperx", given);
    expect(segments[0]).toMatchObject({ speaker: "SPEAKER_01", words: [{ speaker: "SPEAKER_01" }, {}] });
    expect(segments[0].words[1]).not.toHaveProperty("speaker");
    expect(segments[1]).not.toHaveProperty("speaker");
  });
});

it("whisperx has the voices of speakers where they were asked for", () => {
  const speaker = { role: null, roleConfidence: 0, evidence: [], talkTime: 1, turns: 1 };
  const speakers = [
    { ...speaker, id: "SPEAKER_00", embedding: [0.6, -0.8] },
    { ...speaker, id: "SPEAKER_01" },
  ];
  const document = json("whisperx", result([HELLO], { speakers }));
  expect(Object.keys(document)).toEqual(["segments", "word_segments", "speaker_embeddings", "language"]);
  expect(document.speaker_embeddings).toEqual({ SPEAKER_00: [0.6, -0.8] });
});

describe("rttm", () => {
  const turns = [
    { start: 0.5, end: 2, speaker: "SPEAKER_00", confidence: 1, channel: 0 },
    { start: 1.75, end: 3, speaker: "SPEAKER_01", confidence: 1, channel: 1 },
  ];

  it("has the turns of a result under the recording's name, with overlaps", () => {
    const given = result([HELLO], { turns });
    expect(formatResult(given, "rttm", { recording: "a call" })).toBe(formatTurns(turns, "a call"));
    expect(formatResult(given, "rttm")).toMatch(/^SPEAKER recording 1 0\.500 1\.500 .* SPEAKER_00 /);
    expect(formatResult(given, "rttm", { channelLabels: ["the agent"] })).toContain(" the_agent <NA>");
    expect(formatResult(result([], { turns: [] }), "rttm")).toBe("");
  });

  it("has the turns of channels that are apart, by their labels", () => {
    const hi = segment(3, 4, "Hi", { channel: 1 });
    const given = result([
      segment(0, 1, "Hello", { channel: 0 }),
      segment(1.5, 2, "there", { channel: 0 }),
      hi,
    ]);
    expect(formatResult(given, "rttm", { recording: "call", channelLabels: ["", "customer"] })).toBe(
      "SPEAKER call 1 0.000 2.000 <NA> <NA> SPEAKER_00 <NA> <NA>\n" +
        "SPEAKER call 2 3.000 1.000 <NA> <NA> customer <NA> <NA>\n",
    );
  });

  it("is refused of a result that does not tell who speaks", () => {
    expect(() => formatResult(result([HELLO]), "rttm")).toThrow(
      expect.objectContaining<Partial<TranscriptionError>>({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining("diarize"),
      }),
    );
  });
});

it("files of foreign JSON do not take the place of ours", () => {
  expect(["json", "verbose_json", "whisperx", "csv"].map((format) => extensionOf(format as "json"))).toEqual([
    "json",
    "verbose.json",
    "whisperx.json",
    "csv",
  ]);
});

it.each(["json", "verbose_json", "whisperx", "rttm"])("%s needs a whole result", (format) => {
  const attempt = () => formatSegments([], format as never);
  expect(attempt).toThrow(
    expect.objectContaining<Partial<TranscriptionError>>({ code: "INVALID_ARGUMENT", option: "format" }),
  );
});
