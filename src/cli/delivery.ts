import type { Segment } from "../index.js";
import type { Api } from "./context.js";
import type { FilePlan, Job } from "./files.js";
import { writeWhole } from "./output-files.js";
import { printable } from "./printable.js";
import type { Settings } from "./settings.js";
import type { Terminal } from "./terminal.js";

/** A transcription of files, decided before any model is loaded. */
export type Plan = Settings &
  FilePlan<Settings["formats"][number]> & {
    /** Names of the recordings in RTTM, no two alike. */
    ids: readonly string[];
  };

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

  constructor(job: Job<Plan>, api: Api, terminal: Terminal) {
    this.#plan = job.plan;
    this.#api = api;
    this.#terminal = terminal;
    this.#printed = job.turn.comes.then(() => {
      job.turn.signal.throwIfAborted();
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
async function printHeader({ input, index, plan }: Job, terminal: Terminal): Promise<void> {
  if (!plan.several || terminal.isQuiet) return;
  await terminal.print(`${index > 0 ? "\n" : ""}==> ${printable(input.name)} <==\n`);
}

/**
 * Writes a file's documents where the plan has them: into files, or to standard output, where several JSON documents are
 * JSON Lines, each with the name of its file.
 * @param textOf the document in a format of the plan
 * @throws OutputFailed; a system error when a file cannot be written
 */
export async function deliver<Format extends string>(
  job: Job<FilePlan<Format>>,
  textOf: (format: Format) => string,
  terminal: Terminal,
): Promise<void> {
  const { input, index, plan } = job;
  if (plan.output) {
    for (const format of plan.formats) {
      const path = plan.output.pathOf(index, format);
      await writeWhole(path, textOf(format));
      terminal.summary(`${input.name}: wrote ${path}`);
    }
    return;
  }
  const format = plan.formats[0]!;
  const text = textOf(format);
  if (format === "txt") await printHeader(job, terminal);
  if (format === "json" && plan.several) {
    await terminal.print(`${JSON.stringify({ file: input.name, ...JSON.parse(text) })}\n`);
  } else {
    await terminal.print(text);
  }
}
