import type { DownloadProgress, Transcriber, TranscriptionResult } from "../index.js";
import { TranscriptionError } from "../index.js";
import type { CliContext } from "./context.js";
import { deliver, isLive, type Job, LiveText, type Plan } from "./delivery.js";
import { checkDetection, detectOne } from "./detect-language.js";
import { EXIT, exitCodeOf, OutputFailed, UsageError } from "./exit.js";
import { expandInputs, type Input, outputNames } from "./inputs.js";
import { inOrder, roomFor, type Turn, windowsOf } from "./jobs.js";
import { describeFor } from "./messages.js";
import { prepareOutput } from "./output-files.js";
import { DownloadStatus, FilesStatus } from "./progress.js";
import { settingsOf, type TranscribeFlags, withWords } from "./settings.js";
import type { Terminal } from "./terminal.js";
import { formatBytes, formatDuration, formatSpeed } from "./units.js";

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
  if (args.includes("-") && context.stdin.isTTY) {
    throw new UsageError("- reads standard input, but nothing is piped in");
  }
  const { inputs, failures } = await expandInputs(args);
  for (const failure of failures) terminal.error(failure);
  const plan: Plan = { ...settings, inputs, several: Math.max(inputs.length, args.length) > 1 };
  checkStdout(plan, flags);
  if (settings.detectLanguage) checkDetection(settings, flags);
  if (inputs.length === 0) return EXIT.failed;
  if (flags.outputDir !== undefined) {
    const { outputDir: directory, clobber, skipExisting } = flags;
    const extensions = settings.formats.map((format) => context.api.extensionOf(format));
    plan.output = { directory, names: outputNames(inputs, directory, extensions) };
    plan.states = await prepareOutput(plan.output, extensions, skipExisting || clobber !== false);
    plan.skips = skipExisting === true;
  }
  if (inputs.every((_, index) => isSkipped(plan, index))) {
    for (const { name } of inputs) terminal.note(`${name}: skipped, its files are there`);
    return failures.length === 0 ? EXIT.ok : EXIT.failed;
  }
  const transcriber = await loadTranscriber(plan, context, terminal);
  try {
    const errors = await transcribeAll(withWords(plan, transcriber.info), transcriber, context, terminal);
    return errors.length + failures.length === 0 ? EXIT.ok : failureCode(errors, plan);
  } finally {
    terminal.hideStatus();
    await transcriber.close();
  }
}

function isSkipped({ skips, states }: Plan, index: number): boolean {
  return skips === true && states?.[index]?.done === true;
}

/** Refuses what one stream cannot hold. */
function checkStdout(
  { formats, several }: Plan,
  { outputDir, clobber, skipExisting }: TranscribeFlags,
): void {
  if (outputDir !== undefined) return;
  if (skipExisting || clobber === false) {
    throw new UsageError("--no-clobber and --skip-existing are about files in an --output-dir");
  }
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
  const jobs = plan.inputs.map((input, index) => ({ input, index, plan }));
  const status = new FilesStatus(jobs.length);
  const room = roomFor(plan.jobs, transcriber.load()?.capacity);
  await inOrder(
    jobs,
    room,
    ({ input }) => windowsOf(input),
    async (job, turn) => {
      const { name } = job.input;
      try {
        if (isSkipped(plan, job.index)) {
          await turn.comes;
          terminal.note(`${name}: skipped, its files are there`);
        } else await transcribeOne(job, turn, transcriber, context, terminal, status);
      } catch (error) {
        context.signal.throwIfAborted();
        if (error instanceof OutputFailed || turn.signal.aborted) throw error;
        await turn.comes;
        const failure = TranscriptionError.from(error);
        errors.push(failure);
        terminal.error(describeFor(name, error));
        if (failure.code === "INTERNAL") terminal.detail(failure.stack ?? "");
      } finally {
        status.end(job.index);
        if (status.isIdle) terminal.hideStatus();
      }
    },
  );
  return errors;
}

async function transcribeOne(
  job: Job,
  turn: Turn,
  transcriber: Transcriber,
  context: CliContext,
  terminal: Terminal,
  status: FilesStatus,
): Promise<void> {
  const { input, index, plan } = job;
  const obstacle = plan.states?.[index]?.obstacle;
  if (obstacle !== undefined) throw new TranscriptionError("INVALID_ARGUMENT", obstacle);
  status.begin(index, input.name);
  terminal.showStatus(() => status.render());
  if (plan.detectLanguage) return detectOne(job, turn, transcriber, context, terminal);
  const live = isLive(plan, terminal) ? new LiveText(job, turn, context.api, terminal) : undefined;
  let result: TranscriptionResult;
  try {
    result = await transcriber.transcribe(input.path ?? context.stdin, {
      ...(plan.several && { priority: "bulk" }),
      ...plan.transcribe,
      signal: AbortSignal.any([context.signal, turn.signal]),
      onProgress: (progress) => status.report(index, progress),
      ...(live && { onSegment: (segment) => live.add(segment) }),
    });
  } catch (error) {
    // What was heard before stands above the reason why there is no more.
    await live?.end();
    throw error;
  }
  // Files are written as soon as they can be: nobody reads them in order.
  if (!plan.output) await turn.comes;
  turn.signal.throwIfAborted();
  status.end(index);
  if (status.isIdle) terminal.hideStatus();
  for (const warning of result.warnings) terminal.note(`${input.name}: warning: ${warning}`);
  if (live) await live.end();
  else await deliver(job, result, context.api, terminal);
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

/** Where every file failed for one reason, such as an option that suits none, the code is that reason's. */
function failureCode(errors: readonly TranscriptionError[], { inputs }: Plan): number {
  const codes = new Set(errors.map(exitCodeOf));
  return errors.length === inputs.length && codes.size === 1 ? [...codes][0]! : EXIT.failed;
}
