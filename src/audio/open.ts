import { TranscriptionError } from "../errors.js";
import type { AudioInput, DecodedAudio, OpenAudioOptions } from "../types/audio.js";
import { ByteReader } from "./byte-reader.js";
import { type ByteSource, inputName, openByteSource, PIECE_BYTES } from "./byte-source.js";
import { checkChannelSelection } from "./channels.js";
import { DecodeTask } from "./decode-task.js";
import { DecodedRecording, type Decoding, type Part } from "./decoded-recording.js";
import { audioTooLong, decodeFailed, noSuchTrack } from "./errors.js";
import { openWithFfmpeg } from "./ffmpeg-decoder.js";
import { isRawAudio, openRawAudio } from "./raw-audio.js";
import { readerAt } from "./read-at.js";
import { beginsRecording } from "./recording-beginnings.js";
import { fourCC, isBigEndianRiff, isRiff, isWav, RIFF_HEAD } from "./riff-chunks.js";
import { refuseForeign, sniffContainer } from "./sniff.js";
import { spool } from "./spool.js";
import { readWavHeader, type WavHeader } from "./wav-header.js";
import { WavSamples } from "./wav-samples.js";

/** WAV files that are read one behind the other, which takes no process for each. */
const MOST_JOINED = 100_000;
const HEAD_BYTES = 4096;

/**
 * Opens a recording of any supported kind. Plain WAV and decoded samples are read in this process; everything else
 * is decoded by FFmpeg in a child, from the file itself or from a private copy of the bytes or stream.
 *
 * A recording without samples is valid and has duration 0; an input without bytes is not. A stream given as input is
 * destroyed when it is not read to its end.
 *
 * @throws TranscriptionError INVALID_ARGUMENT, UNSUPPORTED_FORMAT, DECODE_FAILED, DECODER_UNAVAILABLE,
 *   STORAGE_FAILED, AUDIO_TOO_LARGE, AUDIO_TOO_LONG,
 *   CANCELLED, DEADLINE_EXCEEDED; `blocks()` of the result throws the same
 */
export async function openAudio(input: AudioInput, options: OpenAudioOptions): Promise<DecodedAudio> {
  checkChannelSelection(options.channels);
  const task = new DecodeTask(inputName(input), options.limits, options.signal);
  try {
    task.check();
    if (isRawAudio(input)) {
      const decoding = openRawAudio(input, task, options.track);
      return new DecodedRecording(task, decoding, options.channels, () => openAudio(input, options));
    }
    const source = await openByteSource(input, task);
    const isOnce = source.file === undefined && source.restart === undefined && !(input instanceof Blob);
    const decoding = await openEncoded(source, task, options.track);
    const again = isOnce ? undefined : () => openAudio(input, options);
    return new DecodedRecording(task, decoding, options.channels, again);
  } catch (error) {
    await task.close();
    throw error;
  }
}

async function openEncoded(
  source: ByteSource,
  task: DecodeTask,
  track: number | undefined,
): Promise<Decoding> {
  const reader = new ByteReader(source, task);
  const signature = await reader.peek(RIFF_HEAD);
  if (signature.byteLength === 0) throw decodeFailed(task.name, "it is empty");
  if (isRiff(signature) && !isForeignRiff(signature)) {
    const header = await readWavHeader(reader);
    if (header.format.codec) return openWav(reader, header, track);
  } else {
    refuseForeign(await reader.peek(HEAD_BYTES), task);
  }
  const file = source.file ?? (await spool(reader));
  const container = await sniffContainer(readerAt(file, task), task);
  return openWithFfmpeg(file, container, task, track);
}

async function openWav(reader: ByteReader, header: WavHeader, track: number | undefined): Promise<Decoding> {
  const { task } = reader;
  const { codec, sampleRate, channels, frameBytes } = header.format;
  if (track) throw noSuchTrack(track, 1);
  const available = reader.remaining;
  const bytes = Math.min(header.dataBytes ?? Number.POSITIVE_INFINITY, available ?? Number.POSITIVE_INFINITY);
  const expectedDuration = Number.isFinite(bytes) ? Math.floor(bytes / frameBytes) / sampleRate : undefined;
  // What a stream's header announces may be wrong; what lies in a file is certain.
  if (available !== undefined && expectedDuration! > task.limits.maxDuration) {
    throw audioTooLong(task.name, task.limits.maxDuration, expectedDuration);
  }
  if (header.dataBytes && (await reader.peek(1)).byteLength === 0) {
    throw decodeFailed(task.name, "it is cut off, there are no samples after its WAV header");
  }
  return {
    format: { container: "wav", codec: codec!, sampleRate, channels },
    expectedDuration,
    parts: wavParts(reader, header),
  };
}

/** A WAV file and those that were joined to it byte by byte. */
async function* wavParts(reader: ByteReader, first: WavHeader): AsyncGenerator<Part> {
  const { task } = reader;
  let header = first;
  for (let number = 1; ; number++) {
    const { sampleRate, channels, codec } = header.format;
    yield { frameRate: sampleRate, channels, codec, frames: new WavSamples(reader, header).frames() };
    if (!isWav(await reader.peek(RIFF_HEAD))) {
      if (!beginsRecording(await reader.peek(PIECE_BYTES))) return;
      break;
    }
    if (number === MOST_JOINED) {
      task.warn(`More than ${MOST_JOINED} WAV files were joined: what lies behind them was left out`);
      return;
    }
    try {
      header = await readWavHeader(reader);
    } catch (error) {
      task.check();
      task.warn(`A second WAV file was joined on and could not be read: ${(error as Error).message}`);
      return;
    }
    if (!header.format.codec) break;
  }
  const file = await spool(reader);
  try {
    const container = await sniffContainer(readerAt(file, task), task);
    yield* (await openWithFfmpeg(file, container, task, undefined)).parts;
  } catch (error) {
    task.check();
    const { code, message } = TranscriptionError.from(error);
    if (code !== "DECODE_FAILED" && code !== "UNSUPPORTED_FORMAT") throw error;
    task.warn(`What was joined on behind the WAV file could not be decoded: ${message}`);
  }
}

/** RIFF files of other kinds are FFmpeg's, those too short to tell are damaged WAV. */
function isForeignRiff(signature: Uint8Array): boolean {
  return (
    signature.byteLength === RIFF_HEAD &&
    !isBigEndianRiff(signature) &&
    ["AVI ", "QLCM", "WEBP", "XWMA"].includes(fourCC(signature, 8))
  );
}
