import { TranscriptionError } from "../errors.js";
import { renameSpeakers } from "../speakers/rename.js";
import type { Segment, TranscriptionResult } from "../types/result.js";
import { writeVerboseJson, writeWhisperX } from "./foreign-json.js";
import { writeJson } from "./json.js";
import {
  checkFormat,
  checkFormatOptions,
  type FormatOptions,
  isResultFormat,
  type OutputFormat,
  type ResultFormat,
} from "./options.js";
import { writeRttm } from "./rttm.js";
import { writeCsv, writeTsv } from "./table.js";
import { writeLrc, writeSrt, writeTxt, writeVtt } from "./writers.js";

export { toVerboseJson, toWhisperXJson } from "./foreign-json.js";
export {
  extensionOf,
  type FormatOptions,
  OUTPUT_FORMATS,
  type OutputFormat,
  type ResultFormat,
} from "./options.js";
export { formatTurns } from "./rttm.js";
export { spacedWords } from "./spaced-words.js";

const WRITERS = {
  txt: writeTxt,
  srt: writeSrt,
  vtt: writeVtt,
  tsv: writeTsv,
  lrc: writeLrc,
  csv: writeCsv,
};

const RESULT_WRITERS = {
  json: writeJson,
  verbose_json: writeVerboseJson,
  whisperx: writeWhisperX,
  rttm: writeRttm,
};

/**
 * Segments as a document; what `stream()` yields can be written with it. Formats that hold a whole
 * result are for {@link formatResult}.
 *
 * @returns the document, ended by a line break; empty for no segments where the format has no header
 * @throws TranscriptionError INVALID_ARGUMENT
 */
export function formatSegments(
  segments: readonly Segment[],
  format: Exclude<OutputFormat, ResultFormat>,
  options: FormatOptions = {},
): string {
  checkFormat(format);
  checkFormatOptions(options);
  if (!Object.hasOwn(WRITERS, format)) {
    throw new TranscriptionError("INVALID_ARGUMENT", `${format} holds a whole result: use formatResult`, {
      option: "format",
    });
  }
  return WRITERS[format](segments, options);
}

/**
 * A result as a document. Speakers whose voices are known go by their names, in `json` beside their ids.
 *
 * - `txt`: one segment per line, after `SPEAKER_00: ` where speakers are told apart, or `[channel 0]` where channels are
 * - `json`: everything in the result, under the result's own names
 * - `srt`, `vtt`: subtitles, with the line options; speakers as `[SPEAKER_00]: `, channels as `[channel 0]`, both as voice spans in `vtt`
 * - `tsv`: `start`, `end` (milliseconds), `text` and, where they are apart, `channel` and `speaker`
 * - `lrc`: lyrics, `[mm:ss.xx] text`
 * - `csv`: whisper.cpp's, `start`, `end` (milliseconds), `text` in quotes and, where they are apart, `channel` and `speaker`
 * - `verbose_json`: what OpenAI's API answers with `response_format=verbose_json`
 * - `whisperx`: the JSON that WhisperX writes; speakers are those told apart, else the channels where they are apart
 * - `rttm`: who speaks when, as {@link formatTurns} writes it; of a result in which speakers or channels are apart
 *
 * @returns the document, ended by a line break; empty for no segments where the format has no header
 * @throws TranscriptionError INVALID_ARGUMENT
 */
export function formatResult(
  result: TranscriptionResult,
  format: OutputFormat,
  options: FormatOptions = {},
): string {
  const named = format === "json" ? result : renameSpeakers(result);
  if (!isResultFormat(format)) return formatSegments(named.segments, format, options);
  checkFormatOptions(options);
  return RESULT_WRITERS[format](named, options);
}
