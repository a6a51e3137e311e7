import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import type { AudioInput, TranscribeOptions } from "../../index.js";
import { type Call, ClientGone, Unavailable } from "../../service/call/call.js";
import type { Logger } from "../../service/log.js";
import type { ServerMetrics } from "../../service/metrics/server-metrics.js";
import { type ServerSettings, variableOf } from "../../service/settings.js";
import type { Work, Workers } from "../../service/workers.js";
import type { Calls } from "./calls.js";
import { RequestLog } from "./request-log.js";
import { isDefect } from "./statuses.js";
import { Upload } from "./upload.js";

/** What the service of a contract does with a call, whatever its messages look like. */
export abstract class ContractService {
  protected readonly settings: ServerSettings;
  protected readonly workers: Workers;
  readonly #metrics: ServerMetrics;
  readonly #log: Logger;

  constructor(settings: ServerSettings, workers: Workers, metrics: ServerMetrics, log: Logger) {
    this.settings = settings;
    this.workers = workers;
    this.#metrics = metrics;
    this.#log = log;
  }

  /** The methods, by their names in the contract. */
  abstract handlers(calls: Calls): UntypedServiceImplementation;

  /** Does `work`, and tells `fail` why it failed. */
  protected async attempt(
    call: Call,
    work: () => Promise<void>,
    fail: (reason: unknown) => void,
  ): Promise<void> {
    try {
      await call.work(work);
    } catch (error) {
      // What a cancelled request rejects with tells less than why it was cancelled.
      fail(call.signal.aborted ? call.signal.reason : error);
    }
  }

  /** Does `work` with a new upload, which is gone afterwards. */
  protected async withUpload<T>(work: (upload: Upload) => Promise<T>): Promise<T> {
    const upload = new Upload(this.settings.maxUploadBytes);
    try {
      return await work(upload);
    } finally {
      await upload.close();
    }
  }

  /** Counts and logs what was asked. @param format as the client calls it */
  protected note(call: Call, filename: string, bytes: number, format = ""): void {
    this.#metrics.received(bytes);
    this.#logOf(call).request(filename, bytes, format);
  }

  /** Text of a recording that has arrived, within the server's time for it or, where that is shorter, the request's. */
  protected async transcribe(
    call: Call,
    input: AudioInput,
    { timeout = Number.POSITIVE_INFINITY, onProgress, ...options }: TranscribeOptions = {},
  ): Promise<Work> {
    const { batchSize, requestTimeout } = this.settings;
    const [seconds, limit] =
      timeout < requestTimeout
        ? [timeout, "config.options.timeout"]
        : [requestTimeout, variableOf("requestTimeout")];
    call.expireAfter(seconds, `The request took longer than ${limit} (${seconds} s)`);
    const log = this.#logOf(call);
    const logProgress = log.progress(batchSize);
    const work = await this.workers.transcribe(input, {
      ...options,
      signal: call.signal,
      onProgress: (progress) => {
        logProgress(progress);
        onProgress?.(progress);
      },
    });
    log.success(work.result, call.seconds);
    return work;
  }

  /** Has the log say why a call failed. @param message what its client is told */
  protected logFailure(call: Call, reason: unknown, message: string): void {
    const log = this.#logOf(call);
    if (reason instanceof ClientGone) log.cancelled();
    else if (reason instanceof Unavailable) log.unfinished(reason);
    else if (isDefect(reason)) log.defect(reason as Error);
    else log.failed(message);
  }

  #logOf(call: Call): RequestLog {
    return new RequestLog(this.#log, call);
  }
}
