import { describe, expect, it } from "vitest";
import { diarizationErrors, errorRate, parseRttm } from "../../../bench/diarization/error-rate.js";
import { formatTurns } from "../../../src/index.js";

const turn = (speaker: string, start: number, end: number) => ({ speaker, start, end });
const strict = { collar: 0, end: 20 };

describe("the diarization error rate", () => {
  it("is 0 for the truth under other names, and counts overlaps twice", () => {
    const reference = [turn("a", 0, 10), turn("b", 8, 12)];
    const errors = diarizationErrors(reference, [turn("2", 0, 10), turn("1", 8, 12)], strict);
    expect(errors.speech).toBeCloseTo(14);
    expect(errorRate(errors)).toBeCloseTo(0);
  });

  it("tells missed speech, false alarms and confusion apart", () => {
    const reference = [turn("a", 0, 10), turn("b", 10, 20)];
    const errors = diarizationErrors(reference, [turn("x", 1, 12), turn("y", 12, 20)], strict);
    expect(errors).toMatchObject({ missed: 1, falseAlarm: 0 });
    expect(errors.confusion).toBeCloseTo(2);
    expect(diarizationErrors([turn("a", 0, 5)], [turn("x", 0, 7)], strict).falseAlarm).toBeCloseTo(2);
    expect(diarizationErrors([turn("a", 0, 5)], [], strict).missed).toBeCloseTo(5);
    expect(errorRate(diarizationErrors([], [], strict))).toBe(0);
  });

  it("leaves out the collar around the boundaries of the reference", () => {
    const errors = diarizationErrors([turn("a", 5, 10)], [turn("x", 5.2, 9.8)], { collar: 0.25, end: 20 });
    expect(errors.speech).toBeCloseTo(4.5);
    expect(errorRate(errors)).toBeCloseTo(0);
  });

  it("reads the RTTM that is written", () => {
    const turns = [{ speaker: "SPEAKER_00", start: 1.25, end: 3, confidence: 1, channel: 1 }];
    const rttm = formatTurns(turns, "my call");
    expect(rttm).toBe("SPEAKER my_call 2 1.250 1.750 <NA> <NA> SPEAKER_00 <NA> <NA>\n");
    expect(parseRttm(rttm)).toEqual([{ speaker: "SPEAKER_00", start: 1.25, end: 3 }]);
    expect(parseRttm(rttm, "another")).toEqual([]);
    const named = formatTurns([{ ...turns[0]!, speaker: " Anna  Berg" }], "a");
    expect(parseRttm(named)).toEqual([{ speaker: "Anna_Berg", start: 1.25, end: 3 }]);
  });
});
