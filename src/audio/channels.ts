import { invalidArgument } from "../errors.js";
import type { ChannelSelection } from "../types/audio.js";
import type { ChannelSelector } from "./channel-selector.js";
import { PolarityMixer } from "./polarity-mixer.js";

/** Throws INVALID_ARGUMENT unless `selection` can be right for some recording. */
export function checkChannelSelection(selection: unknown): asserts selection is ChannelSelection | "parties" {
  if (selection === "mix" || selection === "each" || selection === "parties") return;
  if (typeof selection === "number" && Number.isInteger(selection) && selection >= 0) return;
  throw invalidArgument("channels", '"mix", "each" or the index of a channel from 0', selection);
}

/**
 * @param rate of the frames, in Hz
 * @param trackCount for `"each"`: tracks to give; missing channels are silent, further ones join the last
 * @throws TranscriptionError INVALID_ARGUMENT when the chosen channel does not exist
 */
export function createChannelSelector(
  selection: ChannelSelection | "parties",
  channels: number,
  rate: number,
  trackCount = selection === "parties" && channels !== 2 ? 1 : channels,
): ChannelSelector {
  if (typeof selection === "number") {
    if (selection >= channels) {
      const count = channels === 1 ? "1 channel" : `${channels} channels`;
      throw invalidArgument("channels", `an index below ${channels} (the recording has ${count})`, selection);
    }
    return atOnce(1, (frames) => [channel(frames, selection, channels)]);
  }
  const apart = selection === "each" || (selection === "parties" && trackCount === 2);
  if (apart) return atOnce(trackCount, (frames) => each(frames, channels, trackCount));
  return channels === 1 ? atOnce(1, (frames) => [frames]) : new PolarityMixer(channels, rate);
}

function atOnce(trackCount: number, select: (interleaved: Float32Array) => Float32Array[]): ChannelSelector {
  const nothing = () => Array.from({ length: trackCount }, () => new Float32Array(0));
  return { trackCount, select, flush: nothing, warnings: () => [] };
}

/** The channels of interleaved samples, one array for each; with `trackCount` as {@link createChannelSelector} has it. */
export function each(interleaved: Float32Array, channels: number, trackCount = channels): Float32Array[] {
  const length = interleaved.length / channels;
  const tracks = Array.from({ length: trackCount }, (_, index) =>
    index < channels ? channel(interleaved, index, channels) : new Float32Array(length),
  );
  const last = tracks[trackCount - 1]!;
  for (let index = trackCount; index < channels; index++) {
    for (let frame = 0; frame < length; frame++) last[frame]! += interleaved[frame * channels + index]!;
  }
  return tracks;
}

function channel(interleaved: Float32Array, index: number, channels: number): Float32Array {
  if (channels === 1) return interleaved;
  const samples = new Float32Array(interleaved.length / channels);
  for (let frame = 0, i = index; frame < samples.length; frame++, i += channels)
    samples[frame] = interleaved[i]!;
  return samples;
}
