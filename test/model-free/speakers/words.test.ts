import { describe, expect, it } from "vitest";
import { labelSegments } from "../../../src/speakers/words.js";
import type { Segment, Word } from "../../../src/types/result.js";
import type { SpeakerTurn } from "../../../src/types/speakers.js";

function segment(words: [string, number, number][], text = words.map(([word]) => word).join(" ")): Segment {
  return {
    id: 0,
    start: words[0]![1],
    end: words.at(-1)![2],
    text,
    confidence: 0.9,
    avgLogProb: -0.1,
    noSpeechProb: 0,
    compressionRatio: 1,
    temperature: 0,
    tokens: [1, 2, 3],
    words: words.map(([text, start, end]): Word => ({ text, start, end, confidence: 0.8 })),
  };
}

function turn(speaker: string, start: number, end: number): SpeakerTurn {
  return { speaker, start, end, confidence: 1 };
}

const shown = (segments: readonly Segment[]) => segments.map(({ speaker, text }) => `${speaker}: ${text}`);

describe("words of a recording with several speakers", () => {
  it("go to whom they overlap most, and segments are cut where the speaker changes", () => {
    const turns = [turn("A", 0, 2), turn("B", 2, 4)];
    const result = labelSegments(
      [
        segment([
          ["Hello,", 0.1, 0.5],
          ["there.", 0.6, 1.9],
          ["Hi!", 1.9, 2.6],
          ["Bye.", 3, 3.5],
        ]),
      ],
      turns,
    );
    expect(shown(result)).toEqual(["A: Hello, there.", "B: Hi! Bye."]);
    expect(result.map(({ id, start, end }) => [id, start, end])).toEqual([
      [0, 0.1, 1.9],
      [1, 1.9, 3.5],
    ]);
    expect(result[1]!.words!.map(({ speaker }) => speaker)).toEqual(["B", "B"]);
    expect(result[1]!.words![0]!.speakerConfidence).toBeCloseTo(0.6 / 0.7, 2);
    expect(result.map((each) => each.tokens)).toEqual([undefined, undefined]);
  });

  it("keep what they spell, also in scripts without spaces, and lose nothing when cut", () => {
    const words: [string, number, number][] = [
      ["你", 0, 0.4],
      ["好。", 0.4, 0.9],
      ["再", 2, 2.4],
      ["见！", 2.4, 3],
    ];
    const result = labelSegments([segment(words, "你好。再见！")], [turn("A", 0, 1), turn("B", 2, 3)]);
    expect(shown(result)).toEqual(["A: 你好。", "B: 再见！"]);
  });

  it("without a turn go to the nearest within a second, and farther ones to nobody", () => {
    const result = labelSegments(
      [segment([["near", 1.5, 1.8]]), segment([["far", 5, 5.3]])],
      [turn("A", 0, 1)],
    );
    expect(result.map(({ speaker, speakerConfidence }) => [speaker, speakerConfidence])).toEqual([
      ["A", 0],
      [null, 0],
    ]);
  });

  it("that stand alone between another's go to that one, unless they are replies or lie inside their turn", () => {
    const around: [string, number, number][] = [
      ["we", 0, 0.4],
      ["so", 0.4, 0.8],
      ["went", 0.8, 1.2],
    ];
    const stray = [turn("A", 0, 0.45), turn("B", 0.45, 0.6), turn("A", 0.65, 2)];
    expect(shown(labelSegments([segment(around)], stray))).toEqual(["A: we so went"]);
    const reply: [string, number, number][] = [
      ["right?", 0, 0.4],
      ["Yes.", 1, 1.4],
      ["Good.", 2, 2.4],
    ];
    const short = [turn("A", 0, 0.5), turn("B", 1.3, 1.5), turn("A", 1.9, 3)];
    expect(shown(labelSegments([segment(reply)], short))).toEqual(["A: right?", "B: Yes.", "A: Good."]);
    const inside = [turn("A", 0, 0.4), turn("B", 0.4, 0.8), turn("A", 0.8, 2)];
    expect(shown(labelSegments([segment(around)], inside))).toEqual(["A: we", "B: so", "A: went"]);
  });

  it("are not needed: segments without words are whose most of them is", () => {
    const { words: _, ...whole } = segment([["all", 0, 3]]);
    const [labelled] = labelSegments([whole], [turn("A", 0, 1), turn("B", 1, 3)]);
    expect(labelled).toMatchObject({ speaker: "B", text: "all", tokens: [1, 2, 3] });
    expect(labelSegments([whole], [])[0]).toMatchObject({ speaker: null, speakerConfidence: 0 });
  });
});
