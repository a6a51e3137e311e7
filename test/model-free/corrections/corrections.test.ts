import { describe, expect, it } from "vitest";
import { applyCorrections, type Correction } from "../../../src/index.js";
import type { TranscriptionResult } from "../../../src/types/result.js";
import type { Speaker, SpeakerTurn } from "../../../src/types/speakers.js";
import { evenWords, result, segment } from "../../support/results.js";

const CHANNELS = [0, 1].map((channel) => ({ channel, text: "", language: "ru", languageProbability: 1 }));
/** A call with a party on each channel, whose speakers nobody has told. */
const CALL = result(
  [
    segment(0, 2, "Чем могу помочь?", {
      channel: 0,
      tokens: [1, 2],
      words: evenWords(0, 0.5, ["Чем", "могу", "помочь?"]),
    }),
    segment(2, 4, "Сколько это стоит?", {
      channel: 1,
      words: evenWords(2, 0.5, ["Сколько", "это", "стоит?"]),
    }),
    segment(5, 6, "Сто.", { channel: 0, words: evenWords(5, 1, ["Сто."]) }),
  ],
  { channels: CHANNELS },
);
const speaker = (id: string, talkTime: number, turns: number): Speaker => ({
  id,
  role: null,
  roleConfidence: 0,
  evidence: [],
  talkTime,
  turns,
});
const turn = (start: number, end: number, id: string): SpeakerTurn => ({
  start,
  end,
  speaker: id,
  confidence: 0.9,
});
/** Two voices on one channel. */
const VOICES = result(
  [
    segment(0, 2, "a", { speaker: "SPEAKER_00" }),
    segment(2, 4, "b", { speaker: "SPEAKER_00" }),
    segment(4, 6, "c", { speaker: "SPEAKER_01" }),
  ],
  {
    speakers: [speaker("SPEAKER_00", 4, 1), speaker("SPEAKER_01", 2, 1)],
    turns: [turn(0, 4, "SPEAKER_00"), turn(4, 6, "SPEAKER_01")],
  },
);

const wordsOf = ({ segments }: TranscriptionResult, index = 0) =>
  segments[index]!.words!.map(({ confidence, end, start, text }) => [text, start, end, confidence]);
const speakersOf = ({ speakers = [] }: TranscriptionResult) =>
  speakers.map(({ id, name, role, talkTime, turns }) => [id, name, role, talkTime, turns]);

describe("a corrected text", () => {
  const reworded = (text: string, given = CALL) =>
    applyCorrections(given, [{ op: "text", segment: 0, text }]);

  it("has another word in the place and time of the one that was wrong, and all that follows from the text", () => {
    const corrected = reworded("Чем  можем помочь? ");
    expect(corrected.segments[0]).toMatchObject({ text: "Чем можем помочь?", start: 0, end: 1.5 });
    expect(corrected.segments[0]!.tokens).toBeUndefined();
    expect(wordsOf(corrected)).toEqual([
      ["Чем", 0, 0.5, 0.8],
      ["можем", 0.5, 1, 1],
      ["помочь?", 1, 1.5, 0.8],
    ]);
    expect(corrected.text).toBe("Чем можем помочь? Сколько это стоит? Сто.");
    expect(corrected.channels![0]!.text).toBe("Чем можем помочь? Сто.");
    expect(corrected.stats.charCount).toBe([...corrected.text].length);
    expect(CALL.segments[0]!.text).toBe("Чем могу помочь?");
  });

  it.each([
    ["more words for one", "Чем я могу помочь?", ["Чем", "я", "могу", "помочь?"], [0, 0.375, 0.5, 1]],
    [
      "words at the end",
      "Чем могу помочь? Да",
      ["Чем", "могу", "помочь?", "Да"],
      [0, 0.5, 1, 1 + (0.5 * 7) / 9],
    ],
    ["words at the start", "И Чем могу помочь?", ["И", "Чем", "могу", "помочь?"], [0, 0.125, 0.5, 1]],
    ["fewer words", "Чем помочь?", ["Чем", "помочь?"], [0, 1]],
    ["a word that begins as another", "Чем могут помочь?", ["Чем", "могут", "помочь?"], [0, 0.5, 1]],
    ["two words in one", "Чеммогу помочь?", ["Чеммогу", "помочь?"], [0, 1]],
    ["other words altogether", "Да? Нет", ["Да?", "Нет"], [0, 0.75]],
  ])("keeps the times of words around %s", (_, text, words, starts) => {
    const timed = wordsOf(reworded(text));
    expect(timed.map(([word]) => word)).toEqual(words);
    for (const [index, [, start]] of timed.entries()) expect(start).toBeCloseTo(starts[index]!, 6);
    for (const [index, [, start]] of timed.entries())
      if (index > 0) expect(start as number).toBeGreaterThanOrEqual((timed[index - 1]![2] as number) - 1e-9);
  });

  it("is spelled as its words are, whatever is changed", () => {
    const texts = ["你好吗?", "你们好吗?", "你好", "好吗?", "吗", "你 好 吗?", "很好。你好吗?", "x"];
    const chinese = result([segment(0, 3, "你好吗?", { words: evenWords(0, 1, ["你", "好", "吗?"]) })]);
    for (const text of texts) {
      const { segments } = reworded(text, chinese);
      const joined = segments[0]!.words!.map((word) => word.text).join("");
      expect(joined).toBe(text.replaceAll(" ", ""));
    }
  });

  it("goes where nothing was said", () => {
    const corrected = reworded(" ");
    expect(corrected.segments.map(({ id, text }) => [id, text])).toEqual([
      [1, "Сколько это стоит?"],
      [2, "Сто."],
    ]);
    expect(corrected.text).toBe("Сколько это стоит? Сто.");
  });

  it("may be corrected again, each time from where it was", () => {
    const corrected = applyCorrections(CALL, [
      { op: "text", segment: 0, text: "Чем могу вам помочь?" },
      { op: "text", segment: 0, text: "Кем могу вам помочь?" },
    ]);
    expect(wordsOf(corrected).map(([text]) => text)).toEqual(["Кем", "могу", "вам", "помочь?"]);
    expect(wordsOf(corrected)[3]).toEqual(["помочь?", 1, 1.5, 0.8]);
  });
});

describe("corrected speakers", () => {
  it("are the channels where those are apart, with roles, before anything is corrected", () => {
    const corrected = applyCorrections(CALL, []);
    expect(speakersOf(corrected)).toEqual([
      ["SPEAKER_00", undefined, "seller", 2.5, 2],
      ["SPEAKER_01", undefined, "client", 1.5, 1],
    ]);
    expect(corrected.segments.map((each) => each.speaker)).toEqual([
      "SPEAKER_00",
      "SPEAKER_01",
      "SPEAKER_00",
    ]);
    expect(corrected.segments[0]!.words!.every((word) => word.speaker === "SPEAKER_00")).toBe(true);
    expect(corrected.turns).toHaveLength(3);
  });

  it("are none where there is one channel, until somebody says who speaks", () => {
    const mono = result([segment(0, 1, "a", { channel: 0 }), segment(1, 2, "b", { channel: 0 })], {
      channels: [CHANNELS[0]!],
    });
    const plain = applyCorrections(mono, []);
    expect([plain.speakers, plain.channels, plain.segments[0]!.channel]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    const told = applyCorrections(mono, [{ op: "speaker", segment: 1, speaker: "SPEAKER_01" }]);
    expect(told.segments.map((each) => each.speaker)).toEqual(["SPEAKER_00", "SPEAKER_01"]);
    expect(speakersOf(told).map(([id, , , talkTime]) => [id, talkTime])).toEqual([
      ["SPEAKER_00", 1],
      ["SPEAKER_01", 1],
    ]);
  });

  it("have names and roles, and take part of a turn that was another's", () => {
    const corrected = applyCorrections(VOICES, [
      { op: "name", speaker: "SPEAKER_00", name: " Анна " },
      { op: "role", speaker: "SPEAKER_01", role: "seller" },
      { op: "speaker", segment: 1, speaker: "SPEAKER_01" },
    ]);
    expect(speakersOf(corrected)).toEqual([
      ["SPEAKER_00", "Анна", null, 2, 1],
      ["SPEAKER_01", undefined, "seller", 4, 1],
    ]);
    expect(corrected.turns!.map(({ end, speaker, start }) => [start, end, speaker])).toEqual([
      [0, 2, "SPEAKER_00"],
      [2, 6, "SPEAKER_01"],
    ]);
    const unnamed = applyCorrections(VOICES, [
      { op: "name", speaker: "SPEAKER_00", name: "Анна" },
      { op: "name", speaker: "SPEAKER_00", name: "" },
    ]);
    expect(unnamed.speakers![0]!.name).toBeUndefined();
  });

  it("are one where two were told, and gone where nothing is left of them", () => {
    const merged = applyCorrections(VOICES, [{ op: "merge", speaker: "SPEAKER_01", into: "SPEAKER_00" }]);
    expect(speakersOf(merged)).toEqual([["SPEAKER_00", undefined, null, 6, 1]]);
    expect(new Set(merged.segments.map((each) => each.speaker))).toEqual(new Set(["SPEAKER_00"]));
    const moved = applyCorrections(VOICES, [{ op: "speaker", segment: 2, speaker: "SPEAKER_00" }]);
    expect(speakersOf(moved)).toEqual([["SPEAKER_00", undefined, null, 6, 1]]);
  });
});

describe("somebody else who speaks", () => {
  it("goes by any id that is free, and is not who had it before", () => {
    const corrected = applyCorrections(VOICES, [
      { op: "speaker", segment: 0, speaker: "SPEAKER_07" },
      { op: "merge", speaker: "SPEAKER_01", into: "SPEAKER_00" },
      { op: "speaker", segment: 1, speaker: "SPEAKER_01" },
      { op: "merge", speaker: "SPEAKER_00", into: "SPEAKER_07" },
    ]);
    expect(corrected.segments.map((each) => each.speaker)).toEqual([
      "SPEAKER_07",
      "SPEAKER_01",
      "SPEAKER_07",
    ]);
    expect(corrected.turns!.map(({ end, speaker, start }) => [start, end, speaker])).toEqual([
      [0, 2, "SPEAKER_07"],
      [2, 4, "SPEAKER_01"],
      [4, 6, "SPEAKER_07"],
    ]);
    expect(speakersOf(corrected).map(([id, , , talkTime]) => [id, talkTime])).toEqual([
      ["SPEAKER_07", 4],
      ["SPEAKER_01", 2],
    ]);
  });
});

describe("many corrections of a long recording", () => {
  it("read its turns and segments a few times altogether, not each time", () => {
    const long = 2000;
    let reads = 0;
    const counted = <T extends object>(given: T): T =>
      ["start", "speaker"].reduce((object, key) => {
        const value = given[key as keyof T];
        const get = () => {
          reads++;
          return value;
        };
        return Object.defineProperty(object, key, { get, enumerable: true });
      }, given);
    const given = result(
      Array.from({ length: long }, (_, at) => segment(at, at + 1, "a", { speaker: `SPEAKER_0${at % 2}` })),
      { speakers: VOICES.speakers! },
    );
    given.turns = given.segments.map(({ end, speaker, start }) => counted(turn(start, end, speaker!)));
    given.segments.forEach(counted);
    const corrections = given.segments.slice(0, 600).flatMap(({ id }): Correction[] => [
      { op: "speaker", segment: id, speaker: "SPEAKER_02" },
      { op: "speaker", segment: id + 1, speaker: "SPEAKER_03" },
      { op: "merge", speaker: "SPEAKER_03", into: "SPEAKER_02" },
      { op: "merge", speaker: "SPEAKER_02", into: id % 2 === 0 ? "SPEAKER_00" : "SPEAKER_01" },
    ]);
    reads = 0;
    const corrected = applyCorrections(given, corrections);
    expect(reads).toBeLessThan(100 * long);
    expect(corrected.segments.slice(598, 604).map((each) => each.speaker)).toEqual([
      ...["SPEAKER_00", "SPEAKER_01", "SPEAKER_01", "SPEAKER_01", "SPEAKER_00", "SPEAKER_01"],
    ]);
  });
});

describe("a correction that cannot be made", () => {
  it.each<[object, string]>([
    [{ op: "text", segment: 9, text: "a" }, "corrections[0].segment"],
    [{ op: "text", segment: "0", text: "a" }, "corrections[0].segment"],
    [{ op: "text", segment: 0, text: "a".repeat(10_001) }, "corrections[0].text"],
    [{ op: "text", segment: 0, text: "a", speaker: "SPEAKER_00" }, "corrections[0].speaker"],
    ...["Anna", "SPEAKER_", "SPEAKER_7", "SPEAKER_NaN", "SPEAKER_-1", "SPEAKER_9007199254740993"].map(
      (speaker): [object, string] => [{ op: "speaker", segment: 0, speaker }, "corrections[0].speaker"],
    ),
    [{ op: "name", speaker: "Anna", name: "Anna" }, "corrections[0].speaker"],
    [{ op: "name", speaker: "SPEAKER_00" }, "corrections[0].name"],
    [{ op: "role", speaker: "SPEAKER_00", role: "boss" }, "corrections[0].role"],
    [{ op: "merge", speaker: "SPEAKER_00", into: "SPEAKER_00" }, "corrections[0].into"],
    [{ op: "toString" }, "corrections[0].op"],
    [{ op: "delete" }, "corrections[0].op"],
  ])("%j is named: %s", (correction, option) => {
    const attempt = () => applyCorrections(VOICES, [correction as Correction]);
    expect(attempt).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT", option }));
  });

  it("is one of what another has taken away", () => {
    const gone: Correction[] = [
      { op: "merge", speaker: "SPEAKER_01", into: "SPEAKER_00" },
      { op: "name", speaker: "SPEAKER_01", name: "Anna" },
    ];
    expect(() => applyCorrections(VOICES, gone)).toThrow(
      expect.objectContaining({ option: "corrections[1].speaker" }),
    );
  });
});
