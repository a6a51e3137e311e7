import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { RawAudio } from "../../src/index.js";

/** Who says what and when, in seconds. */
export interface Turn {
  speaker: string;
  start: number;
  end: number;
  text: string;
}

const WAV_HEADER_BYTES = 44;
const RATE = 16_000;

/** Path of a file of the demo model's world: a call of samples/, by its file name. */
export function samplePath(name: string): string {
  return fileURLToPath(new URL(`../../samples/${name}`, import.meta.url));
}

/** What is said in a call, by its name without ending. */
export function sampleText(call: string): string {
  return readFileSync(samplePath(`${call}.txt`), "utf8").trim();
}

/** The turns of a call, by its name without ending. */
export function sampleTurns(call: string): Turn[] {
  return (JSON.parse(readFileSync(samplePath(`${call}.json`), "utf8")) as { turns: Turn[] }).turns;
}

/** A stretch of a call's mono WAV, in seconds. */
export function sampleAudio(call: string, from = 0, to = Number.POSITIVE_INFINITY): Required<RawAudio> {
  const bytes = readFileSync(samplePath(`${call}.wav`));
  const all = new Int16Array(
    bytes.buffer.slice(bytes.byteOffset + WAV_HEADER_BYTES, bytes.byteOffset + bytes.length),
  );
  return { samples: all.slice(from * RATE, Math.min(to * RATE, all.length)), sampleRate: RATE, channels: 1 };
}

/** Path of the 16-bit form of the demo model, which needs `chunkLength: 20`. */
export const F16_MODEL = fileURLToPath(new URL("../fixtures/agora-demo-f16.bin", import.meta.url));
/** Path of the bundled demo model. */
export const DEMO_MODEL = fileURLToPath(new URL("../../models/agora-demo-q8_0.bin", import.meta.url));
