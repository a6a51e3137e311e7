import { describe, expect, it } from "vitest";
import { interleave, joinTexts, placeSegments } from "../../../src/pipeline/assemble.js";
import { compressionRatio } from "../../../src/pipeline/compression-ratio.js";
import { countCodePoints, countWords, speedFactor } from "../../../src/pipeline/stats.js";
import { fakeSegment } from "../../support/fake-engine.js";
import { seededRandom } from "../../support/random.js";

const WINDOW = { start: 100, end: 110 };

describe("segments of a window", () => {
  it("are moved to the recording's clock", () => {
    const [segment] = placeSegments([fakeSegment("hello", 1.5, 2.25)], WINDOW, 0, 7);
    expect(segment).toEqual({
      id: 7,
      start: 101.5,
      end: 102.25,
      text: "hello",
      confidence: 0.9,
      avgLogProb: -0.1,
      noSpeechProb: 0.01,
      compressionRatio: expect.closeTo(5 / 13),
      temperature: 0,
    });
  });

  it("are numbered without gaps when some have no text", () => {
    const segments = ["one", "", "  ", "two"].map((text, i) => fakeSegment(text, i, i + 1));
    expect(placeSegments(segments, WINDOW, 3, 3).map(({ id, text }) => [id, text])).toEqual([
      [3, "one"],
      [4, "two"],
    ]);
  });

  it("carry their channel only where channels are apart", () => {
    expect(placeSegments([fakeSegment("a", 0, 1)], WINDOW, 0, 0, { channel: 1 })[0]!.channel).toBe(1);
    expect(placeSegments([fakeSegment("a", 0, 1)], WINDOW, 0, 0)[0]).not.toHaveProperty("channel");
  });

  it("never leave the window, run backwards, overlap or take no time, nor do their words", () => {
    const random = seededRandom(2);
    const wild = (): number => 14 * random() - 2;
    for (let round = 0; round < 200; round++) {
      const segments = Array.from({ length: 5 }, () =>
        fakeSegment("text", wild(), wild(), {
          words: Array.from({ length: 3 }, () => ({ start: wild(), end: wild(), text: " w", confidence: 1 })),
        }),
      );
      let last = 101;
      for (const segment of placeSegments(segments, WINDOW, last, 0)) {
        expect(segment.start).toBeGreaterThanOrEqual(last);
        expect(segment.end - segment.start).toBeGreaterThan(0.0199);
        expect(segment.end).toBeLessThanOrEqual(WINDOW.end);
        last = segment.start;
        for (const word of segment.words!) {
          expect(word.start).toBeGreaterThanOrEqual(last);
          expect(word.end - word.start).toBeGreaterThan(0.0199);
          expect(word.end).toBeLessThanOrEqual(segment.end);
          last = word.end;
        }
        expect([segment.words![0]!.start, segment.words!.at(-1)!.end]).toEqual([segment.start, segment.end]);
        last = segment.end;
      }
    }
  });

  it("have words without white space, but with punctuation", () => {
    const words = [
      { start: 0, end: 1, text: " Well,", confidence: 0.5 },
      { start: 1, end: 1, text: " ", confidence: 0.5 },
      { start: 1, end: 2, text: " yes.", confidence: 0.7 },
    ];
    expect(placeSegments([fakeSegment("Well, yes.", 0, 2, { words })], WINDOW, 0, 0)[0]!.words).toEqual([
      { start: 100, end: 101, text: "Well,", confidence: 0.5 },
      { start: 101, end: 102, text: "yes.", confidence: 0.7 },
    ]);
  });
});

describe("channels", () => {
  it("are interleaved in order of start and numbered anew, without touching the originals", () => {
    const place = (channel: number, ...starts: number[]) =>
      placeSegments(
        starts.map((start) => fakeSegment(`${channel}@${start}`, start, start + 1)),
        { start: 0, end: 99 },
        0,
        0,
        { channel },
      );
    const channels = [place(0, 0, 4, 6), place(1, 2, 4)];
    const all = interleave(channels);
    expect(joinTexts(all)).toBe("0@0 1@2 0@4 1@4 0@6");
    expect(all.map((segment) => segment.id)).toEqual([0, 1, 2, 3, 4]);
    expect(channels[1]!.map((segment) => segment.id)).toEqual([0, 1]);
  });
});

describe("statistics", () => {
  it.each([
    ["", 0, 0],
    ["one", 1, 3],
    ["  two\u00a0words\u3000 ", 2, 13],
    ["привет, мир", 2, 11],
    ["👋🏽 hi", 2, 5],
    ["\ud800 x", 2, 3],
  ])("of %j", (text, words, codePoints) => {
    expect(countWords(text)).toBe(words);
    expect(countCodePoints(text)).toBe(codePoints);
  });

  it("know no speed where no time has passed", () => {
    expect(speedFactor(10, 4)).toBe(2.5);
    expect(speedFactor(10, 0)).toBe(0);
  });

  it("tell repetition by its compression ratio", () => {
    expect(compressionRatio("The quick brown fox jumps over the lazy dog.")).toBeLessThan(1.2);
    expect(compressionRatio("так и так ".repeat(30))).toBeGreaterThan(2.4);
  });
});
