import { SAMPLE_RATE } from "../types/audio.js";

/** Samples of a frame whose energy is measured: 128 ms. */
const FRAME_LENGTH = 2048;
/** Samples between frames: 32 ms. */
const HOP = 512;
/** Part of the window, its last one, in which a pause is looked for: 10 s of 30. */
const PAUSE_SPAN = 1 / 3;
/** Seconds before the limit in which the quietest place is, where there is no pause; half of the window at most. */
const QUIETEST_SPAN = 5;
/**
 * Shortest pause between sentences or clauses, in seconds; gaps between words are shorter. A frame of 128 ms is quiet
 * when some 64 ms around its centre are.
 */
const SHORTEST_PAUSE = 0.3;
const FRAME_SECONDS = 0.064;
/** A longer pause is no better place. */
const LONG_PAUSE = 1;
/** Seconds of pause that make up for a second of window: text is worth more than full windows, but those count too. */
const WORTH_OF_WINDOW = 0.03;
/** What is quiet rises above the quietest frame by at most this share of the range of levels, within these bounds, in dB. */
const QUIET_SHARE = 0.35;
const QUIET_RISE = [5, 15] as const;
/** Where levels differ by less than this, in dB, nothing tells a pause. */
const LEAST_RANGE = 10;
/** Speech may lie this far above what is quiet: holes of digital silence do not hide the pauses of a room. */
const GREATEST_RANGE = 50;

const HANN_SQUARED = Float32Array.from({ length: FRAME_LENGTH }, (_, i) => {
  const weight = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / FRAME_LENGTH);
  return weight * weight;
});

/**
 * Where to cut speech that is too long for one window: in a pause in its last third, the longer and the later the
 * better, for a model that hears a sentence without its beginning reads it worse. Speech without one is cut at its
 * quietest place.
 *
 * @param samples 16 kHz, as long as a window may be, at least 4096
 * @returns a position strictly inside `samples`
 */
export function placeToCut(samples: Float32Array): number {
  return middleOfPause(samples) ?? quietestCut(samples);
}

/** The middle of the pause that is the best place; undefined where there is none. */
function middleOfPause(samples: Float32Array): number | undefined {
  const first = samples.length - Math.floor(PAUSE_SPAN * samples.length);
  const levels: number[] = [];
  for (let frame = first; frame + FRAME_LENGTH <= samples.length; frame += HOP)
    levels.push(10 * Math.log10(frameEnergy(samples, frame) + Number.MIN_VALUE));
  const threshold = quietLevel(levels);
  let best: { middle: number; worth: number } | undefined;
  for (let begin = 0; begin < levels.length; begin++) {
    let end = begin;
    while (end < levels.length && levels[end]! < threshold) end++;
    if (end === begin) continue;
    const seconds = ((end - 1 - begin) * HOP) / SAMPLE_RATE + FRAME_SECONDS;
    const middle = first + Math.round(((begin + end - 1) / 2) * HOP) + FRAME_LENGTH / 2;
    const lost = (samples.length - middle) / SAMPLE_RATE;
    const worth = Math.min(seconds, LONG_PAUSE) - WORTH_OF_WINDOW * lost;
    if (seconds >= SHORTEST_PAUSE && worth >= (best?.worth ?? 0)) best = { middle, worth };
    begin = end;
  }
  return best?.middle;
}

/** Level below which a frame is quiet; that of none where levels hardly differ. */
function quietLevel(levels: readonly number[]): number {
  const sorted = [...levels].sort((a, b) => a - b);
  const loud = sorted[Math.floor(0.9 * (sorted.length - 1))]!;
  const lowest = Math.max(sorted[0]!, loud - GREATEST_RANGE);
  const range = loud - lowest;
  if (range < LEAST_RANGE) return lowest;
  const [least, most] = QUIET_RISE;
  return lowest + Math.min(Math.max(QUIET_SHARE * range, least), most);
}

/**
 * The centre of the quietest frame within the last 5 s.
 *
 * The energy of a frame is Σ|S|² over its short-time spectrum (n_fft 2048, hop 512), which by Parseval's theorem
 * is the energy of the Hann-weighted samples: no Fourier transform is needed.
 *
 * The search ends at the limit, where the usual form of this centres it on the limit: a piece could then overshoot
 * the model's 30 s by half the span, and what overshoots is lost.
 *
 * @param samples as for {@link placeToCut}
 * @returns a position strictly inside `samples`; of equally quiet frames the last
 */
export function quietestCut(samples: Float32Array): number {
  const span = Math.min(QUIETEST_SPAN * SAMPLE_RATE, Math.floor(samples.length / 2));
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
function frameEnergy(samples: Float32Array, start: number, enough = Number.POSITIVE_INFINITY): number {
  let energy = 0;
  for (let block = 0; block < FRAME_LENGTH && energy < enough; block += HOP) {
    for (let i = block; i < block + HOP; i++) {
      const sample = samples[start + i]!;
      energy += sample * sample * HANN_SQUARED[i]!;
    }
  }
  return energy;
}
