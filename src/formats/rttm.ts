import { TranscriptionError } from "../errors.js";
import { speakerId } from "../speakers/names.js";
import { textTurns } from "../speakers/turns.js";
import type { TranscriptionResult } from "../types/result.js";
import type { SpeakerTurn } from "../types/speakers.js";
import type { FormatOptions } from "./options.js";
import { channelName } from "./text.js";

/** What RTTM calls a recording. */
export function recordingId(name: string): string {
  return fieldOf(name) || "recording";
}

/** Fields are parted by white space. */
function fieldOf(text: string): string {
  return text.trim().replace(/\s+/g, "_");
}

/**
 * Turns in NIST's Rich Transcription Time Marked format, one a line, by start: what scorers of diarization read.
 * Source: NIST, The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan, appendix A.
 * @param name of the recording; white space in it and in the speakers' names becomes `_`
 * @returns lines, each ended by a line break
 */
export function formatTurns(turns: readonly SpeakerTurn[], name: string): string {
  const file = recordingId(name);
  return turns
    .map(({ start, end, speaker, channel = 0 }) => {
      const times = `${start.toFixed(3)} ${(end - start).toFixed(3)}`;
      return `SPEAKER ${file} ${channel + 1} ${times} <NA> <NA> ${fieldOf(speaker)} <NA> <NA>\n`;
    })
    .join("");
}

/**
 * The turns of a result; where channels are apart and speakers were not asked for, when each channel has text. Speakers of
 * channels that have a label go by it.
 * @throws TranscriptionError INVALID_ARGUMENT where the result does not tell who speaks
 */
export function writeRttm(
  { segments, turns, channels }: TranscriptionResult,
  options: FormatOptions,
): string {
  if (!turns && !channels && segments.every(({ channel }) => channel === undefined)) {
    throw new TranscriptionError(
      "INVALID_ARGUMENT",
      'rttm tells who speaks when, which is known with diarize or channels: "each" alone',
      { option: "format" },
    );
  }
  const named = (turns ?? turnsOfChannels(segments)).map((turn) => {
    const label = channelName(turn.channel, options);
    return label === "" ? turn : { ...turn, speaker: label };
  });
  return formatTurns(named, options.recording ?? "");
}

/** The first channel's is SPEAKER_00, as in WhisperX's JSON. */
function turnsOfChannels(segments: TranscriptionResult["segments"]): SpeakerTurn[] {
  return textTurns(segments)
    .sort((a, b) => a.start - b.start)
    .map((turn) => ({ ...turn, speaker: speakerId(turn.channel), confidence: 1 }));
}
