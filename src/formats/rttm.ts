import type { SpeakerTurn } from "../types/speakers.js";

/** What RTTM calls a recording, whose fields are parted by white space. */
export function recordingId(name: string): string {
  return name.trim().replace(/\s+/g, "_") || "recording";
}

/**
 * Turns in NIST's Rich Transcription Time Marked format, one a line, by start: what scorers of diarization read.
 * Source: NIST, The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan, appendix A.
 * @param name of the recording, whose white space becomes `_`
 * @returns lines, each ended by a line break
 */
export function formatTurns(turns: readonly SpeakerTurn[], name: string): string {
  const file = recordingId(name);
  return turns
    .map(({ start, end, speaker, channel = 0 }) => {
      const times = `${start.toFixed(3)} ${(end - start).toFixed(3)}`;
      return `SPEAKER ${file} ${channel + 1} ${times} <NA> <NA> ${speaker} <NA> <NA>\n`;
    })
    .join("");
}
