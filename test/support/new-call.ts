import type { RawAudio } from "../../src/index.js";
import { seededRandom } from "./random.js";
import { sampleAudio, sampleTurns, type Turn } from "./samples.js";

/** Amplitude of the noise between and under turns, of 32768. */
const NOISE = 30;
/** Seconds kept before and after a turn. */
const MARGIN = 0.05;

/**
 * A call that no sample has: the turns of one in another order, with other pauses, each at a level of its own, in faint
 * noise. The same for the same seed.
 */
export function newCall(call: string, seed: number): { input: RawAudio; turns: Turn[] } {
  const random = seededRandom(seed);
  const samples: number[] = [];
  const turns: Turn[] = [];
  const { sampleRate } = sampleAudio(call, 0, 0);
  const noise = (): number => (2 * random() - 1) * NOISE;
  const places = sampleTurns(call).map((turn) => ({ turn, place: random() }));
  for (const { turn } of places.sort((a, b) => a.place - b.place)) {
    const spoken = sampleAudio(call, Math.max(0, turn.start - MARGIN), turn.end + MARGIN);
    const pause = Math.round((0.3 + 0.9 * random()) * sampleRate);
    for (let i = 0; i < pause; i++) samples.push(noise());
    const level = 0.4 + 0.6 * random();
    const start = samples.length / sampleRate + Math.min(MARGIN, turn.start);
    for (const sample of spoken.samples) samples.push(sample * level + noise());
    turns.push({ ...turn, start, end: start + turn.end - turn.start });
  }
  return { input: { samples: Int16Array.from(samples, Math.round), sampleRate, channels: 1 }, turns };
}
