import { concat, decode, random } from "./audio.js";
import type { RealRecording } from "./real-recordings.js";

const RATE = 16_000;
/** Level of the room, in dBFS: quiet, as around a microphone on a desk. */
const ROOM = -60;

/** Utterances of a long recording, taking turns between speakers, and seconds between them. */
export interface LongForm {
  pause: number;
  utterances: number;
}

/** Pauses as in a reading, a talk and a meeting. Fewer utterances where the pauses make it long enough. */
export const LONG_FORMS: readonly LongForm[] = [
  { pause: 0.2, utterances: 30 },
  { pause: 2, utterances: 30 },
  { pause: 20, utterances: 12 },
];

/** The utterances one after another, with the noise of a room under all of it; 16 kHz, and what is said. */
export async function longForm(
  recordings: readonly RealRecording[],
  { pause, utterances }: LongForm,
): Promise<{ samples: Float32Array; text: string }> {
  const chosen = takingTurns(recordings).slice(0, utterances);
  const gap = new Float32Array(Math.round(pause * RATE));
  const parts: Float32Array[] = [gap];
  for (const { path } of chosen) parts.push((await decode(path)).tracks[0]!, gap);
  const next = random(1);
  const scale = 10 ** ((ROOM + 4.77) / 20);
  const samples = concat(parts).map((sample) => sample + scale * (2 * next() - 1));
  return { samples, text: chosen.map(({ text }) => text).join(" ") };
}

/** The first of each speaker, then the second of each, … by the speaker's number in the name. */
function takingTurns(recordings: readonly RealRecording[]): RealRecording[] {
  const turn = ({ name }: RealRecording) => Number(name.split("-").at(-1));
  return [...recordings].sort((a, b) => turn(a) - turn(b));
}
