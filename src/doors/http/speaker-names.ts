import type { TranscriptionResult } from "../../index.js";

const LETTERS = 26;

/** What speakers are called in an answer, by their ids: those with a known voice by its name. */
export type SpeakerNames = ReadonlyMap<string, string>;

/** The names of those who have one. */
export function namesOf(speakers: TranscriptionResult["speakers"] = []): SpeakerNames {
  return new Map(speakers.flatMap(({ id, name }) => (name === undefined ? [] : [[id, name] as const])));
}

/** The same, and a letter for everybody else, in order of first speech: `A`, `B`, …, `AA` after `Z`. */
export function namesOrLettersOf(speakers: TranscriptionResult["speakers"] = []): SpeakerNames {
  const names = namesOf(speakers);
  const taken = new Set(names.values());
  let letters = 0;
  const next = (): string => {
    for (;;) {
      const name = letterOf(letters++);
      // Who is known as such is somebody else.
      if (!taken.has(name)) return name;
    }
  };
  return new Map(speakers.map(({ id }) => [id, names.get(id) ?? next()]));
}

function letterOf(number: number): string {
  let name = "";
  for (let rest = number; rest >= 0; rest = Math.floor(rest / LETTERS) - 1)
    name = String.fromCharCode(65 + (rest % LETTERS)) + name;
  return name;
}
