import { invalidArgument, TranscriptionError } from "../errors.js";
import type { Correction } from "../types/corrections.js";
import { SPEAKER_ROLES } from "../types/speakers.js";

/** Characters of a segment's text, and of a speaker's name. */
const LONGEST_TEXT = 10_000;
const LONGEST_NAME = 200;

type Read = (name: string, value: unknown) => unknown;

function text(longest: number): Read {
  return (name, value) => {
    if (typeof value === "string" && value.length <= longest) return value;
    throw invalidArgument(name, `at most ${longest} characters`, value);
  };
}

const segment: Read = (name, value) => {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalidArgument(name, "the id of a segment", value);
};

const speaker: Read = (name, value) => {
  if (typeof value === "string" && value !== "" && value.length <= LONGEST_NAME) return value;
  throw invalidArgument(name, "the id of a speaker", value);
};

const role: Read = (name, value) => {
  if (value === null || (SPEAKER_ROLES as readonly unknown[]).includes(value)) return value;
  throw invalidArgument(name, `${SPEAKER_ROLES.join(", ")} or null`, value);
};

/** What each kind of correction says, beside which one it is. */
const FIELDS: Readonly<Record<Correction["op"], Readonly<Record<string, Read>>>> = {
  text: { segment, text: text(LONGEST_TEXT) },
  speaker: { segment, speaker },
  name: { speaker, name: text(LONGEST_NAME) },
  role: { speaker, role },
  merge: { speaker, into: speaker },
};

export const CORRECTION_OPS = Object.keys(FIELDS) as Correction["op"][];

/** One correction of `value`, with no more than it says. @throws TranscriptionError INVALID_ARGUMENT that names what is wrong */
export function checkCorrection(name: string, value: unknown): Correction {
  if (typeof value !== "object" || value === null) throw invalidArgument(name, "a correction", value);
  const given = value as Record<string, unknown>;
  const fields = FIELDS[given.op as Correction["op"]];
  if (!fields || !Object.hasOwn(FIELDS, given.op as string))
    throw invalidArgument(`${name}.op`, `one of ${CORRECTION_OPS.join(", ")}`, given.op);
  const unknown = Object.keys(given).find((key) => key !== "op" && !Object.hasOwn(fields, key));
  if (unknown !== undefined) {
    const known = Object.keys(fields).join(" and ");
    const message = `Expected ${known} beside op "${given.op}" in ${name} but received ${JSON.stringify(unknown.slice(0, 100))}`;
    throw new TranscriptionError("INVALID_ARGUMENT", message, { option: `${name}.${unknown}` });
  }
  const read = Object.entries(fields).map(([key, read]) => [key, read(`${name}.${key}`, given[key])]);
  return { op: given.op, ...Object.fromEntries(read) } as Correction;
}
