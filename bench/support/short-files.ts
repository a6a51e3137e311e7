import { spawnSync } from "node:child_process";
import { wav } from "../../test/support/audio.js";
import { sampleAudio, sampleTurns } from "../../test/support/samples.js";

/** Seconds of a file, at least and at most. */
const SHORTEST = 1.5;
const LONGEST = 8;
/** Of each call: the conversations are long, and a small set shows best that answers do not change. */
const PER_CALL = 8;

/** Short recordings of one to three turns each, from both sales calls, as WAV files. */
export function shortFiles(): Buffer[] {
  return ["sales-call-en", "sales-call-ru"].flatMap((call) => {
    const turns = sampleTurns(call);
    const files: Buffer[] = [];
    for (let i = 0; i < turns.length && files.length < PER_CALL; i++) {
      const { start } = turns[i]!;
      // A third of them are of one turn, a third of two, a third of three.
      const { end } = turns[Math.min(i + (i % 3), turns.length - 1)]!;
      if (end - start < SHORTEST || end - start > LONGEST) continue;
      const { samples, sampleRate } = sampleAudio(call, start, end + 0.2);
      files.push(wav([Float32Array.from(samples, (sample) => sample / 32768)], sampleRate));
    }
    return files;
  });
}

/** The same as FLAC files, which FFmpeg decodes as it does whatever is no plain WAV; it is needed here. */
export function asFlac(file: Buffer): Buffer {
  const args = ["-v", "error", "-i", "pipe:0", "-f", "flac", "pipe:1"];
  const { status, stdout, stderr } = spawnSync("ffmpeg", args, { input: file });
  if (status !== 0) throw new Error(`ffmpeg cannot write FLAC: ${stderr}`);
  return stdout;
}

/** Seconds of audio in a file of {@link shortFiles}. */
export function secondsOf(file: Buffer): number {
  return (file.length - 44) / 2 / 16_000;
}
