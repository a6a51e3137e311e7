import type { FileHandle } from "node:fs/promises";
import { type TranscribeOptions, TranscriptionError } from "../../index.js";
import type { Call } from "../../service/call/call.js";
import type { Service } from "../../service/service.js";
import type { Work } from "../../service/workers.js";

const WARNING =
  "Speakers are not told apart: the recording has one channel, and the server no diarization model (AGORA_DIARIZATION_MODEL)";

/**
 * Text of a recording, with its speakers if they can be told: those of one channel need a model of their own, without which
 * there is the text at least, and a warning. For clients that always ask for speakers.
 */
export async function transcribeWithSpeakersIfPossible(
  service: Service,
  call: Call,
  file: FileHandle,
  options: Omit<TranscribeOptions, "signal">,
): Promise<Work> {
  try {
    return await service.transcribe(call, file, options, "timeout");
  } catch (error) {
    if (!(error instanceof TranscriptionError) || error.option !== "diarize.model") throw error;
    const { diarize: _, roles: __, ...others } = options;
    const work = await service.transcribe(call, file, others, "timeout");
    return { ...work, result: { ...work.result, warnings: [...work.result.warnings, WARNING] } };
  }
}
