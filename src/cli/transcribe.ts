import { mkdir } from "node:fs/promises";
import type { DownloadProgress, Progress, Transcriber, TranscriptionResult } from "../index.js";
import { TranscriptionError } from "../index.js";
import type { CliContext } from "./context.js";
import { deliver, isLive, type Job, LiveText, type Plan, printHeader } from "./delivery.js";
import { EXIT, exitCodeOf, OutputFailed, UsageError } from "./exit.js";
import { expandInputs, type Input, outputNames } from "./inputs.js";
import { describeFor } from "./messages.js";
import { DownloadStatus, transcriptionStatus } from "./progress.js";
import { settingsOf, type TranscribeFlags } from "./settings.js";
import type { Terminal } from "./terminal.js";
import { formatBytes, formatDuration, formatSpeed } from "./units.js";

/**
 * `agora-transcribe FILE…`: every file in turn; one that fails does not stop the others.
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
  if (args.includes("-") && context.stdin.isTTY) {
    throw new UsageError("- reads standard input, but nothing is piped in");
  }
  const { inputs, failures } = await expandInputs(args);
  for (const failure of failures) terminal.error(failure);
  const plan: Plan = { ...settings, inputs, several: Math.max(inputs.length, args.length) > 1 };
  checkStdout(plan, flags.outputDir);
  if (inputs.length === 0) return EXIT.failed;
  if (flags.outputDir !== undefined) {
    await makeDirectory(flags.outputDir);
    plan.output = {
      directory: flags.outputDir,
      names: outputNames(inputs, flags.outputDir, settings.formats),
    };
  }
  const transcriber = await loadTranscriber(plan, context, terminal);
  try {
    const errors = await transcribeAll(plan, transcriber, context, terminal);
    return errors.length + failures.length === 0 ? EXIT.ok : failureCode(errors, plan);
  } finally {
    terminal.hideStatus();
    await transcriber.close();
  }
}

/** Refuses what one stream cannot hold. */
function checkStdout({ formats, several }: Plan, outputDir: string | undefined): void {
  if (outputDir !== undefined) return;
  if (formats.length > 1) {
    throw new UsageError(
      `Several formats (${formats.join(", ")}) need --output-dir, for instance: --output-dir .`,
    );
  }
  const [format] = formats;
  if (several && format !== "txt" && format !== "json") {
    throw new UsageError(`Several files as ${format} need --output-dir, for instance: --output-dir .`);
  }
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
  } catch (error) {
    throw new UsageError(`Cannot use --output-dir ${directory}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** What is said when a model is not simply there; a checkpoint on this machine is converted without a download. */
function startOf({ model, total, converted }: DownloadProgress): string {
  if (converted !== undefined) return `Converting ${model}, once`;
  return `Downloading model ${model}${total === undefined ? "" : ` (${formatBytes(total)})`}`;
}

async function loadTranscriber(
  { transcriber }: Plan,
  { api, signal }: CliContext,
  terminal: Terminal,
): Promise<Transcriber> {
  let download: DownloadStatus | undefined;
  let latest: DownloadProgress | undefined;
  const onDownload = (progress: DownloadProgress) => {
    if (latest?.model !== progress.model) {
      terminal.note(startOf(progress));
      download = new DownloadStatus();
      terminal.showStatus(() => (latest && download ? download.render(latest) : ""));
    }
    latest = progress;
  };
  terminal.showStatus(() => "loading the model");
  try {
    const loaded = await unlessAborted(api.createTranscriber({ ...transcriber, onDownload }), signal);
    const { model, device } = loaded.info;
    terminal.detail(
      `Model ${model.name} (${model.type}, ${model.weightType}, computed in ${model.computeType}) on ${device.name}, ${device.threads} threads`,
    );
    if (device.note !== undefined) terminal.note(`On the CPU, ${device.note}`);
    if (device.threadsNote !== undefined) terminal.note(device.threadsNote);
    return loaded;
  } finally {
    terminal.hideStatus();
  }
}

/** Does not wait for what cannot be cancelled: the process is about to end. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener("abort", stop));
}

/** @returns the errors of the files that failed */
async function transcribeAll(
  plan: Plan,
  transcriber: Transcriber,
  context: CliContext,
  terminal: Terminal,
): Promise<TranscriptionError[]> {
  const errors: TranscriptionError[] = [];
  for (const [index, input] of plan.inputs.entries()) {
    try {
      await transcribeOne({ input, index, plan }, transcriber, context, terminal);
    } catch (error) {
      context.signal.throwIfAborted();
      if (error instanceof OutputFailed) throw error;
      const failure = TranscriptionError.from(error);
      errors.push(failure);
      terminal.error(describeFor(input.name, error));
      if (failure.code === "INTERNAL") terminal.detail(failure.stack ?? "");
    }
  }
  return errors;
}

async function transcribeOne(job: Job, transcriber: Transcriber, context: CliContext, terminal: Terminal) {
  const { input, index, plan } = job;
  const label = plan.inputs.length > 1 ? `[${index + 1}/${plan.inputs.length}] ${input.name}` : input.name;
  const live = isLive(plan, terminal) ? new LiveText(plan, context.api, terminal) : undefined;
  let progress: Progress | undefined;
  terminal.showStatus(() => transcriptionStatus(progress, label));
  try {
    if (live) await printHeader(job, terminal);
    const result = await transcriber.transcribe(input.path ?? context.stdin, {
      ...plan.transcribe,
      signal: context.signal,
      onProgress: (latest) => {
        progress = latest;
      },
      ...(live && { onSegment: (segment) => live.add(segment) }),
    });
    terminal.hideStatus();
    for (const warning of result.warnings) terminal.note(`${input.name}: warning: ${warning}`);
    if (live) await live.end();
    else await deliver(job, result, context.api, terminal);
    summarize(input, result, terminal);
  } finally {
    terminal.hideStatus();
  }
}

function summarize(input: Input, result: TranscriptionResult, terminal: Terminal): void {
  const { duration, language, languageProbability, stats } = result;
  const spoken = language === "" ? "no speech" : `${language} (${Math.round(languageProbability * 100)} %)`;
  terminal.summary(
    `${input.name}: ${formatDuration(duration)} in ${formatDuration(stats.processingTime)}` +
      ` (${formatSpeed(stats.speedFactor)}), ${spoken}`,
  );
}

/** Where every file failed for one reason, such as an option that suits none, the code is that reason's. */
function failureCode(errors: readonly TranscriptionError[], { inputs }: Plan): number {
  const codes = new Set(errors.map(exitCodeOf));
  return errors.length === inputs.length && codes.size === 1 ? [...codes][0]! : EXIT.failed;
}
