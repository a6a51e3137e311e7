import { random } from "./audio.js";

const RATE = 16_000;

/** A sound in which nobody speaks, 16 kHz mono. */
export interface UnspokenSound {
  name: string;
  samples: Float32Array;
}

/**
 * What stands in recordings where nobody speaks: quiet, noise, the tones of telephony and music. Made from numbers, the
 * same each time. Lengths are below, just below and above the 30 s that a model hears at once.
 */
export function unspokenSounds(): UnspokenSound[] {
  const sound = (name: string, seconds: number, sample: (t: number) => number) => ({
    name,
    samples: Float32Array.from({ length: Math.round(seconds * RATE) }, (_, i) => sample(i / RATE)),
  });
  return [
    sound("digital silence", 12, () => 0),
    sound("a silent line", 28.75, noise(-65, 1)),
    sound("white noise", 7, noise(-35, 2)),
    sound("white noise, long", 41, noise(-35, 2)),
    sound("pink noise", 28.75, pinkNoise(-35, 3)),
    sound("pink noise, long", 41, pinkNoise(-35, 3)),
    sound("brown noise", 28.75, brownNoise(-30, 4)),
    sound("mains hum", 20, (t) => 0.02 * [50, 100, 150, 250].reduce((sum, f) => sum + tone(f, t), 0)),
    sound("European ringing tone", 30, (t) => (t % 5 < 1 ? 0.2 * tone(425, t) : 0)),
    sound("American ringing tone", 41, (t) => (t % 6 < 2 ? 0.1 * (tone(440, t) + tone(480, t)) : 0)),
    sound("busy tone", 12, (t) => (t % 1 < 0.5 ? 0.2 * tone(425, t) : 0)),
    sound("dial tone", 28.75, (t) => 0.1 * (tone(350, t) + tone(440, t))),
    sound("dialled digits", 12, dialledDigits),
    sound("piano on hold", 41, onHold(5, 0)),
    sound("music with drums", 28.75, onHold(6, 0.3)),
    sound("keyboard clicks", 20, clicks(7)),
  ];
}

function tone(frequency: number, t: number): number {
  return Math.sin(2 * Math.PI * frequency * t);
}

/** White noise of a level in dBFS. */
function noise(level: number, seed: number): () => number {
  const next = random(seed);
  // Uniform over ±1 is 4.77 dB below a full-scale square wave.
  const scale = 10 ** ((level + 4.77) / 20);
  return () => scale * (2 * next() - 1);
}

/** Power falls by 3 dB an octave: white noise through Paul Kellet's economy filter, brought to its level. */
function pinkNoise(level: number, seed: number): () => number {
  const white = noise(level, seed);
  let [a, b, c] = [0, 0, 0];
  return () => {
    const w = white();
    a = 0.99765 * a + 0.099046 * w;
    b = 0.963 * b + 0.2965164 * w;
    c = 0.57 * c + 1.0526913 * w;
    return (a + b + c + 0.1848 * w) / 2.9;
  };
}

/** Power falls by 6 dB an octave: leaky sums of white noise. */
function brownNoise(level: number, seed: number): () => number {
  const white = noise(level, seed);
  let sum = 0;
  return () => {
    sum = 0.98 * sum + 0.2 * white();
    return sum;
  };
}

/** The pairs of tones of a telephone's keys (ITU-T Q.23), ten digits, 0.1 s each and as long between. */
function dialledDigits(t: number): number {
  const rows = [697, 770, 852, 941];
  const columns = [1209, 1336, 1477];
  const place = Math.floor(t / 0.2) % 10;
  if (t % 0.2 >= 0.1 || t % 4 >= 2) return 0;
  const key = (place * 7) % 12;
  return 0.15 * (tone(rows[Math.floor(key / 3)]!, t) + tone(columns[key % 3]!, t));
}

/** Struck strings in chords of four and a melody above them, two notes a second; with drums of noise. */
function onHold(seed: number, drums: number): (t: number) => number {
  const chords = [
    [0, 4, 7],
    [9, 12, 16],
    [5, 9, 12],
    [7, 11, 14],
  ];
  const next = random(seed);
  const melody = Array.from({ length: 64 }, () => 12 + [0, 2, 4, 7, 9, 12][Math.floor(6 * next())]!);
  const hiss = noise(-10, seed + 1);
  const note = (semitone: number, at: number, t: number) => {
    const since = t - at;
    const frequency = 220 * 2 ** (semitone / 12);
    const partials = [1, 2, 3, 4].reduce((sum, n) => sum + tone(n * frequency, since) / n ** 2, 0);
    return partials * Math.exp(-2.5 * since) * Math.min(1, since / 0.005);
  };
  return (t) => {
    const bar = Math.floor(t / 2);
    const beat = Math.floor(2 * t);
    const chord = chords[bar % 4]!.reduce((sum, semitone) => sum + note(semitone, 2 * bar, t), 0);
    const drum = drums * hiss() * Math.exp(-30 * (t % 0.5));
    return 0.06 * chord + 0.12 * note(melody[beat % 64]!, beat / 2, t) + drum;
  };
}

/** Bursts of 3 ms of noise, five a second in uneven distances, over a quiet room. */
function clicks(seed: number): (t: number) => number {
  const next = random(seed);
  const hiss = noise(-12, seed + 1);
  const room = noise(-62, seed + 2);
  const times = Array.from({ length: 100 }, (_, i) => i / 5 + 0.15 * next());
  return (t) => {
    const since = t - times[Math.min(99, Math.floor(5 * t))]!;
    return room() + (since > 0 && since < 0.01 ? hiss() * Math.exp(-since / 0.002) : 0);
  };
}
