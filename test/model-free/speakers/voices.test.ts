import { describe, expect, it } from "vitest";
import { findVoice } from "../../../src/speakers/voices.js";

const MEASURE = { size: 2, alike: 0.8, margin: 0.1 };
/** A vector at an angle, of any length. */
const at = (degrees: number, length = 1) => [
  length * Math.cos((degrees * Math.PI) / 180),
  length * Math.sin((degrees * Math.PI) / 180),
];
const find = (known: number[][], voices: Record<string, number[]>) =>
  findVoice(known, new Map(Object.entries(voices)), MEASURE);

describe("a voice that is known", () => {
  it("is that of the speaker whose own is clearly the most alike, whatever the lengths", () => {
    const { speaker, likeness, warnings } = find([at(0, 3)], { a: at(60), b: at(20, 0.5) });
    expect([speaker, warnings]).toEqual(["b", []]);
    expect(likeness.get("b")).toBeCloseTo(Math.cos(Math.PI / 9));
    expect(likeness.get("a")).toBeCloseTo(0.5);
  });

  it("may be any of several", () => {
    expect(find([at(180), at(55)], { a: at(60), b: at(20) }).speaker).toBe("a");
  });

  it("is nobody's where none is alike, several are, or nobody has said enough, which is told", () => {
    const nobody = (voices: Record<string, number[]>) => {
      const { speaker, warnings } = find([at(0)], voices);
      expect(speaker).toBeUndefined();
      return warnings.join();
    };
    expect(nobody({ a: at(60), b: at(90) })).toMatch(/nobody's voice is alike \(a 0\.50, b 0\.00 of 0\.8\)/);
    expect(nobody({ a: at(5), b: at(-7) })).toMatch(/several voices are about as alike \(a 1\.00, b 0\.99\)/);
    expect(nobody({})).toMatch(/nobody says enough/);
    expect(nobody({ a: [0, 0] })).toMatch(/nobody's voice is alike/);
  });
});
