import { describe, expect, it } from "vitest";
import { findVoice, nameVoices } from "../../../src/speakers/voices.js";

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

describe("voices that are known by name", () => {
  const name = (known: Record<string, number[]>, voices: Record<string, number[]>) => {
    const { names, warnings } = nameVoices(known, new Map(Object.entries(voices)), MEASURE);
    return { names: Object.fromEntries(names), warnings };
  };

  it("are given to the speakers who clearly have them, each to one", () => {
    const found = name({ Anna: at(0), Boris: at(90, 3) }, { a: at(85), b: at(10), c: at(200) });
    expect(found).toEqual({ names: { a: "Boris", b: "Anna" }, warnings: [] });
  });

  it("are nobody's where none is alike, and several are", () => {
    const { names, warnings } = name({ Anna: at(0), Boris: at(90) }, { a: at(95), b: at(85), c: at(180) });
    expect(names).toEqual({});
    expect(warnings).toEqual([
      expect.stringMatching(/^Anna is not known by the voice: nobody's voice is alike/),
      expect.stringMatching(/^Boris is not known by the voice: several voices are about as alike/),
    ]);
  });

  it("of one person under two names are the more alike one's, if that is clear", () => {
    const speakers = { a: at(0), b: at(180) };
    expect(name({ Anna: at(1), Boris: at(35) }, speakers)).toEqual({
      names: { a: "Anna" },
      warnings: ["Boris is not known by the voice: a is more like Anna"],
    });
    expect(name({ Anna: at(5), Boris: at(-6) }, speakers)).toEqual({
      names: {},
      warnings: [
        "Anna is not known by the voice: a is as much like Boris",
        "Boris is not known by the voice: a is as much like Anna",
      ],
    });
  });

  it("are nobody's where nobody has said enough", () => {
    expect(name({ Anna: at(0) }, {}).warnings).toEqual([
      "Anna is not known by the voice: nobody says enough to have a voice",
    ]);
  });
});
