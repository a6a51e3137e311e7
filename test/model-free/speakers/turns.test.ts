import { describe, expect, it } from "vitest";
import { speakerNumber } from "../../../src/speakers/names.js";
import { channelTurns, namedTurns, speakersOf, textTurns } from "../../../src/speakers/turns.js";
import { segment } from "../../support/results.js";

/** `count` speakers who say a second each, one after another. */
const turnsOf = (count: number) =>
  namedTurns(
    Array.from({ length: count }, (_, speaker) => ({
      start: speaker,
      end: speaker + 1,
      speaker,
      confidence: 1,
    })),
  );

describe("the speakers of a recording", () => {
  it("are in order of first speech with their own voices, of more than a hundred too", () => {
    const voices = Array.from({ length: 120 }, (_, speaker) => Float32Array.of(speaker));
    const speakers = speakersOf(turnsOf(120), (id) => voices[speakerNumber(id)]);
    expect(speakers.map(({ embedding }) => embedding![0])).toEqual([...voices.keys()]);
    expect(speakers.slice(98, 102).map(({ id }) => id)).toEqual([
      ...["SPEAKER_98", "SPEAKER_99", "SPEAKER_100", "SPEAKER_101"],
    ]);
  });

  it("have the time and number of their turns", () => {
    const turns = [...turnsOf(2), ...turnsOf(1).map((turn) => ({ ...turn, start: 4, end: 6.5 }))];
    expect(speakersOf(turns)).toMatchObject([
      { id: "SPEAKER_00", talkTime: 3.5, turns: 2 },
      { id: "SPEAKER_01", talkTime: 1, turns: 1 },
    ]);
  });
});

describe("turns on channels", () => {
  it("are by start, and their speakers numbered by first speech", () => {
    const turns = [
      { start: 2, end: 3, channel: 0 },
      { start: 0.5, end: 2.5, channel: 1 },
      { start: 4, end: 5, channel: 1 },
    ];
    expect(channelTurns(turns).map(({ start, speaker, channel }) => [start, speaker, channel])).toEqual([
      [0.5, "SPEAKER_00", 1],
      [2, "SPEAKER_01", 0],
      [4, "SPEAKER_00", 1],
    ]);
  });

  it("are as long as text goes on without a second's pause, word by word where words are timed", () => {
    const word = (start: number, end: number) => ({ start, end, text: "x", confidence: 1 });
    const segments = [
      segment(0, 4, "x x", { channel: 1, words: [word(0, 1), word(3, 4)] }),
      segment(4.5, 5, "x", { channel: 1 }),
      segment(4, 6, "x", { channel: 0 }),
    ];
    expect(textTurns(segments)).toEqual([
      { start: 0, end: 1, channel: 1 },
      { start: 3, end: 5, channel: 1 },
      { start: 4, end: 6, channel: 0 },
    ]);
  });
});
