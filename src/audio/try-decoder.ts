import { openAudio } from "./open.js";

/** A tenth of a second of sound as Sun's AU file, which FFmpeg decodes on every machine. */
function smallRecording(): Uint8Array {
  const [headerBytes, samples, linear16, rate, channels] = [24, 1600, 3, 16_000, 1];
  const file = Buffer.alloc(headerBytes + 2 * samples);
  file.write(".snd", "latin1");
  for (const [index, value] of [headerBytes, 2 * samples, linear16, rate, channels].entries())
    file.writeUInt32BE(value, 4 + 4 * index);
  for (let i = 0; i < samples; i++)
    file.writeInt16BE(Math.round(8000 * Math.sin(i / 5)), headerBytes + 2 * i);
  return file;
}

/**
 * Decodes a recording of its own as those of callers are decoded: stored in the temporary folder, by FFmpeg.
 * @throws TranscriptionError DECODER_UNAVAILABLE, STORAGE_FAILED; CANCELLED when `signal` fires
 */
export async function tryDecoder(signal?: AbortSignal): Promise<void> {
  const limits = { maxBytes: 1e6, maxDuration: 60, decodeTimeout: 30 };
  const audio = await openAudio(smallRecording(), { channels: "mix", limits, ...(signal && { signal }) });
  try {
    for await (const _ of audio.blocks()) {
      // Read to its end, where FFmpeg's exit code is.
    }
  } finally {
    await audio.close();
  }
}
