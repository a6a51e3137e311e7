import { join } from "node:path";
import type { Segment, TranscriptionResult } from "../index.js";
import type { Api } from "./context.js";
import type { Input } from "./inputs.js";
import type { Turn } from "./jobs.js";
import { type Output, type OutputState, writeWhole } from "./output-files.js";
import { printable } from "./printable.js";
import type { Settings } from "./settings.js";
import type { Terminal } from "./terminal.js";

/** What is to be done, decided before any model is loaded. */
export interface Plan extends Settings {
  inputs: Input[];
  /** Whether several files were asked for, even if only one can be read: a command has one form of output. */
  several: boolean;
  /** Absent when the text goes to stdout. */
  output?: Output;
  /** For each input, with `output`. */
  states?: OutputState[];
  /** Whether inputs are left out whose files are there already. */
  skips?: boolean;
}

/** Where in the plan a file stands. */
export interface Job {
  input: Input;
  index: number;
  plan: Plan;
}

/** Text appears as it is recognised where a person is watching; channels apart come sorted at the end, speakers are known then. */
export function isLive({ formats, output, transcribe }: Plan, terminal: Terminal): boolean {
  return (
    terminal.stdoutIsTerminal &&
    !output &&
    formats[0] === "txt" &&
    transcribe.channels !== "each" &&
    !transcribe.diarize
  );
}

/** Segments of a file printed in order, from its turn on, while more are on their way. */
export class LiveText {
  readonly #plan: Plan;
  readonly #api: Api;
  readonly #terminal: Terminal;
  #printed: Promise<void>;

  constructor(job: Job, turn: Turn, api: Api, terminal: Terminal) {
    this.#plan = job.plan;
    this.#api = api;
    this.#terminal = terminal;
    this.#printed = turn.comes.then(() => {
      turn.signal.throwIfAborted();
      return printHeader(job, terminal);
    });
    this.#printed.catch(() => undefined);
  }

  add(segment: Segment): void {
    const text = this.#api.formatSegments([segment], "txt", this.#plan.format);
    this.#printed = this.#printed.then(() => this.#terminal.print(text));
    // Reported by end(); until then it must not count as unhandled.
    this.#printed.catch(() => undefined);
  }

  /** @throws OutputFailed */
  end(): Promise<void> {
    return this.#printed;
  }
}

/** `==> name <==` before each of several texts, as `head` and `tail` do. */
export async function printHeader({ input, index, plan }: Job, terminal: Terminal): Promise<void> {
  if (!plan.several || terminal.isQuiet) return;
  await terminal.print(`${index > 0 ? "\n" : ""}==> ${printable(input.name)} <==\n`);
}

/**
 * Writes a result where the plan has it: into files, or to stdout.
 * @throws OutputFailed; a system error when a file cannot be written
 */
export function deliver(job: Job, result: TranscriptionResult, api: Api, terminal: Terminal): Promise<void> {
  return job.plan.output ? writeFiles(job, result, api, terminal) : printResult(job, result, api, terminal);
}

async function printResult(
  job: Job,
  result: TranscriptionResult,
  api: Api,
  terminal: Terminal,
): Promise<void> {
  const { input, plan } = job;
  const [format] = plan.formats;
  const text = api.formatResult(result, format!, plan.format);
  if (format === "txt") await printHeader(job, terminal);
  if (format === "json" && plan.several) {
    // JSON Lines: one document per line, each with the name of its file.
    await terminal.print(`${JSON.stringify({ file: input.name, ...JSON.parse(text) })}\n`);
  } else {
    await terminal.print(text);
  }
}

async function writeFiles(
  job: Job,
  result: TranscriptionResult,
  api: Api,
  terminal: Terminal,
): Promise<void> {
  const { directory, names } = job.plan.output!;
  for (const format of job.plan.formats) {
    const path = join(directory, `${names[job.index]}.${api.extensionOf(format)}`);
    await writeWhole(path, api.formatResult(result, format, job.plan.format));
    terminal.summary(`${job.input.name}: wrote ${path}`);
  }
}
