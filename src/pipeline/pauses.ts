import { SAMPLE_RATE } from "../types/audio.js";

/** Samples of a frame whose energy is measured: 128 ms. */
const FRAME_LENGTH = 2048;
/** Samples between frames: 32 ms. */
const HOP = 512;
/** Seconds before the limit in which a cut is looked for. */
const SEARCH_SPAN = 5;

const HANN_SQUARED = Float32Array.from({ length: FRAME_LENGTH }, (_, i) => {
  const weight = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / FRAME_LENGTH);
  return weight * weight;
});

/**
 * Where to cut speech that is too long for one window: the centre of its quietest frame within the last 5 s.
 *
 * The energy of a frame is Σ|S|² over its short-time spectrum (n_fft 2048, hop 512), which by Parseval's theorem
 * is the energy of the Hann-weighted samples: no Fourier transform is needed.
 *
 * The search ends at the limit, where the usual form of this centres it on the limit: a piece could then overshoot
 * the model's 30 s by half the span, and what overshoots is lost.
 *
 * @param samples 16 kHz, as long as a window may be, at least 4096
 * @returns a position strictly inside `samples`; of equally quiet frames the last
 */
export function quietestCut(samples: Float32Array): number {
  const span = Math.min(SEARCH_SPAN * SAMPLE_RATE, Math.floor(samples.length / 2));
  let quietest = samples.length - FRAME_LENGTH;
  let least = Number.POSITIVE_INFINITY;
  for (let frame = quietest; frame >= samples.length - span; frame -= HOP) {
    const energy = frameEnergy(samples, frame, least);
    if (energy < least) {
      least = energy;
      quietest = frame;
    }
  }
  return quietest + FRAME_LENGTH / 2;
}

/** Hann-weighted energy of the frame at `start`; stops adding once it is known to reach `enough`. */
function frameEnergy(samples: Float32Array, start: number, enough: number): number {
  let energy = 0;
  for (let block = 0; block < FRAME_LENGTH && energy < enough; block += HOP) {
    for (let i = block; i < block + HOP; i++) {
      const sample = samples[start + i]!;
      energy += sample * sample * HANN_SQUARED[i]!;
    }
  }
  return energy;
}
