import { setImmediate as nextTurn } from "node:timers/promises";
import { MAX_CHANNELS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE } from "../config/limits.js";
import { invalidArgument } from "../errors.js";
import type { RawAudio } from "../types/audio.js";
import type { DecodeTask } from "./decode-task.js";
import { type Decoding, onePart } from "./decoded-recording.js";
import { audioTooLong, noSuchTrack } from "./errors.js";
import { framesPerBlock } from "./frames.js";
import { silenceInvalidSamples } from "./pcm.js";

export function isRawAudio(input: unknown): input is RawAudio {
  return typeof input === "object" && input !== null && "samples" in input;
}

/** @throws TranscriptionError INVALID_ARGUMENT, AUDIO_TOO_LONG */
export function openRawAudio(input: RawAudio, task: DecodeTask, track: number | undefined): Decoding {
  if (track) throw noSuchTrack(track, 1);
  const { samples, sampleRate, channels = 1 } = input;
  if (!(samples instanceof Float32Array || samples instanceof Int16Array)) {
    throw invalidArgument("input.samples", "a Float32Array or Int16Array", samples);
  }
  if (!Number.isInteger(sampleRate) || sampleRate < MIN_SAMPLE_RATE || sampleRate > MAX_SAMPLE_RATE) {
    throw invalidArgument(
      "input.sampleRate",
      `an integer from ${MIN_SAMPLE_RATE} to ${MAX_SAMPLE_RATE}`,
      sampleRate,
    );
  }
  if (!Number.isInteger(channels) || channels < 1 || channels > MAX_CHANNELS) {
    throw invalidArgument("input.channels", `an integer from 1 to ${MAX_CHANNELS}`, channels);
  }
  if (samples.length % channels !== 0) {
    throw invalidArgument("input.samples", `a multiple of ${channels} channels in length`, samples.length);
  }
  const duration = samples.length / channels / sampleRate;
  if (duration > task.limits.maxDuration) throw audioTooLong(task.name, task.limits.maxDuration, duration);
  const codec = samples instanceof Int16Array ? "pcm_s16le" : "pcm_f32le";
  return {
    format: { container: "raw", codec, sampleRate, channels },
    expectedDuration: duration,
    parts: onePart({
      frameRate: sampleRate,
      channels,
      codec,
      frames: rawFrames(samples, channels, sampleRate, task),
    }),
  };
}

async function* rawFrames(
  samples: Float32Array | Int16Array,
  channels: number,
  sampleRate: number,
  task: DecodeTask,
): AsyncGenerator<Float32Array> {
  const step = framesPerBlock(samples.BYTES_PER_ELEMENT * channels, sampleRate) * channels;
  let invalid = 0;
  for (let start = 0; start < samples.length; start += step) {
    // Nothing here waits for anything, so without a turn of the event loop nothing else would run meanwhile.
    await nextTurn();
    task.check();
    const block = new Float32Array(samples.subarray(start, start + step));
    if (samples instanceof Int16Array) for (let i = 0; i < block.length; i++) block[i]! /= 2 ** 15;
    invalid += silenceInvalidSamples(block);
    yield block;
  }
  if (invalid > 0)
    task.warn(`${invalid} samples were not finite numbers of sensible size and became silence`);
}
