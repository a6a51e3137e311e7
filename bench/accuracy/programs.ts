import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createTranscriber, type TranscriberOptions } from "../../src/index.js";
import { decode } from "../../test/support/audio.js";
import type { RealWhisper } from "../../test/support/real-whisper-models.js";
import { buildPeer } from "../support/native-builds.js";
import { runWhisperCli } from "../support/whisper-cli.js";
import type { Row } from "./rows.js";

const PEER = fileURLToPath(new URL("../peer/faster_whisper_run.py", import.meta.url));

/** A program in one setting. */
export interface Program {
  name: string;
  /** Name of the program that this one's errors are held against; undefined for those that are only shown. */
  goal?: string;
  /** The texts of all recordings of all rows, in order. */
  texts(rows: readonly Row[]): Promise<string[][]>;
}

const BEAMS = [1, 5] as const;
const search = (beamSize: number) => (beamSize === 1 ? "greedy" : `${beamSize} beams`);
const peerName = (computeType: string, beamSize: number, batched = false) =>
  `faster-whisper ${batched ? "batched" : "sequential"} ${computeType} ${search(beamSize)}`;

/** Everything that is compared, on the same weights. */
export function accuracyPrograms(models: RealWhisper, threads: number): Program[] {
  const ours = (["float32", "bfloat16", "int8"] as const).flatMap((computeType) =>
    BEAMS.map((beamSize) => ({
      name: `agora ${computeType} ${search(beamSize)}`,
      goal: peerName(computeType === "int8" ? "int8" : "float32", beamSize),
      texts: (rows: readonly Row[]) => agora({ model: models.base, computeType, threads }, beamSize, rows),
    })),
  );
  const theirs = ["float32", "int8"].flatMap((computeType) =>
    [false, true].flatMap((batched) =>
      BEAMS.map((beamSize) => ({
        name: peerName(computeType, beamSize, batched),
        texts: (rows: readonly Row[]) =>
          fasterWhisper(models, { computeType, threads, run: { batched, beamSize } }, rows),
      })),
    ),
  );
  const sequential = { model: models.base, implementation: "whisper-cpp", threads };
  return [
    ...ours,
    ...theirs,
    { name: "agora whisper-cpp greedy", texts: (rows) => agora(sequential, 1, rows) },
    { name: "whisper-cli greedy", texts: (rows) => whisperCli(models, threads, rows) },
  ];
}

async function agora(
  options: TranscriberOptions,
  beamSize: number,
  rows: readonly Row[],
): Promise<string[][]> {
  const transcriber = await createTranscriber(options);
  try {
    const texts: string[][] = [];
    for (const { recordings, request } of rows) {
      const results = recordings.map(({ path, language }) =>
        transcriber.transcribe(path, { language, beamSize, ...request }),
      );
      texts.push((await Promise.all(results)).map(({ text }) => text));
    }
    return texts;
  } finally {
    await transcriber.close();
  }
}

/** faster-whisper in a process of its own. @throws Error when it fails */
async function fasterWhisper(
  models: RealWhisper,
  { run, ...settings }: { computeType: string; threads: number; run: { batched: boolean; beamSize: number } },
  rows: readonly Row[],
): Promise<string[][]> {
  const recordings = rows.flatMap((row) => row.recordings);
  const request = { model: models.ct2.base, ...settings, runs: [{ name: "", ...run }], recordings };
  const child = spawn(models.python!, [PEER], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify(request));
  const ended = once(child, "close");
  const texts: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) texts.push(JSON.parse(line).text);
  const [code] = await ended;
  if (code !== 0) throw new Error(`${PEER} ended with ${code}`);
  return rows.map((row) => texts.splice(0, row.recordings.length));
}

async function whisperCli(models: RealWhisper, threads: number, rows: readonly Row[]): Promise<string[][]> {
  const program = buildPeer().cli;
  const texts: string[][] = [];
  for (const { recordings } of rows) {
    const row: string[] = [];
    for (const { path: file, language } of recordings) {
      const [samples] = (await decode(path.resolve(file))).tracks;
      row.push(runWhisperCli(program, samples!, { model: models.base, language, threads }));
    }
    texts.push(row);
  }
  return texts;
}
