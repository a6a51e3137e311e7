import { optionsOfRecording, resolveLive } from "../config/live-options.js";
import {
  type LiveEncoding,
  type LiveEvent,
  type LiveFinal,
  type LiveOptions,
  type LivePartial,
  type LivePolicy,
  type LiveStats,
  OUTPUT_FORMATS,
  type OutputFormat,
  type Transcriber,
  TranscriptionError,
  type TranscriptionTask,
} from "../index.js";
import { liveResult } from "../live/live-result.js";
import type { Api, CliContext } from "./context.js";
import { EXIT, UsageError } from "./exit.js";
import { openLiveInput, startDevice } from "./live-input.js";
import { loadTranscriber } from "./load-transcriber.js";
import { writeWhole } from "./output-files.js";
import { type ModelFlags, type SpeakerFlags, settingsOf, speakerOptions } from "./settings.js";
import type { Terminal, Verbosity } from "./terminal.js";
import { formatDuration } from "./units.js";

/** Options of `agora-transcribe live`. */
export interface LiveFlags
  extends Verbosity,
    ModelFlags,
    Pick<SpeakerFlags, "diarize" | "diarizationModel" | "numSpeakers" | "maxSpeakers"> {
  model?: string;
  device?: "auto" | "cpu" | "cuda";
  threads?: number;
  implementation?: string;
  computeType?: string;
  language?: string;
  task?: TranscriptionTask;
  initialPrompt?: string;
  hotwords?: string;
  sampleRate?: number;
  encoding?: LiveEncoding;
  channels?: number;
  endpointMs?: number;
  step?: number;
  policy?: LivePolicy;
  wordTimestamps?: boolean;
  /** False for `--no-interim`. */
  interim?: boolean;
  json?: boolean;
  save?: string[];
  /** Path of a WAV file. */
  record?: string;
  again?: boolean;
}

/** Formats that have words where there are any. */
const WITH_WORDS: readonly OutputFormat[] = ["json", "verbose_json", "whisperx"];

/**
 * `agora-transcribe live`: text of what is piped in, or of what a command records, while it is spoken. An interrupt ends
 * the audio: what was said before it is still written.
 * @param command of a device; none: standard input
 * @returns exit code
 * @throws UsageError, OutputFailed, TranscriptionError
 */
export async function transcribeLive(
  command: readonly string[],
  flags: LiveFlags,
  context: CliContext,
  terminal: Terminal,
): Promise<number> {
  const { stdin, signal } = context;
  if (command.length === 0 && stdin.isTTY) {
    throw new UsageError(
      "No audio. Pipe it in, or name a command that records: agora-transcribe live -- arecord -q -f S16_LE -r 16000 -t raw",
    );
  }
  const files = (flags.save ?? []).map((path) => ({ path, format: formatOf(path, context.api) }));
  const asked = optionsOf(
    flags,
    files.some(({ format }) => WITH_WORDS.includes(format)),
    terminal.showsStatus,
  );
  // Before a model is downloaded.
  resolveLive(asked);
  if (flags.again && (flags.record === undefined || files.length === 0))
    throw new UsageError("--again hears the recording of --record again for the files of --save");
  const transcriber = await loadTranscriber(settingsOf(modelFlags(flags)), context, terminal);
  try {
    const device = command.length > 0 ? startDevice(command) : undefined;
    device?.ended.catch(() => {});
    const input = await openLiveInput(device?.output ?? stdin);
    // Before files are replaced with nothing.
    if (input.isEmpty && !signal.aborted) await device?.ended;
    // What is typed says more than a header.
    const options = { ...input.format, ...asked };
    const { finals, stats } = await follow(transcriber, options, input.bytes, flags, signal, terminal);
    const isWhole = stats.recorded === undefined || stats.recorded >= stats.received;
    if (flags.record !== undefined && isWhole) terminal.note(`Saved ${flags.record}`);
    if (files.length > 0) {
      const { info } = transcriber;
      // Of a recording that is not whole the text would not be, either.
      const result =
        flags.again && isWhole
          ? await transcriber.transcribe(flags.record!, optionsOfRecording(options, info.timesWords))
          : liveResult(finals, stats, info, options);
      for (const { path, format } of files) {
        await writeWhole(path, context.api.formatResult(result, format));
        terminal.note(`Saved ${path}`);
      }
    }
    terminal.summary(
      `${formatDuration(stats.received)} of audio, ${formatDuration(stats.speech)} of speech, ${stats.words} words`,
    );
    if (!isWhole) {
      const message = `${flags.record} has ${stats.recorded!.toFixed(1)} s of ${stats.received.toFixed(1)} s of audio`;
      throw new TranscriptionError("STORAGE_FAILED", message);
    }
    if (!signal.aborted) await device?.ended;
    return EXIT.ok;
  } finally {
    terminal.hideStatus();
    await transcriber.close();
  }
}

/** Writes `bytes` and shows what comes of them, to the end. */
async function follow(
  transcriber: Transcriber,
  options: LiveOptions,
  bytes: AsyncIterable<Uint8Array>,
  { json, record }: LiveFlags,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<{ finals: LiveFinal[]; stats: LiveStats }> {
  await using stream = transcriber.live({ ...options, ...(record !== undefined && { record }) });
  const finals: LiveFinal[] = [];
  const isApart = (options.channels ?? 1) > 1;
  const reading = (async () => {
    for await (const event of stream) {
      if (event.type === "final") finals.push(event);
      if (json) await terminal.print(`${JSON.stringify(event)}\n`);
      else await show(event, isApart, terminal);
    }
  })();
  const interrupted = new Promise<"interrupted">((resolve) => {
    if (signal.aborted) resolve("interrupted");
    else signal.addEventListener("abort", () => resolve("interrupted"), { once: true });
  });
  const writing = (async () => {
    for await (const piece of bytes) {
      if (signal.aborted) return;
      await stream.write(piece);
    }
  })();
  // Nobody reads on where nothing can be printed.
  await Promise.race([writing, interrupted, reading]);
  const stats = await stream.end();
  await reading;
  return { finals, stats };
}

/** Finals are lines; what is not final is the line below them, drawn anew each time. */
async function show(event: LiveEvent, isApart: boolean, terminal: Terminal): Promise<void> {
  const before = (channel: number): string => (isApart ? `[channel ${channel}] ` : "");
  switch (event.type) {
    case "partial":
      terminal.showStatus(
        () => before(event.channel) + endOf(event, terminal.columns - before(event.channel).length),
      );
      return;
    case "final":
      terminal.hideStatus();
      await terminal.print(`${before(event.channel)}${speakerOf(event)}${event.text}\n`);
      return;
    case "language":
      terminal.detail(`${before(event.channel)}${event.language} (${Math.round(event.probability * 100)} %)`);
      return;
    case "lag":
      terminal.detail(`${(event.received - event.processed).toFixed(1)} s behind`);
      return;
    case "warning":
      terminal.note(`warning: ${event.message}`);
  }
}

/** Who says it, where that was asked for and somebody is heard. */
function speakerOf({ speaker }: LiveFinal): string {
  return speaker == null ? "" : `${speaker}: `;
}

/** As much of a text's end as fits into a line. */
function endOf({ text }: LivePartial, columns: number): string {
  const characters = [...text];
  return characters.length < columns ? text : `…${characters.slice(2 - Math.max(3, columns)).join("")}`;
}

function optionsOf(flags: LiveFlags, savesWords: boolean, showsInterim: boolean): LiveOptions {
  const { language, task, initialPrompt, hotwords, sampleRate, encoding, channels } = flags;
  const { endpointMs, step, policy, wordTimestamps } = flags;
  // What nobody sees is not worth a pass.
  const interim = flags.interim !== false && (flags.json || showsInterim) ? undefined : false;
  const words = wordTimestamps || savesWords || undefined;
  const given = { language, task, initialPrompt, hotwords, sampleRate, encoding, channels };
  const named = Object.entries({ ...given, endpointMs, step, policy, interim, words });
  const { diarize } = speakerOptions(flags);
  return {
    ...(Object.fromEntries(named.filter(([, value]) => value !== undefined)) as LiveOptions),
    ...(diarize !== undefined && { diarize }),
  };
}

function modelFlags(flags: LiveFlags) {
  const { model, device, threads, implementation, computeType, cacheDir, offline, download } = flags;
  const named = { model, device, threads, implementation, computeType, cacheDir, offline, download };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}

/** By the ending of the file, the longest that fits. @throws UsageError */
function formatOf(path: string, { extensionOf }: Api): OutputFormat {
  const endings = OUTPUT_FORMATS.filter((format) => format !== "rttm").map(
    (format) => [format, `.${extensionOf(format)}`] as const,
  );
  const [found] = endings
    .filter(([, ending]) => path.toLowerCase().endsWith(ending))
    .sort(([, a], [, b]) => b.length - a.length);
  if (found) return found[0];
  const known = endings.map(([, ending]) => ending).join(", ");
  throw new UsageError(`--save ${path}: expected the name of a file that ends in ${known}`);
}
