/** The measured processes of bench/memory.ts; each prints its result as JSON. */
import { readFileSync } from "node:fs";
import { createTranscriber } from "../../src/index.js";
import { sampleAudio } from "../../test/support/samples.js";

export interface Repeated {
  work: string;
  /**
   * Resident MiB after the first 50, and at the end: the least of ten, each after garbage collection. Without that,
   * when V8 happens to collect decides: audio lies in its external memory.
   */
  after50: number;
  after300: number;
  growthPercent: number;
  /** Resident MiB after each repetition, as they are. */
  samples: number[];
}

export interface LongRun {
  /** Highest resident memory of the process, MiB. */
  peakMiB: number;
  seconds: number;
  speedFactor: number;
  words: number;
}

const REPETITIONS = 300;
const WARM_UP = 50;
const MIB = 1024 * 1024;
const demo = { model: "demo", download: false, vadModel: null } as const;

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

async function repeat(work: string, once: () => Promise<unknown>): Promise<Repeated> {
  const samples: number[] = [];
  const atRest: number[] = [];
  for (let i = 1; i <= REPETITIONS; i++) {
    await once();
    samples.push(residentMiB());
    if (i % WARM_UP === 0 || i % WARM_UP > WARM_UP - 10) {
      gc!();
      atRest.push(residentMiB());
    }
  }
  const after50 = Math.min(...atRest.slice(0, 10));
  const after300 = Math.min(...atRest.slice(-10));
  return { work, after50, after300, growthPercent: round(100 * (after300 / after50 - 1)), samples };
}

function residentMiB(): number {
  return round(process.memoryUsage.rss() / MIB);
}

async function measureRepeat(): Promise<Repeated[]> {
  const clip = sampleAudio("sales-call-en", 0, 10);
  const transcriber = await createTranscriber(demo);
  const transcriptions = await repeat("transcriptions of 10 s", () =>
    transcriber.transcribe(clip, { wordTimestamps: true }),
  );
  await transcriber.close();
  const loads = await repeat("loads and closes", async () => (await createTranscriber(demo)).close());
  return [transcriptions, loads];
}

async function measureLong(file: string): Promise<LongRun> {
  const transcriber = await createTranscriber(demo);
  const { stats } = await transcriber.transcribe(file);
  await transcriber.close();
  return {
    peakMiB: round(peakBytes() / MIB),
    seconds: round(stats.processingTime),
    speedFactor: round(stats.speedFactor),
    words: stats.wordCount,
  };
}

function peakBytes(): number {
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))![1]);
}

const [mode, file] = process.argv.slice(2);
console.log(JSON.stringify(mode === "long" ? await measureLong(file!) : await measureRepeat()));
