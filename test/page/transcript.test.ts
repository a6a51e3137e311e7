import { describe, expect, it } from "vitest";
import { placesOf, search, wordAtOffset, wordIndexAt } from "../../web/src/call/places.js";
import { partiesOf, turnsOf, wordCount } from "../../web/src/call/turns.js";
import type { Segment, Transcript } from "../../web/src/server/result.js";
import { Text } from "../../web/src/text/text.js";

const text = new Text("ru");
/** @param words with the seconds at which each begins, a second long */
function segment(start: number, written: string, words: [string, number][] = [], others = {}): Segment {
  const timed = words.map(([text, at]) => ({ text, start: at, end: at + 1, confidence: 1 }));
  const end = Math.max(start + 1, ...timed.map(({ end }) => end));
  return {
    id: 0,
    start,
    end,
    text: written,
    confidence: 1,
    ...(words.length > 0 && { words: timed }),
    ...others,
  };
}
const transcript = (...segments: Segment[]): Transcript => ({
  segments,
  language: "ru",
  duration: 60,
  warnings: [],
});
const turns = (given: Transcript) => turnsOf(given, partiesOf(given, text));

describe("the text of a call", () => {
  it("is written as the transcript has it, also where a language has no spaces", () => {
    const [turn] = turns(
      transcript(
        segment(0, "你好吗?", [
          ["你", 0],
          ["好", 1],
          ["吗?", 2],
        ]),
        segment(3, "好。", [["好。", 3]]),
      ),
    );
    expect(turn!.text).toBe("你好吗? 好。");
    expect(turn!.words.map(({ from, to }) => turn!.text.slice(from, to))).toEqual([
      "你",
      "好",
      "吗?",
      "好。",
    ]);
    expect(search([turn!], "你好")).toEqual([{ turn: 0, from: 0, to: 2 }]);
  });

  it("has the word that is spoken, also where two parties speak at once", () => {
    const given = transcript(
      segment(
        0,
        "раз два три",
        [
          ["раз", 0],
          ["два", 6],
          ["три", 9],
        ],
        { channel: 0 },
      ),
      segment(3, "ага", [["ага", 3]], { channel: 1 }),
    );
    const places = placesOf(turns(given));
    const at = (time: number) => places[wordIndexAt(places, time)!]?.word.text;
    expect([0, 3.5, 7, 9.5].map(at)).toEqual(["раз", "ага", "два", "три"]);
    expect(wordIndexAt(places, -1)).toBeUndefined();
    expect(wordAtOffset(places, 0, 5)!.word.text).toBe("два");
    expect(wordAtOffset(places, 1, 0)!.word.text).toBe("ага");
  });

  it("has phrases for words where the model does not tell them apart", () => {
    const given = turns(transcript(segment(0, "Добрый день."), segment(2, "Алло?")));
    expect(given).toHaveLength(1);
    expect(given[0]!.words.map(({ word }) => word.start)).toEqual([0, 2]);
    expect(wordCount(given)).toBe(3);
  });

  it("begins a turn where the speaker changes, and after a long pause", () => {
    const given = transcript(
      segment(0, "а"),
      segment(2, "б"),
      segment(20, "в"),
      segment(22, "г", [], { speaker: "SPEAKER_01" }),
    );
    expect(turns(given).map(({ text }) => text)).toEqual(["а б", "в", "г"]);
  });

  it("names parties by role or number, and no two alike", () => {
    const speakers = ["seller", "client", "client"].map((role, i) => ({
      id: `S${i}`,
      role: role as "seller",
    }));
    const given = {
      ...transcript(...speakers.map(({ id }, i) => segment(i, "а", [], { speaker: id }))),
      speakers,
    };
    expect(partiesOf(given, text).map(({ name }) => name)).toEqual(["Продавец", "Клиент", "Клиент 2"]);
    const channels = transcript(segment(0, "а", [], { channel: 0 }), segment(1, "б", [], { channel: 1 }));
    expect(partiesOf(channels, text).map(({ name }) => name)).toEqual(["Голос 1", "Голос 2"]);
  });
});

it.each([
  [1, "1 слово"],
  [3, "3 слова"],
  [5, "5 слов"],
  [21, "21 слово"],
])("%i words are counted in Russian as one says them", (count, said) => {
  expect(text.count("words", count)).toBe(said);
});
