import type { TranscriptionResult } from "../../index.js";

const LETTERS = 26;

/**
 * What speakers are called in OpenAI's answers, by their ids: those with a known voice by its name, everybody else by a
 * letter in order of first speech: `A`, `B`, …, `AA` after `Z`.
 */
export function namesOrLettersOf(
  speakers: TranscriptionResult["speakers"] = [],
): ReadonlyMap<string, string> {
  const taken = new Set(speakers.flatMap(({ name }) => name ?? []));
  let letters = 0;
  const next = (): string => {
    for (;;) {
      const name = letterOf(letters++);
      // Who is known as such is somebody else.
      if (!taken.has(name)) return name;
    }
  };
  return new Map(speakers.map(({ id, name }) => [id, name ?? next()]));
}

function letterOf(number: number): string {
  let name = "";
  for (let rest = number; rest >= 0; rest = Math.floor(rest / LETTERS) - 1)
    name = String.fromCharCode(65 + (rest % LETTERS)) + name;
  return name;
}
