import { Worker } from "node:worker_threads";
import { type ErrorCode, TranscriptionError } from "../../../index.js";
import { moduleUrl } from "../../../package-files.js";
import type { SqliteJobs, SqliteOptions } from "./sqlite-jobs.js";
import type { Answered, Asked } from "./thread.js";

/** As source, not as a file: a thread inherits `--input-type` from `node -e`, with which it would run no file. */
function program(): URL {
  const module = moduleUrl("service/jobs/sqlite/thread.js");
  return new URL(`data:text/javascript,${encodeURIComponent(`import ${JSON.stringify(module)}`)}`);
}

/** What is no trouble of the file's. */
const OF_THE_REQUEST: readonly ErrorCode[] = ["QUEUE_FULL", "INVALID_ARGUMENT"];

type Method = {
  [K in keyof SqliteJobs]: SqliteJobs[K] extends (...args: never[]) => unknown ? K : never;
}[keyof SqliteJobs];

interface Waiter {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** {@link SqliteJobs} on a thread of its own: a disk that takes its time keeps nobody waiting but who asks it. */
export class SqliteThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiter>();
  #calls = 0;
  #broken: TranscriptionError | undefined;

  readonly #onTrouble: (error: TranscriptionError) => void;

  private constructor(options: SqliteOptions, onTrouble: (error: TranscriptionError) => void) {
    this.#onTrouble = onTrouble;
    this.#worker = new Worker(program(), { workerData: options });
    this.#worker.on("message", (answer: Answered) => this.#answer(answer));
    this.#worker.on("error", (cause) => this.#break(cause));
    this.#worker.on("exit", () => this.#break());
  }

  /**
   * @param onTrouble hears of each failure that is the file's, also of those that nobody else is told
   * @throws TranscriptionError STORAGE_FAILED where the file is damaged, in use, or cannot be made
   */
  static async open(
    options: SqliteOptions,
    onTrouble: (error: TranscriptionError) => void,
  ): Promise<SqliteThread> {
    const thread = new SqliteThread(options, onTrouble);
    try {
      await thread.#ask("open", []);
    } catch (error) {
      await thread.#worker.terminate();
      throw error;
    }
    return thread;
  }

  /** As the method of {@link SqliteJobs}. @throws TranscriptionError */
  call<M extends Method>(method: M, ...args: Parameters<SqliteJobs[M]>): Promise<ReturnType<SqliteJobs[M]>> {
    return this.#ask(method, args) as Promise<ReturnType<SqliteJobs[M]>>;
  }

  /** Closes the file when all that was asked is done. */
  async close(): Promise<void> {
    if (this.#broken) return;
    const ended = new Promise<void>((resolve) => this.#worker.once("exit", () => resolve()));
    await this.#ask("close", []).catch(() => {});
    await ended;
  }

  #ask(method: string, args: unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#broken) return reject(this.#broken);
      const call = this.#calls++;
      this.#waiting.set(call, { resolve, reject });
      this.#worker.postMessage({ call, method, args } satisfies Asked);
    });
  }

  #answer(answer: Answered): void {
    const waiter = this.#waiting.get(answer.call);
    this.#waiting.delete(answer.call);
    if ("result" in answer) {
      waiter?.resolve(answer.result);
      return;
    }
    const { code, message, option, stack } = answer.failure;
    const error = new TranscriptionError(code, message, option === undefined ? {} : { option });
    if (stack !== undefined) error.stack = stack;
    if (!OF_THE_REQUEST.includes(code)) this.#onTrouble(error);
    waiter?.reject(error);
  }

  #break(cause?: Error): void {
    const problem = cause ? cause.message : "it is closed";
    this.#broken ??= new TranscriptionError("STORAGE_FAILED", `Cannot use the store of jobs: ${problem}`, {
      cause,
    });
    for (const { reject } of this.#waiting.values()) reject(this.#broken);
    this.#waiting.clear();
  }
}
