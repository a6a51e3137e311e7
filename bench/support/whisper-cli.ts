import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { SAMPLE_RATE } from "../../src/types/audio.js";

export interface CliOptions {
  model: string;
  language: string;
  threads: number;
  /** Command and arguments to run it with, such as `taskset`. */
  prefix?: string[];
}

/** What `whisper-cli` writes of 16 kHz mono samples, greedy and with its default thresholds. */
export function runWhisperCli(program: string, samples: Float32Array, options: CliOptions): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), "agora-bench-"));
  try {
    const wav = path.join(folder, "window.wav");
    writeFileSync(wav, toWav(samples));
    const [command = program, ...before] = [...(options.prefix ?? []), program];
    execFileSync(
      command,
      [
        ...before,
        "-m",
        options.model,
        "-l",
        options.language,
        "-t",
        String(options.threads),
        "-bs",
        "1",
        "-otxt",
        "-of",
        path.join(folder, "out"),
        "-np",
        wav,
      ],
      { stdio: "ignore" },
    );
    return readFileSync(path.join(folder, "out.txt"), "utf8").replace(/\s+/g, " ").trim();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A 16-bit WAV file. */
function toWav(samples: Float32Array): Buffer {
  const data = Buffer.alloc(44 + 2 * samples.length);
  data.write("RIFF", 0);
  data.writeUInt32LE(36 + 2 * samples.length, 4);
  data.write("WAVEfmt ", 8);
  data.writeUInt32LE(16, 16);
  data.writeUInt16LE(1, 20);
  data.writeUInt16LE(1, 22);
  data.writeUInt32LE(SAMPLE_RATE, 24);
  data.writeUInt32LE(2 * SAMPLE_RATE, 28);
  data.writeUInt16LE(2, 32);
  data.writeUInt16LE(16, 34);
  data.write("data", 36);
  data.writeUInt32LE(2 * samples.length, 40);
  samples.forEach((value, i) => {
    data.writeInt16LE(Math.max(-32768, Math.min(32767, Math.round(value * 32768))), 44 + 2 * i);
  });
  return data;
}
