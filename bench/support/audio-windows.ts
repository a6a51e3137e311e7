import { writeFileSync } from "node:fs";
import { openAudio } from "../../src/audio/open.js";
import { DEFAULT_AUDIO_LIMITS } from "../../src/config/limits.js";
import { Windower } from "../../src/pipeline/windows.js";

/** A recording as 16 kHz mono samples, whole and in the windows that this package cuts without a VAD model. */
export async function readTrack(
  file: string,
  maxWindow: number,
): Promise<{ whole: Float32Array; windows: Float32Array[] }> {
  const audio = await openAudio(file, { channels: "mix", limits: DEFAULT_AUDIO_LIMITS });
  const blocks: Float32Array[] = [];
  for await (const [block] of audio.blocks()) blocks.push(block!);
  await audio.close();
  const whole = new Float32Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let offset = 0;
  for (const block of blocks) {
    whole.set(block, offset);
    offset += block.length;
  }
  return { whole, windows: await cutWindows(whole, maxWindow) };
}

/** The windows, of `maxWindow` seconds at most, that this package cuts without a VAD model. */
export async function cutWindows(samples: Float32Array, maxWindow: number): Promise<Float32Array[]> {
  const windower = new Windower({ maxWindow, vad: undefined, vadOptions: {} as never });
  const windows = [...(await windower.push(samples)), ...(await windower.flush())];
  return windows.map((window) => window.samples);
}

/** Writes windows as bench/native/commands.h reads them. */
export function writeWindows(path: string, windows: readonly Float32Array[]): void {
  const lengths = Int32Array.from([windows.length, ...windows.map((window) => window.length)]);
  const parts = [lengths, ...windows].map((part) =>
    Buffer.from(part.buffer, part.byteOffset, part.byteLength),
  );
  writeFileSync(path, Buffer.concat(parts));
}
