import type { Progress, TranscriptionResult } from "../../index.js";
import type { Call } from "../../service/call/call.js";
import { type Logger, quoted } from "../../service/log.js";
import { ProgressLog } from "../../service/progress-log.js";

/** The lines that the log has about a call, whatever its contract. */
export class RequestLog {
  readonly #log: Logger;
  readonly #call: Call;

  constructor(log: Logger, call: Call) {
    this.#log = log.about(call.id);
    this.#call = call;
  }

  /** What was asked. @param format as the client calls it, which nothing follows from */
  request(filename: string, bytes: number, format: string): void {
    const size = (bytes / 1024 ** 2).toFixed(2);
    const { method } = this.#call;
    this.#log.debug(method);
    this.#log.info(
      `Request: file ${quoted(filename)}, ${size} MB, format ${format === "" ? "not given" : quoted(format)}`,
    );
  }

  /** A listener that writes a line per batch of windows. */
  progress(batchSize: number): (event: Progress) => void {
    const progress = new ProgressLog(batchSize, (line) => this.#log.info(line));
    return (event) => progress.report(event);
  }

  /** @param seconds from the complete request to now */
  success({ duration, stats, warnings }: TranscriptionResult, seconds: number): void {
    const speed = seconds > 0 ? duration / seconds : 0;
    for (const warning of warnings) this.#log.warning(warning);
    this.#log.info(
      `Done in ${seconds.toFixed(2)} s, ${speed.toFixed(1)}x, ${stats.wordCount} words, ${stats.charCount} characters`,
    );
  }

  /** Nobody waits for it any more. */
  cancelled(): void {
    this.#log.info(`Cancelled by the client or its deadline ${this.#after}`);
  }

  /** The server stopped before. */
  unfinished(reason: Error): void {
    this.#log.warning(`Not finished ${this.#after}: ${reason.message}`);
  }

  failed(message: string): void {
    this.#log.warning(`Failed ${this.#after}: ${message}`);
  }

  /** It is the server's fault: with all that is known. */
  defect(reason: Error): void {
    this.#log.error(`Failed ${this.#after}: ${reason.stack ?? reason.message}`);
  }

  get #after(): string {
    return `after ${this.#call.seconds.toFixed(2)} s`;
  }
}
