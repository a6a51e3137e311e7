/**
 * Latency of live transcription: recordings are sent at the pace at which they were spoken, as a microphone would, by one
 * stream and by more and more of them, and each word is timed from when it was spoken to when an event shows it.
 *
 *   npm run bench:live -- [--model PATH] [--seconds N] [--streams 1,2,4] [--policy NAME] [--step S] [--beside]
 *
 * First word: from the end of an utterance's first word to the first event that has it. Final: from the end of the
 * utterance's speech to its final event. Both by the clock of the wall, the work of the model included, and by that of the
 * audio, as if it took no time. When words and speech end is taken from the recording's own transcription. `--beside`
 * has a recording transcribed over and over beside the streams, as bulk. Without real Whisper base the demo model is
 * measured. Results go to build/bench/live.json.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createTranscriber, type LivePolicy, type Transcriber, TranscriptionError } from "../src/index.js";
import { decode } from "../test/support/audio.js";
import { librispeech } from "../test/support/real-recordings.js";
import { prepareRealWhisper } from "../test/support/real-whisper-models.js";
import { sampleAudio } from "../test/support/samples.js";
import { bytesOf, join, silence } from "../test/support/scripted-speech.js";
import { sharedPath } from "../test/support/shared-path.js";
import { normalisedWords } from "../test/support/word-error-rate.js";

const RATE = 16_000;
const FRAME_MS = 100;
/** Seconds of silence behind each recording. */
const PAUSE = 1.5;
/** What a stream holds has to come within so many seconds, of 95 in 100 finals. */
const HOLDS = 2.5;

const { values } = parseArgs({
  options: {
    model: { type: "string" },
    seconds: { type: "string", default: "60" },
    streams: { type: "string", default: "1,2,4" },
    policy: { type: "string", default: "auto" },
    step: { type: "string", default: "1" },
    beside: { type: "boolean", default: false },
  },
});

/** One recording of a stream, with what its own transcription says of it. */
interface Spoken {
  /** Seconds in the stream: end of its first word, and of its speech. */
  firstWord: string;
  firstWordEnd: number;
  end: number;
}

interface Latencies {
  first: number[];
  firstOfAudio: number[];
  final: number[];
  finalOfAudio: number[];
}

const real = prepareRealWhisper(false);
const isReal = "models" in real && sharedPath("audio/librispeech") !== undefined;
const model = values.model ?? (isReal && "models" in real ? real.models.baseQ8 : "demo");
const transcriber = await createTranscriber({ model, threads: 2, computeType: "int8", download: false });

const recordings: Float32Array[] = isReal
  ? await Promise.all(librispeech().map(async ({ path }) => (await decode(readFileSync(path))).tracks[0]!))
  : [0, 12, 24, 36].map((from) =>
      Float32Array.from(sampleAudio("sales-call-en", from, from + 11).samples, (value) => value / 32_768),
    );

const { audio, spoken } = await oneAfterAnother(Number(values.seconds));
const rows = [];
for (const count of values.streams.split(",").map(Number)) {
  const stop = new AbortController();
  const beside = values.beside ? workBeside(stop.signal) : Promise.resolve(0);
  // Streams do not begin together: speakers do not.
  const runs = await Promise.all(
    Array.from({ length: count }, (_, i) => follow(transcriber, audio, spoken, (i / count) * 1000)),
  );
  stop.abort();
  const all = (key: keyof Latencies): number[] => runs.flatMap((run) => run[key]);
  const row = {
    streams: count,
    firstWord: quantiles(all("first")),
    firstWordOfAudio: quantiles(all("firstOfAudio")),
    final: quantiles(all("final")),
    finalOfAudio: quantiles(all("finalOfAudio")),
    finals: all("final").length,
    expected: spoken.length * count,
    besideSeconds: await beside,
  };
  rows.push(row);
  console.log(
    `${count} streams: first word ${shown(row.firstWord)}, final ${shown(row.final)}` +
      ` (of audio alone ${shown(row.firstWordOfAudio)}, ${shown(row.finalOfAudio)}), ${row.finals} of ${row.expected} finals` +
      (row.final.p95 <= HOLDS ? "" : `, above ${HOLDS} s`),
  );
}
await transcriber.close();
mkdirSync("build/bench", { recursive: true });
writeFileSync("build/bench/live.json", `${JSON.stringify({ model, values, rows }, undefined, 2)}\n`);

/** Recordings in one stream of about so many seconds, and where what is said in it. */
async function oneAfterAnother(seconds: number): Promise<{ audio: Uint8Array; spoken: Spoken[] }> {
  const parts: Float32Array[] = [silence(1)];
  const spoken: Spoken[] = [];
  let length = RATE;
  for (const samples of recordings) {
    if (length > seconds * RATE) break;
    const { segments } = await transcriber.transcribe(
      { samples, sampleRate: RATE },
      { wordTimestamps: true, language: "en" },
    );
    const words = segments.flatMap(({ words = [] }) => words);
    const start = length / RATE;
    if (words.length > 0)
      spoken.push({
        firstWord: normalisedWords(words[0]!.text)[0] ?? "",
        firstWordEnd: start + words[0]!.end,
        end: start + words.at(-1)!.end,
      });
    parts.push(samples, silence(PAUSE));
    length += samples.length + Math.round(PAUSE * RATE);
  }
  return { audio: bytesOf(join(parts)), spoken };
}

/** Sends `bytes` as they would be spoken, and times what comes. */
async function follow(
  by: Transcriber,
  bytes: Uint8Array,
  expected: readonly Spoken[],
  delay: number,
): Promise<Latencies> {
  await sleep(delay);
  const found: Latencies = { first: [], firstOfAudio: [], final: [], finalOfAudio: [] };
  const stream = by.live({ language: "en", policy: values.policy as LivePolicy, step: Number(values.step) });
  const startedAt = performance.now();
  const shownWords = new Set<Spoken>();
  const reading = (async () => {
    for await (const event of stream) {
      if (event.type !== "partial" && event.type !== "final") continue;
      const clock = (performance.now() - startedAt) / 1000;
      const heard = stream.progress.processed;
      const first = normalisedWords(event.text)[0];
      for (const each of expected) {
        const isNear = event.start < each.firstWordEnd + 0.5 && event.end > each.firstWordEnd - 0.5;
        if (!isNear || first !== each.firstWord || shownWords.has(each)) continue;
        shownWords.add(each);
        found.first.push(clock - each.firstWordEnd);
        found.firstOfAudio.push(heard - each.firstWordEnd);
      }
      if (event.type !== "final" || !event.endOfUtterance) continue;
      const ended = expected.find(({ end }) => Math.abs(end - event.end) < 0.75);
      if (!ended) continue;
      found.final.push(clock - ended.end);
      found.finalOfAudio.push(heard - ended.end);
    }
  })();
  const size = (FRAME_MS / 1000) * RATE * 2;
  for (let at = 0, frame = 1; at < bytes.length; at += size, frame++) {
    // A frame is there when all of it has been spoken.
    await sleep(Math.max(0, startedAt + frame * FRAME_MS - performance.now()));
    stream.write(bytes.subarray(at, at + size)).catch(() => {});
  }
  await stream.end();
  await reading;
  return found;
}

/** Transcribes recordings until it is stopped. @returns seconds of audio */
async function workBeside(signal: AbortSignal): Promise<number> {
  let seconds = 0;
  try {
    for (;;) {
      const samples = join(recordings.slice(0, 20));
      const { duration } = await transcriber.transcribe(
        { samples, sampleRate: RATE },
        { language: "en", priority: "bulk", signal },
      );
      seconds += duration;
    }
  } catch (error) {
    if (TranscriptionError.from(error).code !== "CANCELLED") throw error;
    return seconds;
  }
}

function quantiles(seconds: readonly number[]): { p50: number; p95: number } {
  const sorted = [...seconds].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95) };
}

function shown({ p50, p95 }: { p50: number; p95: number }): string {
  return `${p50.toFixed(2)} s (p95 ${p95.toFixed(2)})`;
}
