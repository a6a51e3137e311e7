import { extname } from "node:path";

/** Of what is not known. */
export const UNKNOWN_TYPE = "application/octet-stream";

/** By the ends of files' names, as browsers play them. */
const TYPES: Readonly<Record<string, string>> = {
  wav: "audio/wav",
  mp3: "audio/mpeg",
  m4a: "audio/mp4",
  ogg: "audio/ogg",
  opus: "audio/ogg",
  flac: "audio/flac",
  aac: "audio/aac",
  webm: "audio/webm",
  mp4: "video/mp4",
};

/** Endings of files that other systems keep under their ids. */
export const RECORDING_ENDINGS: readonly string[] = [...Object.keys(TYPES), "amr", "3gp", "wma"];

/** Media type that a file's name tells. */
export function mediaTypeOf(filename: string): string {
  return TYPES[extname(filename).slice(1).toLowerCase()] ?? UNKNOWN_TYPE;
}

/** The id under which another system keeps a file of that name; undefined: it is no recording by its ending. */
export function idOfFile(name: string): string | undefined {
  const [, id, ending] = /^(.+)\.(\w+)$/.exec(name) ?? [];
  return ending !== undefined && RECORDING_ENDINGS.includes(ending) ? id : undefined;
}
