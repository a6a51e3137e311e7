import { seededRandom } from "./random.js";
import { normalisedWords } from "./word-error-rate.js";

/** 16 kHz mono samples of one utterance and what is said in it. */
export interface Utterance {
  samples: Float32Array;
  text: string;
}

/** A word of a recording, with the times that are known of it, in seconds. */
export interface TrueWord {
  /** As {@link normalisedWords} writes it. */
  text: string;
  start?: number;
  end?: number;
}

export interface BuiltRecording {
  samples: Float32Array;
  words: TrueWord[];
}

const SAMPLE_RATE = 16_000;
/** 10 ms. */
const FRAME = 160;
/** How far soft sound is taken for the beginning or the end of a word: 80 ms. */
const MARGIN = 8 * FRAME;
/** What is kept of an utterance before and behind its speech, faded, so that it does not click: 30 ms. */
const FADE = 3 * FRAME;

/**
 * Where speech begins and ends in samples without noise, in samples: up to {@link MARGIN} outside of the outermost
 * steady sound (of at most 18 dB below the loud ones) where softer sound (of at most 30 dB) leads there. Breaths, smacks
 * of the lips and clicks further out are not speech, and whoever lays speech out cuts them off.
 */
export function speechEdges(samples: Float32Array): { start: number; end: number } {
  const levels: number[] = [];
  for (let at = 0; at + FRAME <= samples.length; at += FRAME) {
    let sum = 0;
    for (let i = at; i < at + FRAME; i++) sum += samples[i]! ** 2;
    levels.push(10 * Math.log10(sum / FRAME + 1e-12));
  }
  const loud = [...levels].sort((a, b) => a - b)[Math.floor(0.95 * levels.length)]!;
  const edge = (ordered: readonly number[]): number => {
    // Fifteen of twenty frames: syllables dip, and clicks are over.
    const steady = ordered.findIndex(
      (level, i) =>
        level >= loud - 18 && ordered.slice(i, i + 20).filter((next) => next >= loud - 18).length >= 15,
    );
    const from = Math.max(0, steady - MARGIN / FRAME);
    return from + ordered.slice(from).findIndex((level) => level >= loud - 30);
  };
  return { start: edge(levels) * FRAME, end: (levels.length - edge([...levels].reverse())) * FRAME };
}

/**
 * Utterances one after the other with `pauses` between them (seconds, over and over), the first pause before the
 * first: of each, the start of its first word and the end of its last one are known.
 *
 * @param noise dBFS of white noise under it all; undefined: digital silence between utterances
 */
export function layOut(
  utterances: readonly Utterance[],
  pauses: readonly number[],
  noise: number | undefined,
): BuiltRecording {
  const parts: { samples: Float32Array; at: number }[] = [];
  const words: TrueWord[] = [];
  let position = 0;
  for (const [index, { samples, text }] of utterances.entries()) {
    position += Math.round(pauses[index % pauses.length]! * SAMPLE_RATE);
    const { start, end } = speechEdges(samples);
    const from = Math.max(0, start - FADE);
    const cut = samples.slice(from, Math.min(samples.length, end + FADE));
    fade(cut, start - from, cut.length - (end - from));
    parts.push({ samples: cut, at: position - (start - from) });
    const spoken: TrueWord[] = normalisedWords(text).map((word) => ({ text: word }));
    spoken[0]!.start = position / SAMPLE_RATE;
    spoken.at(-1)!.end = (position + end - start) / SAMPLE_RATE;
    words.push(...spoken);
    position += end - start;
  }
  const all = new Float32Array(position + Math.round(pauses[0]! * SAMPLE_RATE) + FADE);
  for (const { samples, at } of parts) {
    for (const [i, value] of samples.entries()) if (at + i >= 0) all[at + i]! += value;
  }
  if (noise !== undefined) addNoise(all, noise);
  return { samples: all, words };
}

function fade(samples: Float32Array, before: number, behind: number): void {
  for (let i = 0; i < before; i++) samples[i]! *= i / before;
  for (let i = 0; i < behind; i++) samples[samples.length - 1 - i]! *= i / behind;
}

function addNoise(samples: Float32Array, level: number): void {
  const random = seededRandom(1);
  // Uniform noise of this reach has the power asked for.
  const reach = Math.sqrt(3) * 10 ** (level / 20);
  for (let i = 0; i < samples.length; i++) samples[i]! += reach * (2 * random() - 1);
}
