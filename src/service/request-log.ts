import type { Progress, TranscriptionResult } from "../index.js";
import type { Call } from "./call/call.js";
import { type Fields, type Logger, quoted } from "./log.js";
import { ProgressLog } from "./progress-log.js";

const MIB = 1024 ** 2;

/** The lines that the log has about a call, whatever its door and its contract. */
export class RequestLog {
  readonly #log: Logger;
  readonly #call: Call;

  constructor(log: Logger, call: Call) {
    this.#log = log.about(call.id, { method: call.method, peer: call.peer });
    this.#call = call;
  }

  /** What was asked. @param format as the client calls it, which nothing follows from */
  request(filename: string, bytes: number, format: string): void {
    const megabytes = bytes / MIB;
    this.#log.debug(this.#call.method);
    this.#log.info(
      `Request: file ${quoted(filename)}, ${megabytes.toFixed(2)} MB, format ${format === "" ? "not given" : quoted(format)}`,
      { file: filename, megabytes, ...(format !== "" && { format }) },
    );
  }

  /** A listener that writes a line per batch of windows. */
  progress(batchSize: number): (event: Progress) => void {
    const progress = new ProgressLog(batchSize, (line) => this.#log.info(line));
    return (event) => progress.report(event);
  }

  success(result: TranscriptionResult): void {
    const { duration, language, languageProbability, model, speakers, stats, warnings } = result;
    const { seconds } = this.#call;
    const speed = seconds > 0 ? duration / seconds : 0;
    for (const warning of warnings) this.#log.warning(warning);
    this.#log.info(
      `Done in ${seconds.toFixed(2)} s, ${speed.toFixed(1)}x, ${stats.wordCount} words, ${stats.charCount} characters` +
        `${language === "" ? "" : `, language ${language} (${languageProbability.toFixed(2)})`}` +
        `${speakers ? `, ${speakers.length} ${speakers.length === 1 ? "speaker" : "speakers"}` : ""}`,
      {
        ...this.#ended("OK"),
        audio_seconds: duration,
        speed_factor: speed,
        language,
        language_probability: languageProbability,
        ...(speakers && { speakers: speakers.length }),
        model,
        words: stats.wordCount,
      },
    );
  }

  /** Of what is no text. @param found what was found, in words, and as fields */
  found(found: string, fields: Fields, warnings: readonly string[]): void {
    for (const warning of warnings) this.#log.warning(warning);
    this.#log.info(`Done in ${this.#call.seconds.toFixed(2)} s, ${found}`, {
      ...this.#ended("OK"),
      ...fields,
    });
  }

  /** Nobody waits for it any more. */
  cancelled(): void {
    this.#log.info(`Cancelled by the client or its deadline ${this.#after}`, this.#ended("CANCELLED"));
  }

  /** The server stopped before. */
  unfinished(reason: Error): void {
    this.#log.warning(`Not finished ${this.#after}: ${reason.message}`, this.#ended("UNAVAILABLE"));
  }

  /** @param code by which its door knows the failure */
  failed(message: string, code: string): void {
    this.#log.warning(`Failed ${this.#after}: ${message}`, this.#ended(code));
  }

  /** It is the server's fault: with all that is known. */
  defect(reason: Error): void {
    this.#log.error(`Failed ${this.#after}: ${reason.stack ?? reason.message}`, this.#ended("INTERNAL"));
  }

  #ended(code: string): Fields {
    const { unread, uploading, waiting, working } = this.#call.stages;
    return {
      code,
      seconds_unread: unread,
      seconds_uploading: uploading,
      seconds_waiting: waiting,
      seconds_working: working,
      megabytes: this.#call.bytes / MIB,
    };
  }

  get #after(): string {
    return `after ${this.#call.seconds.toFixed(2)} s`;
  }
}
