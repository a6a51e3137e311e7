import { describe, expect, it } from "vitest";
import { TranscriptionError } from "../../../src/errors.js";
import {
  formatResult,
  formatSegments,
  OUTPUT_FORMATS,
  type OutputFormat,
} from "../../../src/formats/index.js";
import { result, segment } from "../../support/results.js";

const call = result([segment(0, 2.5, "Hello there."), segment(2.5, 4, "Good morning.")]);
const twoChannels = result([
  segment(0, 1, "Hello.", { channel: 0 }),
  segment(1, 2, "Hi & welcome.", { channel: 1 }),
]);

describe("output formats", () => {
  it("write plain text with one segment per line", () => {
    expect(formatResult(call, "txt")).toBe("Hello there.\nGood morning.\n");
  });

  it("write SubRip", () => {
    expect(formatResult(call, "srt")).toBe(
      "1\n00:00:00,000 --> 00:00:02,500\nHello there.\n\n2\n00:00:02,500 --> 00:00:04,000\nGood morning.\n",
    );
  });

  it("write WebVTT", () => {
    expect(formatResult(call, "vtt")).toBe(
      "WEBVTT\n\n00:00:00.000 --> 00:00:02.500\nHello there.\n\n00:00:02.500 --> 00:00:04.000\nGood morning.\n",
    );
  });

  it("write tab-separated values in milliseconds", () => {
    expect(formatResult(call, "tsv")).toBe(
      "start\tend\ttext\n0\t2500\tHello there.\n2500\t4000\tGood morning.\n",
    );
  });

  it("write lyrics", () => {
    expect(formatResult(call, "lrc")).toBe(
      "[re:agora-transcribe]\n[00:00.00] Hello there.\n[00:02.50] Good morning.\n",
    );
  });

  it("give a valid empty document for silence", () => {
    const silent = result([]);
    expect(formatResult(silent, "txt")).toBe("");
    expect(formatResult(silent, "srt")).toBe("");
    expect(formatResult(silent, "vtt")).toBe("WEBVTT\n");
    expect(formatResult(silent, "tsv")).toBe("start\tend\ttext\n");
    expect(formatResult(silent, "lrc")).toBe("[re:agora-transcribe]\n");
    expect(JSON.parse(formatResult(silent, "json"))).toMatchObject({ text: "", segments: [] });
  });

  it("name the channels where they are apart", () => {
    expect(formatResult(twoChannels, "txt")).toBe("[channel 0] Hello.\n[channel 1] Hi & welcome.\n");
    expect(formatResult(twoChannels, "srt")).toContain("\n[channel 1] Hi & welcome.\n");
    expect(formatResult(twoChannels, "vtt")).toContain("\n<v channel 1>Hi &amp; welcome.\n");
    expect(formatResult(twoChannels, "tsv")).toContain(
      "start\tend\ttext\tchannel\n0\t1000\tHello.\tchannel 0\n",
    );
    expect(formatResult(twoChannels, "lrc")).toContain("[00:01.00] channel 1: Hi & welcome.\n");
  });

  it("use the labels given for channels, and numbers for the rest", () => {
    const labelled = formatResult(twoChannels, "vtt", { channelLabels: ["agent <1>\n", ""] });
    expect(labelled).toContain("<v agent &lt;1&gt;>Hello.");
    expect(labelled).toContain("<v channel 1>");
  });

  it("write segments that are still arriving", () => {
    expect(formatSegments([segment(0, 1, "So far.")], "txt")).toBe("So far.\n");
    expect(() => formatSegments([], "json" as "txt")).toThrow(/formatResult/);
  });
});

describe("text that could break a format", () => {
  const nasty = result([segment(0, 1, " a\tb\r\n\n2\n00:00 --> 00:01 <i>&amp;\u2028c\u0000d ")]);

  it("stays on one line everywhere", () => {
    expect(formatResult(nasty, "txt")).toBe("a b 2 00:00 --> 00:01 <i>&amp; c d\n");
    expect(formatResult(nasty, "tsv").split("\n")[1]).toBe("0\t1000\ta b 2 00:00 --> 00:01 <i>&amp; c d");
    expect(formatResult(nasty, "lrc").split("\n")).toHaveLength(3);
  });

  it("is escaped in WebVTT", () => {
    expect(formatResult(nasty, "vtt").split("\n")[3]).toBe("a b 2 00:00 --&gt; 00:01 &lt;i&gt;&amp;amp; c d");
  });

  it("holds no arrow in SubRip", () => {
    expect(formatResult(nasty, "srt").match(/-->/g)).toHaveLength(1);
  });
});

describe("times", () => {
  const line = (start: number, end: number, format: OutputFormat) =>
    formatResult(result([segment(start, end, "x")]), format);

  it("carry into minutes and hours when rounded", () => {
    expect(line(59.9996, 3599.9999, "srt")).toContain("00:01:00,000 --> 01:00:00,000");
    expect(line(59.996, 61, "lrc")).toContain("[01:00.00]");
  });

  it("count on past 99 hours, and past an hour in minutes of lyrics", () => {
    expect(line(360_000, 360_001, "vtt")).toContain("100:00:00.000 --> 100:00:01.000");
    expect(line(7205.5, 7206, "lrc")).toContain("[120:05.50]");
  });

  it("last a frame at least", () => {
    expect(line(2, 1, "srt")).toContain("00:00:02,000 --> 00:00:02,020");
    expect(line(2, 2, "vtt")).toContain("00:00:02.000 --> 00:00:02.020");
    expect(line(2, 1, "tsv")).toContain("2000\t2020\t");
  });

  it("are never negative or not a number", () => {
    expect(line(-0.2, 1, "srt")).toContain("00:00:00,000 --> 00:00:01,000");
    expect(line(Number.NaN, 1, "tsv")).toContain("\n0\t1000\t");
  });
});

describe("JSON", () => {
  it("holds the whole result under its own names, in a fixed order", () => {
    const document = JSON.parse(formatResult(call, "json"));
    expect(document).toEqual(JSON.parse(JSON.stringify(call)));
    const { device, ...rest } = call;
    const reordered = { device, ...rest };
    expect(formatResult(reordered, "json")).toBe(formatResult(call, "json"));
  });

  it("keeps words and channels", () => {
    const words = [{ start: 0, end: 1, text: "Hello.", confidence: 0.5 }];
    const channels = [{ channel: 0, text: "Hello.", language: "en", languageProbability: 1 }];
    const full = result([segment(0, 1, "Hello.", { channel: 0, words })], { channels });
    expect(JSON.parse(formatResult(full, "json"))).toMatchObject({
      segments: [{ channel: 0, words }],
      channels,
    });
  });

  it("shows no trace of 32-bit floats", () => {
    const confidence = Math.fround(0.1);
    const document = formatResult(result([segment(1.2000000000000002, 3, "x", { confidence })]), "json");
    expect(document).toContain('"start": 1.2,');
    expect(document).toContain('"confidence": 0.1,');
  });
});

describe("wrong arguments", () => {
  const attempt = (format: unknown, options: object) => () =>
    formatResult(call, format as OutputFormat, options);

  it.each([
    [
      attempt("docx", {}),
      /one of txt, json, srt, vtt, tsv, lrc, csv, verbose_json, whisperx, rttm for format but received "docx"/,
    ],
    [attempt("toString", {}), /format/],
    [attempt("srt", { maxLineWidth: 0 }), /maxLineWidth/],
    [attempt("srt", { maxLineCount: 1.5 }), /maxLineCount/],
    [attempt("srt", { maxWordsPerLine: Number.NaN }), /maxWordsPerLine/],
    [attempt("vtt", { highlightWords: "yes" }), /highlightWords/],
    [attempt("vtt", { channelLabels: "agent" }), /channelLabels/],
    [attempt("json", { maxLineLength: 3 }), /maxLineLength/],
    [attempt("srt", { maxlinewidth: 3 }), /did you mean maxLineWidth/],
    [attempt("srt", { highlightWords: true }), /wordTimestamps/],
  ])("are named: %#", (call, message) => {
    expect(call).toThrow(message);
    expect(call).toThrow(TranscriptionError);
  });

  it("are none of the documented formats", () => {
    for (const format of OUTPUT_FORMATS) expect(formatResult(twoChannels, format)).toMatch(/\n$/);
  });
});
