import { describe, expect, it } from "vitest";
import { bestPairs } from "../../../bench/diarization/best-pairs.js";
import {
  type Spoken,
  speakerWordErrors,
  wordsOfWrongRole,
  wordsOfWrongSpeaker,
} from "../../../bench/diarization/speaker-words.js";
import { seededRandom } from "../../support/random.js";

const said = (...turns: [speaker: string | null, text: string][]): Spoken[] =>
  turns.map(([speaker, text]) => ({ speaker, words: text.split(" ").filter(Boolean) }));

const TRUTH = said(["a", "good morning"], ["b", "hello there"], ["a", "how are you"]);

describe("the word errors of speakers", () => {
  it("are none under other names, and however their words are cut", () => {
    const heard = said(["2", "good"], ["2", "morning"], ["1", "hello there"], ["2", "how are you"]);
    expect(speakerWordErrors(TRUTH, heard)).toEqual({ errors: 0, words: 7 });
  });

  it("count a word of the wrong speaker twice: it is missing here and too many there", () => {
    const heard = said(["1", "good morning hello"], ["2", "there"], ["1", "how are you"]);
    expect(speakerWordErrors(TRUTH, heard)).toEqual({ errors: 2, words: 7 });
  });

  it("count words that are wrong, missing and too many", () => {
    const heard = said(["1", "good evening"], ["2", "hello over there"], ["1", "how you"]);
    expect(speakerWordErrors(TRUTH, heard)).toEqual({ errors: 3, words: 7 });
  });

  it("count all words of a speaker who has no counterpart, on either side", () => {
    expect(speakerWordErrors(TRUTH, said(["1", "good morning"], ["1", "how are you"])).errors).toBe(2);
    const three = said(["1", "good morning"], ["2", "hello there"], ["3", "how are you"]);
    expect(speakerWordErrors(TRUTH, three).errors).toBe(2 + 2 - 2 + 3 - 1);
    expect(speakerWordErrors(TRUTH, said([null, "good morning hello there how are you"])).errors).toBe(4);
    expect(speakerWordErrors(TRUTH, []).errors).toBe(7);
    expect(speakerWordErrors([], TRUTH)).toEqual({ errors: 7, words: 0 });
  });

  it("are those of the best of all permutations", () => {
    const random = seededRandom(5);
    const pick = (count: number) => Math.floor(random() * count);
    const some = (speakers: number) =>
      said(
        ...Array.from({ length: pick(6) }, (): [string, string] => [
          String(pick(speakers)),
          Array.from({ length: pick(4) }, () => "xyz"[pick(3)]).join(" "),
        ]),
      );
    for (let i = 0; i < 200; i++) {
      const [reference, hypothesis] = [some(3), some(4)];
      expect(speakerWordErrors(reference, hypothesis).errors).toBe(leastOfAll(reference, hypothesis));
    }
  });
});

/** By trying: every order of the hypothesis' speakers, with empty ones for who is left over. */
function leastOfAll(reference: readonly Spoken[], hypothesis: readonly Spoken[]): number {
  const texts = (all: readonly Spoken[]) =>
    [...new Set(all.map(({ speaker }) => speaker))].map((speaker) =>
      all.filter((each) => each.speaker === speaker).flatMap(({ words }) => words),
    );
  const [theirs, ours] = [texts(reference), texts(hypothesis)];
  const size = Math.max(theirs.length, ours.length);
  const orders = (items: number[]): number[][] =>
    items.length === 0
      ? [[]]
      : items.flatMap((item) => orders(items.filter((each) => each !== item)).map((rest) => [item, ...rest]));
  const sums = orders([...Array(size).keys()]).map((order) =>
    order.reduce((sum, other, i) => sum + edits(theirs[i] ?? [], ours[other] ?? []), 0),
  );
  return Math.min(...sums);
}

function edits([first, ...rest]: readonly string[], [other, ...others]: readonly string[]): number {
  if (first === undefined) return other === undefined ? 0 : 1 + others.length;
  if (other === undefined) return 1 + rest.length;
  if (first === other) return edits(rest, others);
  return 1 + Math.min(edits(rest, others), edits(rest, [other, ...others]), edits([first, ...rest], others));
}

describe("words of the wrong speaker", () => {
  const turns = [
    { start: 0, end: 2, speaker: "seller" },
    { start: 1.5, end: 4, speaker: "client" },
    { start: 5, end: 6, speaker: "seller" },
  ];
  const word = (start: number, speaker: string | null) => ({ start, end: start + 0.2, speaker });

  it("are those at whose time another speaks, under whatever name; where two speak, neither is wrong", () => {
    const right = [word(0.5, "1"), word(1.6, "1"), word(1.7, "2"), word(3, "2"), word(5.5, "1")];
    expect(wordsOfWrongSpeaker(turns, right)).toEqual({ errors: 0, words: 5 });
    expect(wordsOfWrongSpeaker(turns, [...right, word(2.5, "1"), word(0.2, "2")])).toEqual({
      errors: 2,
      words: 7,
    });
    expect(wordsOfWrongSpeaker(turns, [])).toEqual({ errors: 0, words: 0 });
  });

  it("are all but one speaker's where all are one's, all of a third, and nobody's", () => {
    expect(wordsOfWrongSpeaker(turns, [word(0.5, "1"), word(1, "1"), word(3, "1")]).errors).toBe(1);
    expect(wordsOfWrongSpeaker(turns, [word(0.5, "1"), word(3, "2"), word(5.5, "3")]).errors).toBe(1);
    expect(wordsOfWrongSpeaker(turns, [word(0.5, "1"), word(1, null), word(3, "2")]).errors).toBe(1);
  });

  it("are in a pause whose turn is nearer", () => {
    expect(wordsOfWrongSpeaker(turns, [word(0, "1"), word(3, "2"), word(4.6, "1")]).errors).toBe(0);
    expect(wordsOfWrongSpeaker(turns, [word(0, "1"), word(3, "2"), word(4.1, "1")]).errors).toBe(1);
  });

  it("have the wrong role where their speaker has, or has none", () => {
    const roles: Record<string, string | null> = { 1: "seller", 2: "client", 3: null };
    const wrong = (...words: [number, string | null][]) =>
      wordsOfWrongRole(
        turns,
        words.map(([start, speaker]) => word(start, speaker)),
        (id) => roles[id],
      ).errors;
    expect(wrong([0.5, "1"], [3, "2"], [1.7, "2"])).toBe(0);
    expect(wrong([0.5, "2"], [3, "3"], [5.5, null], [5.2, "1"])).toBe(3);
  });
});

it("pairs are the best in all, not one after another", () => {
  const rows = new Map([
    [
      "a",
      new Map([
        ["x", 5],
        ["y", 4],
      ]),
    ],
    ["b", new Map([["x", 4]])],
    ["c", new Map<string, number>()],
  ]);
  const { sum, columns } = bestPairs(rows);
  expect([sum, columns.get("a"), columns.get("b")]).toEqual([8, "y", "x"]);
});
