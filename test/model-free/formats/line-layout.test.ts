import { describe, expect, it } from "vitest";
import { formatResult, formatSegments } from "../../../src/formats/index.js";
import { evenWords, result, segment } from "../../support/results.js";

const SENTENCE = "The quick brown fox jumps over the lazy dog";
const timed = segment(0, 9, SENTENCE, { words: evenWords(0, 1, SENTENCE.split(" ")) });

/** Times and lines of the cues of a SubRip document. */
function cues(document: string): { time: string; lines: string[] }[] {
  return document
    .trimEnd()
    .split("\n\n")
    .map((block) => {
      const [, time, ...lines] = block.split("\n");
      return { time: time!, lines };
    });
}

describe("lines of subtitles", () => {
  it("are filled up to the width, at words", () => {
    const [cue] = cues(formatSegments([timed], "srt", { maxLineWidth: 20 }));
    expect(cue!.lines).toEqual(["The quick brown fox", "jumps over the lazy", "dog"]);
  });

  it("fill the width exactly before they break", () => {
    const text = "abc def ghi";
    expect(cues(formatSegments([segment(0, 1, text)], "srt", { maxLineWidth: 7 }))[0]!.lines).toEqual([
      "abc def",
      "ghi",
    ]);
  });

  it("become further cues beyond the line count, timed by the words", () => {
    expect(cues(formatSegments([timed], "srt", { maxLineWidth: 20, maxLineCount: 2 }))).toEqual([
      { time: "00:00:00,000 --> 00:00:08,000", lines: ["The quick brown fox", "jumps over the lazy"] },
      { time: "00:00:08,000 --> 00:00:09,000", lines: ["dog"] },
    ]);
  });

  it("hold so many words, one line at a time", () => {
    expect(cues(formatSegments([timed], "srt", { maxWordsPerLine: 4 }))).toEqual([
      { time: "00:00:00,000 --> 00:00:04,000", lines: ["The quick brown fox"] },
      { time: "00:00:04,000 --> 00:00:08,000", lines: ["jumps over the lazy"] },
      { time: "00:00:08,000 --> 00:00:09,000", lines: ["dog"] },
    ]);
  });

  it("share a segment's time by length where words were not timed", () => {
    const untimed = segment(10, 20, "aaaa bbbbb");
    expect(cues(formatSegments([untimed], "srt", { maxWordsPerLine: 1 }))).toEqual([
      { time: "00:00:10,000 --> 00:00:14,000", lines: ["aaaa"] },
      { time: "00:00:15,000 --> 00:00:20,000", lines: ["bbbbb"] },
    ]);
  });

  it("exceed the width only for a word that is longer", () => {
    const [cue] = cues(
      formatSegments([segment(0, 1, "a Donaudampfschifffahrt b")], "srt", { maxLineWidth: 5 }),
    );
    expect(cue!.lines).toEqual(["a", "Donaudampfschifffahrt", "b"]);
  });

  it("count code points, not code units", () => {
    const [cue] = cues(formatSegments([segment(0, 1, "😀😀 😀😀")], "srt", { maxLineWidth: 5 }));
    expect(cue!.lines).toEqual(["😀😀 😀😀"]);
  });

  it("break in scripts without spaces, and never before punctuation", () => {
    const text = "今日はとても良い天気ですね。明日も晴れるでしょう。";
    const [cue] = cues(formatSegments([segment(0, 4, text)], "srt", { maxLineWidth: 8 }));
    expect(cue!.lines.length).toBeGreaterThan(2);
    expect(cue!.lines.join("")).toBe(text);
    for (const line of cue!.lines) expect(line).not.toMatch(/^[。、]/);
  });

  it("join timed words of scripts without spaces as the text has them", () => {
    const words = evenWords(0, 1, ["今日", "は", "晴れ", "です"]);
    const [cue] = cues(
      formatSegments([segment(0, 4, "今日は晴れです", { words })], "srt", { maxLineWidth: 5 }),
    );
    expect(cue!.lines).toEqual(["今日は晴れ", "です"]);
  });

  it.each([[["Something", "else"]], [["The"]], [["text"]]])(
    "keep the text where its words are said to be %j",
    (texts) => {
      const words = evenWords(0, 1, texts);
      expect(cues(formatSegments([segment(0, 2, "The text", { words })], "srt"))[0]!.lines).toEqual([
        "The text",
      ]);
    },
  );

  it("never mix segments", () => {
    const document = formatSegments([segment(0, 1, "One."), segment(1, 2, "Two.")], "srt", {
      maxLineWidth: 80,
      maxLineCount: 2,
    });
    expect(cues(document)).toHaveLength(2);
  });

  it("keep every word, whatever the options", () => {
    for (const maxLineWidth of [1, 7, 40]) {
      for (const maxLineCount of [1, 3]) {
        for (const maxWordsPerLine of [1, 5]) {
          const options = { maxLineWidth, maxLineCount, maxWordsPerLine };
          const document = formatResult(result([timed, segment(9, 12, SENTENCE)]), "srt", options);
          const text = cues(document).flatMap((cue) => cue.lines);
          expect(text.join(" ")).toBe(`${SENTENCE} ${SENTENCE}`);
        }
      }
    }
  });
});

describe("highlighted words", () => {
  it("are underlined while they are spoken, with pauses in between", () => {
    const words = [
      { start: 0.5, end: 1, text: "Yes,", confidence: 1 },
      { start: 1.5, end: 2, text: "<sure>", confidence: 1 },
    ];
    const document = formatSegments([segment(0, 2, "Yes, <sure>", { words })], "vtt", {
      highlightWords: true,
    });
    expect(document).toBe(
      [
        "WEBVTT",
        "",
        "00:00:00.000 --> 00:00:00.500",
        "Yes, &lt;sure&gt;",
        "",
        "00:00:00.500 --> 00:00:01.000",
        "<u>Yes,</u> &lt;sure&gt;",
        "",
        "00:00:01.000 --> 00:00:01.500",
        "Yes, &lt;sure&gt;",
        "",
        "00:00:01.500 --> 00:00:02.000",
        "Yes, <u>&lt;sure&gt;</u>",
        "",
      ].join("\n"),
    );
  });

  it("leave no gap and no overlap, also when words have no duration", () => {
    const words = [
      { start: 0, end: 1, text: "a", confidence: 1 },
      { start: 1, end: 1, text: "b", confidence: 1 },
      { start: 0.9, end: 2, text: "c", confidence: 1 },
    ];
    const times = cues(
      formatSegments([segment(0, 2, "a b c", { words })], "srt", { highlightWords: true }),
    ).map((cue) => cue.time);
    expect(times).toEqual(["00:00:00,000 --> 00:00:01,000", "00:00:01,000 --> 00:00:02,000"]);
  });
});
