import { invalidArgument } from "../errors.js";
import type { ChannelSelection } from "./types.js";

/** Turns interleaved frames into the tracks to be transcribed. */
export interface ChannelSelector {
  readonly trackCount: number;
  select(interleaved: Float32Array): Float32Array[];
}

/** Throws INVALID_ARGUMENT unless `selection` can be right for some recording. */
export function checkChannelSelection(selection: unknown): asserts selection is ChannelSelection {
  if (selection === "mix" || selection === "each") return;
  if (typeof selection === "number" && Number.isInteger(selection) && selection >= 0) return;
  throw invalidArgument("channels", '"mix", "each" or the index of a channel from 0', selection);
}

/** @throws TranscriptionError INVALID_ARGUMENT when the chosen channel does not exist */
export function createChannelSelector(selection: ChannelSelection, channels: number): ChannelSelector {
  if (typeof selection === "number") {
    if (selection >= channels) {
      const count = channels === 1 ? "1 channel" : `${channels} channels`;
      throw invalidArgument("channels", `an index below ${channels} (the recording has ${count})`, selection);
    }
    return { trackCount: 1, select: (frames) => [channel(frames, selection, channels)] };
  }
  if (selection === "each") {
    return {
      trackCount: channels,
      select: (frames) => Array.from({ length: channels }, (_, index) => channel(frames, index, channels)),
    };
  }
  return { trackCount: 1, select: (frames) => [mean(frames, channels)] };
}

function channel(interleaved: Float32Array, index: number, channels: number): Float32Array {
  if (channels === 1) return interleaved;
  const samples = new Float32Array(interleaved.length / channels);
  for (let frame = 0, i = index; frame < samples.length; frame++, i += channels)
    samples[frame] = interleaved[i]!;
  return samples;
}

function mean(interleaved: Float32Array, channels: number): Float32Array {
  if (channels === 1) return interleaved;
  const samples = new Float32Array(interleaved.length / channels);
  for (let frame = 0, i = 0; frame < samples.length; frame++) {
    let sum = 0;
    for (const end = i + channels; i < end; i++) sum += interleaved[i]!;
    samples[frame] = sum / channels;
  }
  return samples;
}
