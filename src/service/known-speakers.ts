import { type DiarizationOptions, TranscriptionError, type VoiceOptions, voiceOf } from "../index.js";

/** Somebody who may be heard in a recording. */
export interface KnownSpeaker {
  name: string;
  /** A recording of nobody else, as a file has it. */
  recording: Uint8Array;
}

/** What the library calls voices that are known. */
const OPTION = "diarize.knownVoices";
/** Seconds of a recording of a voice: ten are enough. */
const LONGEST = 60;

/**
 * Voices by name, one after the other.
 * @throws TranscriptionError INVALID_ARGUMENT for a recording that cannot be read or in which nobody speaks, which it
 *   names, and where there is no model that compares voices; all that loading a model throws
 */
export async function voicesOf(
  speakers: readonly KnownSpeaker[],
  options: Pick<VoiceOptions, "threads" | "cacheDir" | "signal">,
): Promise<NonNullable<DiarizationOptions["knownVoices"]>> {
  const voices: [string, readonly number[]][] = [];
  for (const [index, { name, recording }] of speakers.entries()) {
    try {
      voices.push([name, await voiceOf(recording, { ...options, limits: { maxDuration: LONGEST } })]);
    } catch (error) {
      throw refusal(TranscriptionError.from(error), index);
    }
  }
  return Object.fromEntries(voices);
}

function refusal(error: TranscriptionError, index: number): TranscriptionError {
  const { code, message, option } = error;
  const refused = (option: string, text: string) =>
    new TranscriptionError("INVALID_ARGUMENT", text, { cause: error, option });
  // None that is there, or one of another engine.
  if (option === "diarize.model" || option === "diarize.engine")
    return refused(
      OPTION,
      `Expected no ${OPTION}: the server has no diarization model that compares voices (AGORA_DIARIZATION_MODEL)`,
    );
  const isRecording = ["UNSUPPORTED_FORMAT", "DECODE_FAILED", "AUDIO_TOO_LONG"].includes(code);
  if (!isRecording && !(code === "INVALID_ARGUMENT" && option === "input")) return error;
  const name = `${OPTION}[${index}]`;
  return refused(name, `Expected a recording of one voice for ${name}: ${message}`);
}
