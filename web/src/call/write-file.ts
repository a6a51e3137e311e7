import { formatResult } from "../../../src/formats/index.js";
import { renameSpeakers } from "../../../src/speakers/rename.js";
import type { TranscriptionResult } from "../../../src/types/result.js";
import type { FileFormat } from "./file-formats.js";
import type { Written } from "./written.js";

const TYPES: Readonly<Record<Exclude<FileFormat, "docx">, string>> = {
  txt: "text/plain",
  srt: "application/x-subrip",
  vtt: "text/vtt",
  json: "application/json",
  csv: "text/csv",
  tsv: "text/tab-separated-values",
};

/** The text as a file, in which everybody is called as on the page. Only `json` has ids, and names beside them. */
export async function writeFile(format: FileFormat, written: Written): Promise<Blob> {
  if (format === "docx") return (await import("./write-docx.js")).writeDocx(written);
  const { parties, result } = written;
  const names = new Map(parties.map(({ key, name }) => [key, name]));
  const shown = format === "json" ? result : named(result, names);
  return new Blob([formatResult(shown, format)], { type: `${TYPES[format]};charset=utf-8` });
}

/** Names of their own would be taken in place of the page's, which are all different. */
function named(result: TranscriptionResult, names: ReadonlyMap<string, string>): TranscriptionResult {
  const { speakers, ...renamed } = renameSpeakers(result, names);
  return { ...renamed, ...(speakers && { speakers: speakers.map(({ name: _, ...rest }) => rest) }) };
}
