/** What the programs of bench/peers.ts are given to do: real speech, English, the same files for all. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { decode, wav } from "../../test/support/audio.js";
import { englishWords } from "../../test/support/english-words.js";
import { longForm } from "../../test/support/long-form.js";
import { librispeech, type RealRecording } from "../../test/support/real-recordings.js";
import { wordErrorRate } from "../../test/support/word-error-rate.js";

const RATE = 16_000;
const PAUSE = 0.8;

/** How many times as fast as the fastest setting of each peer this package is to be. */
export interface Goals {
  fasterWhisper: number;
  whisperCpp: number;
}

/** What a program reads: recordings, and how it goes about them. */
export interface Work {
  recordings: { path: string; language: string }[];
  /** Requests that are under way together, where a program can do that. */
  atOnce: number;
  beamSize: number;
}

export interface Workload {
  name: string;
  work: Work;
  /** What is said in each recording. */
  texts: string[];
  audioSeconds: number;
  goals: Goals;
}

/** @param folder for recordings that are made here */
export async function workloads(folder: string, quick: boolean): Promise<Workload[]> {
  mkdirSync(folder, { recursive: true });
  const all = librispeech();
  const utterances = quick ? all.slice(0, 4) : all;
  const files = await Promise.all(utterances.map((each, i) => asWav(each, path.join(folder, `${i}.wav`))));
  const long = await longForm(utterances, { pause: PAUSE, utterances: utterances.length });
  const longFile = path.join(folder, "long.wav");
  writeFileSync(longFile, wav([long.samples], RATE));
  const whole = [{ path: longFile, text: long.text, seconds: long.samples.length / RATE }];
  const minutes = `one file of ${Math.round(whole[0]!.seconds)} s`;
  const short = [...files, ...files];
  return [
    workload(`${minutes}, greedy`, whole, 1, 1, { fasterWhisper: 4, whisperCpp: 8 }),
    workload(`${minutes}, 5 beams`, whole, 1, 5, { fasterWhisper: 4, whisperCpp: 8 }),
    workload(`${short.length} short files, 16 at once`, short, 16, 1, { fasterWhisper: 7, whisperCpp: 8 }),
    workload("short files one after another", files.slice(0, 10), 1, 1, { fasterWhisper: 3, whisperCpp: 8 }),
  ];
}

/** Percent of the words. */
export function errorRate({ texts }: Workload, heard: readonly string[]): number {
  const counts = texts.map((text, i) => wordErrorRate(text, heard[i]!, englishWords));
  const sum = (key: "errors" | "words") => counts.reduce((total, count) => total + count[key], 0);
  return (100 * sum("errors")) / sum("words");
}

interface SpokenFile {
  path: string;
  text: string;
  seconds: number;
}

/** Plain WAV, so that no program's decoder counts. */
async function asWav(recording: RealRecording, file: string): Promise<SpokenFile> {
  const samples = (await decode(recording.path)).tracks[0]!;
  writeFileSync(file, wav([samples], RATE));
  return { path: file, text: recording.text, seconds: samples.length / RATE };
}

function workload(
  name: string,
  files: readonly SpokenFile[],
  atOnce: number,
  beamSize: number,
  goals: Goals,
): Workload {
  return {
    name,
    work: { recordings: files.map((file) => ({ path: file.path, language: "en" })), atOnce, beamSize },
    texts: files.map(({ text }) => text),
    audioSeconds: files.reduce((sum, { seconds }) => sum + seconds, 0),
    goals,
  };
}
