import { describe, expect, it } from "vitest";
import { formatSegments } from "../../../src/formats/index.js";
import type { FormatOptions } from "../../../src/index.js";
import { seededRandom } from "../../support/random.js";
import { evenWords, segment } from "../../support/results.js";

const FRAME = 20;

/** Start and end of each cue, in milliseconds. */
function times(document: string): [number, number][] {
  const clock = (text: string): number => {
    const [hours, minutes, seconds] = text.replace(",", ".").split(":").map(Number);
    return Math.round(1000 * (3600 * hours! + 60 * minutes! + seconds!));
  };
  return [...document.matchAll(/^(\S+) --> (\S+)$/gm)].map(([, start, end]) => [clock(start!), clock(end!)]);
}

function expectPlayable(cues: readonly [number, number][]): void {
  expect(new Set(cues.map(String)).size).toBe(cues.length);
  for (const [index, [start, end]] of cues.entries()) {
    expect(end - start).toBeGreaterThanOrEqual(FRAME);
    if (index > 0) expect(start).toBeGreaterThanOrEqual(cues[index - 1]![0]);
  }
}

describe("cues of any segments", () => {
  const random = seededRandom(7);
  const draw = (limit: number) => Math.floor(limit * random());
  const cases = Array.from({ length: 150 }, (): [number, ReturnType<typeof segment>[], FormatOptions] => {
    const channels = draw(3);
    const segments = Array.from({ length: 1 + draw(12) }, () => {
      const start = draw(100) / 20;
      const words = Array.from({ length: 1 + draw(14) }, () => "abcdefgh".slice(0, 1 + draw(8)));
      const length = draw(3) === 0 ? 0 : draw(60) / 50;
      return segment(start, start + length, words.join(" "), {
        words: evenWords(start, length / words.length, words),
        ...(channels > 0 && { channel: draw(channels) }),
      });
    });
    const options: FormatOptions = { highlightWords: draw(2) === 0 };
    if (draw(2) === 0) Object.assign(options, { maxLineWidth: 4 + draw(16), maxLineCount: 1 + draw(2) });
    return [channels, segments, options];
  });

  it.each(["srt", "vtt"] as const)("are seen, in order and apart in %s", (format) => {
    for (const [channels, segments, options] of cases) {
      const cues = times(formatSegments(segments, format, options));
      expectPlayable(cues);
      // One party's come one after the other.
      if (channels < 2)
        for (const [index, [start]] of cues.slice(1).entries())
          expect(start).toBeGreaterThanOrEqual(cues[index]![1]);
    }
  });

  it("are in order and apart in tsv and lrc", () => {
    for (const [, segments] of cases) {
      const rows = formatSegments(segments, "tsv").trim().split("\n").slice(1);
      expectPlayable(rows.map((row) => row.split("\t").slice(0, 2).map(Number) as [number, number]));
      const lines = formatSegments(segments, "lrc").trim().split("\n").slice(1);
      const starts = lines.map((line) => line.slice(1, 9));
      expect(starts).toEqual([...starts].sort());
      expect(formatSegments(segments, "txt").trim().split("\n")).toHaveLength(segments.length);
    }
  });
});

describe("a word timed in parts", () => {
  it("stays whole in a line and in a cue", () => {
    const words = evenWords(0, 0.5, ["my", "mother", "-in", "-law", "said"]);
    const document = formatSegments([segment(0, 2.5, "my mother-in-law said", { words })], "srt", {
      maxLineWidth: 12,
      maxLineCount: 1,
    });
    expect(document).toContain("\nmother-in-law\n");
  });
});
