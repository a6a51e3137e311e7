import { join } from "node:path";
import type { Progress } from "../index.js";
import { TranscriptionError } from "../index.js";
import type { CliContext } from "./context.js";
import { EXIT, exitCodeOf, OutputFailed, UsageError } from "./exit.js";
import { expandInputs, type Input, outputNames } from "./inputs.js";
import { inOrder, type Room, type Turn, windowsOf } from "./jobs.js";
import { describeFor } from "./messages.js";
import { type OutputFlags, type OutputState, prepareOutput } from "./output-files.js";
import { FilesStatus } from "./progress.js";
import type { Terminal } from "./terminal.js";

/** What a command can write. */
export interface Writable<Format extends string> {
  /** What was asked for. */
  formats: readonly Format[];
  /** Formats of which standard output can hold several, one after another. */
  joinable: readonly Format[];
  /** Ending of a file in a format, without dot. */
  extensionOf: (format: Format) => string;
}

/** Files that a command is about and where what it makes of them goes: decided before any model is loaded. */
export interface FilePlan<Format extends string = string> {
  inputs: readonly Input[];
  /** Arguments that name nothing that can be read, which has been reported. */
  failures: number;
  /** Whether several files were asked for, even if only one can be read: a command has one form of output. */
  several: boolean;
  formats: readonly Format[];
  /** Absent when the text goes to standard output. */
  output?: {
    pathOf: (index: number, format: string) => string;
    /** For each input. */
    states: readonly OutputState[];
    /** Whether inputs are left out whose files are there already. */
    skips: boolean;
  };
}

/**
 * Finds the inputs, reports arguments that are none, and makes the folder of the output.
 * @throws UsageError for what standard output cannot hold, and for files or a folder that cannot be written
 */
export async function planFiles<Format extends string>(
  args: readonly string[],
  flags: OutputFlags,
  { formats, joinable, extensionOf }: Writable<Format>,
  context: CliContext,
  terminal: Terminal,
): Promise<FilePlan<Format>> {
  if (args.includes("-") && context.stdin.isTTY) {
    throw new UsageError("- reads standard input, but nothing is piped in");
  }
  const { inputs, failures } = await expandInputs(args);
  for (const failure of failures) terminal.error(failure);
  const several = Math.max(inputs.length, args.length) > 1;
  const plan: FilePlan<Format> = { inputs, failures: failures.length, several, formats };
  const { outputDir: directory, clobber, skipExisting = false } = flags;
  if (directory === undefined) {
    if (skipExisting || clobber === false) {
      throw new UsageError("--no-clobber and --skip-existing are about files in an --output-dir");
    }
    checkStdout(plan, joinable);
  } else if (inputs.length > 0) {
    const names = outputNames(inputs, directory, formats.map(extensionOf));
    const mayReplace = skipExisting || clobber !== false;
    plan.output = {
      pathOf: (index, format) => join(directory, `${names[index]}.${extensionOf(format as Format)}`),
      states: await prepareOutput({ directory, names }, formats.map(extensionOf), mayReplace),
      skips: skipExisting,
    };
  }
  return plan;
}

/** Refuses what one stream cannot hold. */
function checkStdout<Format extends string>(
  { formats, several }: FilePlan<Format>,
  joinable: readonly Format[],
): void {
  if (formats.length > 1) {
    throw new UsageError(
      `Several formats (${formats.join(", ")}) need --output-dir, for instance: --output-dir .`,
    );
  }
  const [format] = formats;
  if (several && !joinable.includes(format!)) {
    throw new UsageError(`Several files as ${format} need --output-dir, for instance: --output-dir .`);
  }
}

function isSkipped({ output }: FilePlan, index: number): boolean {
  return output?.skips === true && output.states[index]!.done;
}

/** The exit code of a plan that needs no model: nothing can be read, or all is there; undefined of any other. */
export function doneWithoutWork(plan: FilePlan, terminal: Terminal): number | undefined {
  if (!plan.inputs.every((_, index) => isSkipped(plan, index))) return undefined;
  for (const { name } of plan.inputs) noteSkipped(name, terminal);
  return plan.failures === 0 ? EXIT.ok : EXIT.failed;
}

function noteSkipped(name: string, terminal: Terminal): void {
  terminal.note(`${name}: skipped, its files are there`);
}

/** One file of a plan while it is worked on. */
export class Job<P extends FilePlan = FilePlan> {
  /** Fires when the run is interrupted, or is to end because of another file. */
  readonly signal: AbortSignal;
  readonly input: Input;
  readonly #status: FilesStatus;
  readonly #terminal: Terminal;

  constructor(
    readonly plan: P,
    /** From 0. */
    readonly index: number,
    readonly turn: Turn,
    interrupt: AbortSignal,
    status: FilesStatus,
    terminal: Terminal,
  ) {
    this.input = plan.inputs[index]!;
    this.signal = AbortSignal.any([interrupt, turn.signal]);
    this.#status = status;
    this.#terminal = terminal;
  }

  begin(): void {
    this.#status.begin(this.index, this.input.name);
    this.#terminal.showStatus(() => this.#status.render());
  }

  report(progress: Progress): void {
    this.#status.report(this.index, progress);
  }

  /** To be called when the work is done: waits until its result may be written. */
  async mayWrite(): Promise<void> {
    // Files are written as soon as they can be: nobody reads them in order.
    if (!this.plan.output) await this.turn.comes;
    this.turn.signal.throwIfAborted();
    this.end();
  }

  /** Takes the file out of the status line. */
  end(): void {
    this.#status.end(this.index);
    if (this.#status.isIdle) this.#terminal.hideStatus();
  }
}

/**
 * Does `work` for every file, several at once as far as there is room; one that fails is reported, and does not stop the
 * others.
 * @param waiting what the status line says of a file of which no progress is known
 * @returns exit code
 * @throws OutputFailed when standard output takes no more, and the reason of an interrupt
 */
export async function workThrough<P extends FilePlan>(
  plan: P,
  room: Room,
  work: (job: Job<P>) => Promise<void>,
  { signal }: CliContext,
  terminal: Terminal,
  waiting?: string,
): Promise<number> {
  const errors: TranscriptionError[] = [];
  const status = new FilesStatus(plan.inputs.length, waiting);
  const one = async (job: Job<P>): Promise<void> => {
    const { input, index, turn } = job;
    if (isSkipped(plan, index)) {
      await turn.comes;
      return noteSkipped(input.name, terminal);
    }
    const obstacle = plan.output?.states[index]?.obstacle;
    if (obstacle !== undefined) throw new TranscriptionError("INVALID_ARGUMENT", obstacle);
    job.begin();
    await work(job);
  };
  await inOrder(
    plan.inputs.map((input, index) => ({ input, index })),
    room,
    ({ input }) => windowsOf(input),
    async ({ input, index }, turn) => {
      const job = new Job(plan, index, turn, signal, status, terminal);
      try {
        await one(job);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof OutputFailed || turn.signal.aborted) throw error;
        await turn.comes;
        const failure = TranscriptionError.from(error);
        errors.push(failure);
        terminal.error(describeFor(input.name, error));
        if (failure.code === "INTERNAL") terminal.detail(failure.stack ?? "");
      } finally {
        job.end();
      }
    },
  );
  return errors.length + plan.failures === 0 ? EXIT.ok : failureCode(errors, plan);
}

/** Where every file failed for one reason, such as an option that suits none, the code is that reason's. */
function failureCode(errors: readonly TranscriptionError[], { inputs }: FilePlan): number {
  const codes = new Set(errors.map(exitCodeOf));
  return errors.length === inputs.length && codes.size === 1 ? [...codes][0]! : EXIT.failed;
}
