import { resolveRequest } from "../config/options.js";
import { checkFormatOptions } from "../formats/options.js";
import type { TranscribeOptions, Transcriber, TranscriptionResult } from "../index.js";
import type { CliContext } from "./context.js";
import { deliver, isLive, LiveText, type Plan } from "./delivery.js";
import { checkDetection, detectOne } from "./detect-language.js";
import { doneWithoutWork, type Job, planFiles, workThrough } from "./files.js";
import { type Input, recordingIds } from "./inputs.js";
import { roomFor } from "./jobs.js";
import { withVoices } from "./known-voices.js";
import { loadTranscriber } from "./load-transcriber.js";
import { type Settings, settingsOf, type TranscribeFlags, withWords } from "./settings.js";
import type { Terminal } from "./terminal.js";
import { formatDuration, formatSpeed } from "./units.js";

/**
 * `agora-transcribe FILE…`: every file, several at once, in order; one that fails does not stop the others.
 * @returns exit code
 * @throws UsageError, OutputFailed, TranscriptionError when the model cannot be loaded or the run was interrupted
 */
export async function transcribeFiles(
  args: readonly string[],
  flags: TranscribeFlags,
  context: CliContext,
  terminal: Terminal,
): Promise<number> {
  const settings = settingsOf(flags);
  if (settings.detectLanguage) checkDetection(settings, flags);
  // Before a model is downloaded, and once for all files.
  resolveRequest(settings.transcribe);
  checkFormatOptions(settings.format);
  const writable = {
    formats: settings.formats,
    joinable: ["txt", "json", "rttm"] as const,
    extensionOf: context.api.extensionOf,
  };
  const files = await planFiles(args, flags, writable, context, terminal);
  const done = doneWithoutWork(files, terminal);
  if (done !== undefined) return done;
  const transcribe = await withKnownVoices(settings, context);
  const transcriber = await loadTranscriber(settings, context, terminal);
  try {
    const ids = recordingIds(files.inputs);
    const plan = withWords({ ...settings, transcribe, ...files, ids }, transcriber.info);
    const room = roomFor(plan.jobs, transcriber.load()?.capacity);
    const work = plan.detectLanguage ? detectOne : transcribeOne;
    return await workThrough(
      plan,
      room,
      (job) => work(job, transcriber, context, terminal),
      context,
      terminal,
    );
  } finally {
    terminal.hideStatus();
    await transcriber.close();
  }
}

/** The options of a request, with the voices that are to be known. */
async function withKnownVoices(
  { voices, transcribe, transcriber }: Settings,
  context: CliContext,
): Promise<TranscribeOptions> {
  const { diarize } = transcribe;
  const { threads, download, cacheDir } = transcriber;
  const options = {
    ...(typeof diarize === "object" && diarize.model !== undefined && { model: diarize.model }),
    ...(threads !== undefined && { threads }),
    ...(download !== undefined && { download }),
    ...(cacheDir !== undefined && { cacheDir }),
  };
  return withVoices(transcribe, voices, options, context);
}

async function transcribeOne(
  job: Job<Plan>,
  transcriber: Transcriber,
  { api, stdin }: CliContext,
  terminal: Terminal,
): Promise<void> {
  const { input, plan, signal } = job;
  const live = isLive(plan, terminal) ? new LiveText(job, api, terminal) : undefined;
  let result: TranscriptionResult;
  try {
    result = await transcriber.transcribe(input.path ?? stdin, {
      ...(plan.several && { priority: "bulk" }),
      ...plan.transcribe,
      signal,
      onProgress: (progress) => job.report(progress),
      ...(live && { onSegment: (segment) => live.add(segment) }),
    });
  } catch (error) {
    // What was heard before stands above the reason why there is no more.
    await live?.end();
    throw error;
  }
  await job.mayWrite();
  for (const warning of result.warnings) terminal.note(`${input.name}: warning: ${warning}`);
  if (live) await live.end();
  else {
    const layout = { ...plan.format, recording: plan.ids[job.index]! };
    await deliver(job, (format) => api.formatResult(result, format, layout), terminal);
  }
  summarize(input, result, terminal);
}

function summarize(input: Input, result: TranscriptionResult, terminal: Terminal): void {
  const { duration, language, languageProbability, stats } = result;
  const spoken = language === "" ? "no speech" : `${language} (${Math.round(languageProbability * 100)} %)`;
  terminal.summary(
    `${input.name}: ${formatDuration(duration)} in ${formatDuration(stats.processingTime)}` +
      ` (${formatSpeed(stats.speedFactor)}), ${spoken}`,
  );
}
