/**
 * Live transcription: how long words take, how many streams there may be, and the same of WhisperLive (PyPI, faster-whisper
 * inside) with the same weights, in 8 bits both, on two threads. Clients speak WhisperLive's protocol to servers in processes
 * of their own and send speech at the pace at which it was spoken.
 *
 *   npm run bench:live -- [--parts audio,streams,beside,peer,hour,nothing] [--seconds 40] [--streams 1,2,4]
 *                         [--model PATH] [--policy NAME] [--step SECONDS]
 *
 * audio    latencies by the clock of the audio, as if the model took no time (computation-unaware)
 * streams  latencies by the clock of the wall (computation-aware) of so many streams at once
 * beside   the same of two streams while a recording is transcribed over and over, as bulk
 * peer     the same of WhisperLive, with more and more streams for as long as it holds them
 * hour     memory in the course of an hour of audio, as fast as it goes (demo model)
 * nothing  text of silence, noise and music
 *
 * First word: from its end to the first text that has it. Last word: likewise. Final: from the end of an utterance's speech
 * to its text as one that does not change (`completed`). When words end is taken from the recording's own transcription.
 * A stream is held where 95 in 100 finals come within 2.5 s. Without real Whisper base the demo model is measured, and no
 * peer. Results go to build/bench/live.json; the exit code tells whether every goal is met. Takes an idle machine and, with
 * every part, about 8 minutes.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createTranscriber, type LivePolicy } from "../src/index.js";
import { wav } from "../test/support/audio.js";
import { prepareRealWhisper } from "../test/support/real-whisper-models.js";
import { join } from "../test/support/scripted-speech.js";
import { sharedPath } from "../test/support/shared-path.js";
import { hour } from "./live/hour.js";
import { joined, type Quantiles, type Summary, shown, summary } from "./live/latencies.js";
import { listen } from "./live/listener.js";
import { lockstep } from "./live/lockstep.js";
import { nothing } from "./live/nothing.js";
import { type LiveServer, startOurs, startWhisperLive } from "./live/servers.js";
import { RATE, recordings, speech, timed } from "./live/speech.js";
import { HttpCaller } from "./support/http-calls.js";

/** Seconds, of the median; what a stream holds, of 95 in 100. */
const GOALS = { firstWord: 1.2, final: 1.5, holds: 2.5 };
/** Streams that are to be held, and times as many as the peer's. */
const STREAMS = 4;
const TIMES_THE_PEERS = 2;
/** Streams beside bulk work, by which share their finals may be later, and MiB that an hour may cost. */
const BESIDE = 2;
const SLOWER = 0.3;
const GROWTH = 16;

const PARTS = ["audio", "streams", "beside", "peer", "hour", "nothing"] as const;
const { values } = parseArgs({
  options: {
    parts: { type: "string", default: PARTS.join(",") },
    model: { type: "string" },
    seconds: { type: "string", default: "40" },
    streams: { type: "string", default: "1,2,4" },
    policy: { type: "string", default: "auto" },
    step: { type: "string", default: "1" },
  },
});
const parts = values.parts.split(",");
const unknown = parts.find((part) => !(PARTS as readonly string[]).includes(part));
if (unknown !== undefined)
  throw new Error(`Expected some of ${PARTS.join(", ")} for --parts but received ${unknown}`);
const seconds = Number(values.seconds);

const real = prepareRealWhisper(false);
const models = "models" in real && sharedPath("audio/librispeech") !== undefined ? real.models : undefined;
const model = values.model ?? models?.base ?? "demo";
const load = os.loadavg()[0]!;
const checks: Record<string, boolean> = {};
const report: Record<string, unknown> = {};

const transcriber = await createTranscriber({ model, threads: 2, computeType: "int8", download: false });
const all = await recordings(models !== undefined);
const utterances = await timed(transcriber, all, 4 * seconds);
/** What each of several streams hears: not the same at the same time. */
const said = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    speech(utterances, Math.round((i / count) * utterances.length), seconds),
  );

if (parts.includes("audio")) {
  const options = { language: "en", policy: values.policy as LivePolicy, step: Number(values.step) };
  const found = summary(await lockstep(transcriber, said(1)[0]!, options));
  report.audio = found;
  console.log(`By the clock of the audio: ${shown(found)}`);
}
if (parts.includes("nothing")) {
  const { seconds: length, heard } = await nothing(transcriber);
  report.nothing = heard;
  checks["no text of silence, noise and music"] = heard.length === 0;
  console.log(`${length.toFixed(0)} s of silence, noise and music: ${heard.join("; ") || "no text"}`);
}
await transcriber.close();

/** By the number of streams. */
type Rows = Map<number, Summary>;
const ours: Rows = new Map();
if (parts.includes("streams") || parts.includes("beside") || parts.includes("peer")) {
  const server = await startOurs(model);
  try {
    await warm(server);
    const counts = values.streams.split(",").map(Number);
    const wanted = parts.includes("streams") || parts.includes("peer") ? counts : [];
    for (const count of new Set(
      parts.includes("beside") ? [...wanted, BESIDE].sort((a, b) => a - b) : wanted,
    ))
      ours.set(count, await row(server, count));
    if (parts.includes("beside")) await beside(server, ours.get(BESIDE)!.final);
  } finally {
    await server.stop();
  }
  report.streams = Object.fromEntries(ours);
  const alone = ours.get(1);
  if (parts.includes("streams") && alone) {
    const { firstWord, final } = alone;
    checks[`first words within ${GOALS.firstWord} s`] = firstWord.p50 <= GOALS.firstWord;
    checks[`finals within ${GOALS.final} s`] = final.p50 <= GOALS.final;
    checks[`${STREAMS} streams are held`] = held(ours) >= STREAMS;
  }
}
if (parts.includes("peer")) {
  if (models) await peer(models.ct2.base);
  else console.log("No real Whisper models: nothing to compare with");
}
if (parts.includes("hour")) {
  const found = await hour();
  report.hour = found;
  const { growthMiB, residentMiB, received, processed } = found;
  checks[`an hour costs under ${GROWTH} MiB`] = growthMiB < GROWTH;
  checks["all of the hour is processed"] = received === 3600 && processed === received;
  console.log(
    `An hour in ${found.seconds.toFixed(0)} s, ${found.finals} finals: ${residentMiB.join(", ")} MiB resident, ` +
      `${growthMiB} more since the tenth minute; ${received} s received, ${processed} s processed`,
  );
}
for (const [check, isMet] of Object.entries(checks)) console.log(`${isMet ? "met   " : "MISSED"} ${check}`);
if (load > 0.5)
  console.log(`The machine was busy (load ${load.toFixed(2)}): these figures are worth little.`);
mkdirSync("build/bench", { recursive: true });
const facts = { cpu: os.cpus()[0]?.model, cores: os.availableParallelism(), load, model, values };
writeFileSync("build/bench/live.json", `${JSON.stringify({ ...facts, ...report, checks }, undefined, 2)}\n`);
process.exitCode = Object.values(checks).every(Boolean) ? 0 : 1;

/** So many streams at once, which do not begin together: speakers do not. */
async function row(server: LiveServer, count: number, note = ""): Promise<Summary> {
  const runs = said(count).map(async (each, i) => {
    await sleep((i / count) * 1000);
    return listen(server.port, each, `${server.name}-${i}`);
  });
  const found = summary(joined(await Promise.all(runs)));
  console.log(`${server.name}, ${count} ${count === 1 ? "stream" : "streams"}${note}: ${shown(found)}`);
  return found;
}

/** The first work of a server takes longer: memory is touched, kernels are chosen. */
async function warm(server: LiveServer): Promise<void> {
  await listen(server.port, speech(utterances, 0, 4), "warm");
}

async function beside(server: LiveServer, alone: Quantiles): Promise<void> {
  const file = wav([join(utterances.map(({ samples }) => samples))], RATE);
  const caller = new HttpCaller(server.httpPort);
  let isOver = false;
  let count = 0;
  const working = (async () => {
    while (!isOver) {
      const { status } = await caller.send("http form", file, { options: { priority: "bulk" } }).ended;
      if (status !== 200 && !isOver) throw new Error(`The bulk work was answered with ${status}`);
      count++;
    }
  })();
  working.catch(() => {});
  const found = await row(server, BESIDE, " beside bulk work");
  isOver = true;
  caller.close();
  await working;
  report.beside = { ...found, recordings: count };
  const slower = found.final.p95 / alone.p95 - 1;
  checks[`beside bulk work finals come less than ${100 * SLOWER} % later`] = slower < SLOWER;
  console.log(`Beside bulk work finals (p95) come ${(100 * slower).toFixed(0)} % later`);
}

/** WhisperLive with twice as many streams each time, until it does not hold them. */
async function peer(folder: string): Promise<void> {
  const server = await startWhisperLive(folder);
  const theirs: Rows = new Map();
  try {
    await warm(server);
    for (let count = 1; count <= 2 * STREAMS; count *= 2) {
      const found = await row(server, count);
      theirs.set(count, found);
      // A final of its takes several passes that agree; its last words may be shown in time before.
      if (found.lastWord.p95 > GOALS.holds) break;
    }
  } finally {
    await server.stop();
  }
  report.whisperLive = Object.fromEntries(theirs);
  const [us, them] = [ours.get(1), theirs.get(1)];
  if (us && them) {
    checks["first words before WhisperLive's"] =
      us.firstWord.p50 < them.firstWord.p50 && us.firstWord.p95 < them.firstWord.p95;
    checks["finals before WhisperLive's"] = us.final.p50 < them.final.p50 && us.final.p95 < them.final.p95;
  }
  const most = (rows: Rows): string => `${held(rows)} by finals, ${held(rows, "lastWord")} by last words`;
  console.log(`Streams that are held: ${most(ours)}; WhisperLive ${most(theirs)}`);
  checks[`${TIMES_THE_PEERS} times WhisperLive's streams`] =
    held(ours) > 0 &&
    held(ours) >= TIMES_THE_PEERS * held(theirs) &&
    held(ours, "lastWord") >= TIMES_THE_PEERS * held(theirs, "lastWord");
}

/** The most streams of which 95 in 100 came in time. */
function held(rows: Rows, what: "final" | "lastWord" = "final"): number {
  return Math.max(0, ...[...rows].map(([count, each]) => (each[what].p95 <= GOALS.holds ? count : 0)));
}
