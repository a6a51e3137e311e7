import { describe, expect, it } from "vitest";
import { namedTurns, speakersOf } from "../../../src/speakers/turns.js";

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
    const speakers = speakersOf(turnsOf(120), voices);
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
