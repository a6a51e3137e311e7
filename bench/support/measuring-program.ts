import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** What was done, and in how much time. */
export interface Measured {
  seconds: number;
  /** Windows or tokens. */
  count: number;
}

/**
 * A process that has a model loaded and measures on command (bench/native/commands.h). Between commands it waits for
 * input, so several may be there and take turns.
 */
export class MeasuringProgram {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #complaint = "";

  private constructor(
    private readonly title: string,
    program: string,
    args: string[],
  ) {
    this.#child = spawn(program, args);
    this.#child.stderr.on("data", (data) => {
      this.#complaint += data;
    });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Starts it and waits until its model is loaded. @throws Error with what it wrote */
  static async start(program: string, ...args: string[]): Promise<MeasuringProgram> {
    const started = new MeasuringProgram(args.join(" "), program, args);
    await started.#answer();
    return started;
  }

  /** @throws Error when the command fails or the process ends */
  async ask<T = Measured>(...command: (string | number)[]): Promise<T> {
    this.#child.stdin.write(`${command.join(" ")}\n`);
    return (await this.#answer()) as T;
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    if (this.#child.exitCode === null) await once(this.#child, "exit");
  }

  async #answer(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`${this.title}: ${this.#complaint.trim() || "ended"}`);
    const answer = JSON.parse(value) as { error?: string };
    if (answer.error) throw new Error(`${this.title}: ${answer.error}`);
    return answer;
  }
}
