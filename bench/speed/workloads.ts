/** Whole recordings and many short ones, through the library on our side and whisper_full() on the other. */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createTranscriber, type TranscribeOptions, type Transcriber } from "../../src/index.js";
import { cutWindows, readTrack, writeWindows } from "../support/audio-windows.js";
import { MeasuringProgram } from "../support/measuring-program.js";
import { alternate, type Entrant } from "./alternate.js";
import { COMPUTE_TYPES, type MeasuredModel, PEER_FILES, root, transcriberOptions } from "./models.js";
import { fixedTokens } from "./requests.js";
import { type Goal, makeRow, OURS, PEER, type Row, type Settings } from "./row.js";

const CALL = path.join(root, "samples", "long-call-en.flac");
const RATE = 16_000;
const BATCH_SIZE = 16;

const WHOLE_FILE_GOAL: Goal = { target: 8, atLeast: 4 };
const REQUESTS_GOAL: Goal = { target: 6, atLeast: 3 };
const REQUESTS = 16;
const REQUEST_SECONDS = 5;

/** How a model is asked. */
export interface Asking {
  /** Longest window in seconds. */
  maxWindow: number;
  /** Tokens of each window of a whole file, and of a short request; undefined: what the model says. */
  tokens?: { window: number; request: number };
}

/** A recording through the library, decoding and cutting included; whisper.cpp gets the same windows, cut already. */
export async function measureWholeFile(
  model: MeasuredModel,
  { maxWindow, tokens }: Asking,
  settings: Settings,
  isEligible: (type: string) => boolean,
): Promise<Row> {
  let { whole, windows } = await readTrack(CALL, maxWindow);
  if (settings.quick) {
    whole = whole.subarray(0, 45 * RATE);
    windows = await cutWindows(whole, maxWindow);
  }
  const seconds = whole.length / RATE;
  const request = tokens ? fixedTokens(tokens.window) : { language: "en", chunkLength: maxWindow };
  const input = settings.quick ? { samples: whole, sampleRate: RATE, channels: 1 } : CALL;
  const ours = async (transcriber: Transcriber) => {
    const { stats } = await transcriber.transcribe(input, request);
    if (stats.windowCount !== windows.length) {
      throw new Error(
        `${stats.windowCount} windows were decoded, expected the ${windows.length} of whisper.cpp`,
      );
    }
  };
  const what = `whole file, ${title(model, tokens?.window)}`;
  return measure(what, "× real time", seconds, WHOLE_FILE_GOAL, {
    model,
    windows,
    tokens: tokens?.window,
    request,
    ours,
    settings,
    isEligible,
  });
}

/** Short requests all at once; one after another in whisper.cpp, which cannot do otherwise. */
export async function measureRequests(
  model: MeasuredModel,
  { maxWindow, tokens }: Asking,
  settings: Settings,
  isEligible: (type: string) => boolean,
): Promise<Row> {
  const { whole } = await readTrack(CALL, maxWindow);
  const windows: Float32Array[] = [];
  // Clips that are not cut further, so that both sides have the same number.
  const count = settings.quick ? 4 : REQUESTS;
  for (let start = 0; windows.length < count; start += REQUEST_SECONDS * RATE) {
    const clip = whole.slice(start, start + REQUEST_SECONDS * RATE);
    if (clip.length === 0) throw new Error(`${CALL} has no ${count} clips`);
    const [window, ...more] = await cutWindows(clip, maxWindow);
    if (window?.length === clip.length && more.length === 0) windows.push(clip);
  }
  const request = tokens ? fixedTokens(tokens.request) : { language: "en" };
  const ours = async (transcriber: Transcriber) => {
    const all = windows.map((samples) =>
      transcriber.transcribe({ samples, sampleRate: RATE, channels: 1 }, request),
    );
    await Promise.all(all);
  };
  const what = `${count} requests of ${REQUEST_SECONDS} s at once, ${title(model, tokens?.request)}`;
  return measure(what, "requests/s", count, REQUESTS_GOAL, {
    model,
    windows,
    tokens: tokens?.request,
    request,
    ours,
    settings,
    isEligible,
  });
}

function title({ name }: MeasuredModel, tokens: number | undefined): string {
  return tokens ? `random ${name}, ${tokens} tokens a window` : `${name} model`;
}

interface Work {
  model: MeasuredModel;
  /** What whisper.cpp is given. */
  windows: Float32Array[];
  tokens: number | undefined;
  request: TranscribeOptions;
  ours: (transcriber: Transcriber) => Promise<void>;
  settings: Settings;
  isEligible: (type: string) => boolean;
}

/** Models are loaded, and have done something, before anything is timed. */
async function measure(what: string, unit: string, amount: number, goal: Goal, work: Work): Promise<Row> {
  const { model, windows, settings } = work;
  const folder = mkdtempSync(path.join(os.tmpdir(), "agora-speed-"));
  const transcribers: Transcriber[] = [];
  const programs: MeasuringProgram[] = [];
  try {
    const file = path.join(folder, "windows");
    writeWindows(file, windows);
    const entrants: Entrant[] = [];
    for (const type of COMPUTE_TYPES) {
      const weights = model.files[type.file];
      if (!weights) continue;
      const transcriber = await createTranscriber({
        ...transcriberOptions(type),
        model: weights,
        implementation: "whisper",
        device: "cpu",
        batchSize: BATCH_SIZE,
        threads: settings.threads,
        vadModel: null,
      });
      transcribers.push(transcriber);
      const clip = { samples: windows[0]!.slice(0, RATE), sampleRate: RATE, channels: 1 };
      await transcriber.transcribe(clip, { ...work.request, maxTokens: 4 });
      const run = async () => {
        const start = performance.now();
        await work.ours(transcriber);
        return amount / ((performance.now() - start) / 1000);
      };
      entrants.push({ group: OURS, name: type.name, contends: work.isEligible(type.name), run });
    }
    for (const name of PEER_FILES) {
      const weights = model.files[name]!;
      const program = await MeasuringProgram.start(settings.peerProgram, weights, String(settings.threads));
      programs.push(program);
      await program.ask("encode", 1);
      const run = async () => amount / (await runPeer(program, file, work));
      entrants.push({ group: PEER, name, contends: true, run });
    }
    return makeRow(what, unit, await alternate(entrants, settings.rounds), goal);
  } finally {
    for (const transcriber of transcribers) await transcriber.close();
    for (const program of programs) await program.close();
    rmSync(folder, { recursive: true });
  }
}

/** Seconds. */
async function runPeer(program: MeasuringProgram, file: string, { tokens, windows }: Work): Promise<number> {
  const { seconds, count } = await program.ask("windows", file, tokens ?? 0, "en");
  if (tokens && count !== tokens * windows.length) {
    throw new Error(
      `whisper.cpp decoded ${count} tokens, expected ${tokens} for each of ${windows.length} windows`,
    );
  }
  return seconds;
}
