import type { FastifyRequest } from "fastify";
import * as kind from "../../../service/options/kinds.js";
import { type Given, readField } from "../../../service/options/read-options.js";
import type { FormWork } from "../forms/answer-form.js";
import type { Form } from "../forms/form.js";
import { type RawSamples, wavHead } from "../raw-samples.js";

/** The file's field, as whisper-asr-webservice has it. */
export const FILE = "audio_file";
/** What its clients send besides, which nothing follows from. */
export const OTHERS = ["video_name"];

export const ENCODE = {
  kind: kind.flag,
  is: "false: the file is raw samples, 16 bits, little-endian, 16 kHz, one channel.",
} as const;

/** What its clients send that have decoded a recording themselves. */
const DECODED: RawSamples = { encoding: "linear16", sampleRate: 16_000, channels: 1 };

type Query = Readonly<Record<string, string | string[] | undefined>>;

/** What the address says; more of it may be fields of the form. */
export function givenIn({ query }: Pick<FastifyRequest, "query">, form?: Form): Given {
  const parameters = query as Query;
  return (name) => {
    const own = Object.hasOwn(parameters, name) ? [parameters[name] ?? []].flat() : [];
    return [...(form?.texts(name) ?? []), ...own];
  };
}

/** Names of all of it. */
export function namesIn({ query }: Pick<FastifyRequest, "query">, form: Form): string[] {
  return [...new Set([...form.names, ...Object.keys(query as Query)])];
}

/** How the file is read: it may be raw samples. @throws TranscriptionError INVALID_ARGUMENT */
export function fileOf(request: Pick<FastifyRequest, "query">): Pick<FormWork<never>, "fileField" | "head"> {
  const isWhole = readField("encode", ENCODE.kind, givenIn(request)) ?? true;
  return { fileField: FILE, ...(!isWhole && { head: wavHead(DECODED) }) };
}
