import { SAMPLE_RATE } from "../types/audio.js";

/** Brings one track to 16 kHz, block by block. */
export interface TrackResampler {
  process(samples: Float32Array): Float32Array;
  flush(): Float32Array;
}

const UNCHANGED: TrackResampler = {
  process: (samples) => samples,
  flush: () => new Float32Array(0),
};

/** One resampler per track. The addon is loaded only when the rate differs. */
export async function createResamplers(sampleRate: number, trackCount: number): Promise<TrackResampler[]> {
  if (sampleRate === SAMPLE_RATE) return new Array(trackCount).fill(UNCHANGED);
  const { loadAddon } = await import("../addon/addon.js");
  return loadAddon().createResamplers(sampleRate, SAMPLE_RATE, trackCount);
}
