import type { FileHandle } from "node:fs/promises";
import type { Readable } from "node:stream";

/** Rate that every engine works at, in Hz. */
export const SAMPLE_RATE = 16_000;

/** Samples that are already decoded. */
export interface RawAudio {
  /** Interleaved samples in [-1, 1]; integer arrays are scaled by their range. */
  samples: Float32Array | Int16Array;
  /** Hz, 1 000 to 768 000. */
  sampleRate: number;
  /** Interleaved channels, 1 to 64. Default 1. */
  channels?: number;
}

/**
 * What can be transcribed: a path, a `file:` URL, an open file (read from its start, whatever its position; it stays
 * open, and must until the result is there), the bytes of a file, a `Blob` or `File`, a stream of bytes of Node.js or of
 * the web, the `Response` of a `fetch`, or decoded samples.
 * The content decides how it is decoded, not the name.
 */
export type AudioInput =
  | string
  | URL
  | FileHandle
  | Uint8Array
  | ArrayBuffer
  | Blob
  | Response
  | ReadableStream<Uint8Array>
  | Readable
  | AsyncIterable<Uint8Array>
  | RawAudio;

/** `"mix"`: the mean of all channels; `"each"`: every channel apart; a number: that channel alone, from 0. */
export type ChannelSelection = "mix" | "each" | number;

/** What the input turned out to be. */
export interface AudioFormat {
  /** `"wav"`, `"mp3"`, `"mp4"`, `"ogg"`, `"flac"`, `"aac"`, `"matroska"`, `"raw"`, … */
  container: string;
  /** The codec's name where it is known, e.g. `"pcm_s16le"`, `"opus"`. */
  codec?: string;
  /** Hz, before resampling. */
  sampleRate?: number;
  /** Channels of the input, before selection. */
  channels: number;
  /** Where there are several audio tracks: the one that was used, from 0. */
  track?: number;
  /** Where there are several audio tracks: how many. */
  trackCount?: number;
}

/** Limits on one input, checked while it is read. */
export interface AudioLimits {
  /** Encoded size in bytes, from 1. Default 4 GiB. */
  maxBytes: number;
  /** Decoded duration in seconds, above 0, at most 10 000 hours. Default 12 hours. */
  maxDuration: number;
  /** Seconds spent waiting for the decoder in all, above 0, at most a week. Default 600. */
  decodeTimeout: number;
}

export interface OpenAudioOptions {
  /** `"parties"`: two channels apart, any other number mixed. */
  channels: ChannelSelection | "parties";
  /** Which of several audio tracks, from 0. Default: the default one of those with sound, else the first. */
  track?: number | undefined;
  limits: AudioLimits;
  signal?: AbortSignal;
}

/** A recording being decoded: 16 kHz float32, read once from start to end in bounded memory. */
export interface DecodedAudio {
  readonly format: AudioFormat;
  /** Tracks per block: 1, or the number of channels for `"each"`. */
  readonly trackCount: number;
  /** Seconds that the container announces, for progress only. */
  readonly expectedDuration: number | undefined;
  /** Seconds decoded so far; exact once the blocks have ended. */
  readonly duration: number;
  /** What was odd but survivable, e.g. a damaged frame or a cut file. */
  readonly warnings: readonly string[];
  /** Planar blocks of about a second or less: one array per track, all of one length, samples finite. */
  blocks(): AsyncIterableIterator<Float32Array[]>;
  /**
   * Opens the same recording anew, to be read and closed by itself; absent where its bytes come once.
   * @throws TranscriptionError
   */
  again?(): Promise<DecodedAudio>;
  /** Ends the decoder and removes temporary files. Safe to call at any time, more than once. */
  close(): Promise<void>;
}
