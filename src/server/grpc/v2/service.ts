import type {
  ServerReadableStream,
  ServerUnaryCall,
  sendUnaryData,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { type AudioInput, type TranscribeOptions, TranscriptionError } from "../../../index.js";
import type { Logger } from "../../log.js";
import type { ServerMetrics } from "../../metrics/server-metrics.js";
import { type ServerSettings, variableOf } from "../../settings.js";
import type { Workers } from "../../workers.js";
import { type Call, ClientGone, ServerStopped } from "../call.js";
import type { Calls } from "../calls.js";
import { RequestLog } from "../request-log.js";
import { type Failure, RESTART_SECONDS, reasonOf, statusOfFailure } from "../statuses.js";
import { Upload } from "../upload.js";
import { type EventRpc, EventStream } from "./event-stream.js";
import type { ResultMessage, TranscribeRequest, TranscriptionConfig, UploadRequest } from "./messages.js";
import { toTranscribeOptions } from "./options.js";
import { receive } from "./receive.js";
import { toProgress, toResult, toSegment } from "./results.js";
import { serverInfo } from "./server-info.js";

type Respond = sendUnaryData<ResultMessage>;
/** Where finished pieces go while a request runs. */
type Listeners = Pick<TranscribeOptions, "onSegment" | "onProgress">;

/** Contract v2: every option, and failures as statuses with details. */
export class V2Service {
  readonly #settings: ServerSettings;
  readonly #workers: Workers;
  readonly #metrics: ServerMetrics;
  readonly #log: Logger;

  constructor(settings: ServerSettings, workers: Workers, metrics: ServerMetrics, log: Logger) {
    this.#settings = settings;
    this.#workers = workers;
    this.#metrics = metrics;
    this.#log = log;
  }

  /** The methods, by their names in the contract. */
  handlers(calls: Calls): UntypedServiceImplementation {
    return {
      Transcribe: (rpc: ServerUnaryCall<TranscribeRequest, ResultMessage>, respond: Respond) =>
        this.#answer(calls.of(rpc.metadata), respond, (call) => this.#unary(call, rpc.request)),
      TranscribeUpload: (rpc: ServerReadableStream<UploadRequest, ResultMessage>, respond: Respond) =>
        this.#answer(calls.of(rpc.metadata), respond, (call) =>
          // What still comes is discarded as it arrives.
          this.#upload(call, rpc).finally(() => rpc.destroy()),
        ),
      TranscribeUploadEvents: (rpc: EventRpc) => this.#events(calls.of(rpc.metadata), rpc),
      GetServerInfo: (_rpc: ServerUnaryCall<object, object>, respond: sendUnaryData<object>) =>
        respond(null, serverInfo(this.#settings, this.#workers, calls.size)),
    };
  }

  /** Answers a call that failed, unless its client is gone. */
  fail(call: Call, reason: unknown, respond: (failure: Failure) => void): void {
    const log = this.#logOf(call);
    if (reason instanceof ClientGone) {
      log.cancelled();
      return;
    }
    const isStopped = reason instanceof ServerStopped;
    const failure = statusOfFailure(reason, call.id, isStopped ? RESTART_SECONDS : this.#workers.retryAfter);
    call.outcome = reasonOf(reason);
    if (isStopped) log.unfinished(reason);
    else if (call.outcome === "INTERNAL") log.defect(reason as Error);
    else log.failed(failure.details);
    respond(failure);
  }

  async #unary(call: Call, { config, audio }: TranscribeRequest): Promise<ResultMessage> {
    this.#note(call, config?.filename ?? "", audio.length);
    const options = this.#optionsOf(config);
    if (audio.length === 0) {
      const message = "Expected the bytes of a recording for audio but received none";
      throw new TranscriptionError("INVALID_ARGUMENT", message, { option: "audio" });
    }
    return this.#transcribe(call, audio, options);
  }

  async #upload(
    call: Call,
    rpc: ServerReadableStream<UploadRequest, ResultMessage> | EventRpc,
    events?: EventStream,
  ): Promise<ResultMessage> {
    const upload = new Upload(this.#settings.maxUploadBytes);
    let filename = "";
    let options: TranscribeOptions = {};
    try {
      try {
        await receive(rpc, call, upload, {
          idleTimeout: this.#settings.idleTimeout,
          onConfig: (config) => {
            filename = config.filename;
            options = this.#optionsOf(config);
          },
          onProgress: (progress) => events?.send({ upload: progress }),
        });
      } finally {
        this.#note(call, filename, upload.bytes);
      }
      const listeners: Listeners = events
        ? {
            onSegment: (segment) => events.send({ segment: toSegment(segment) }),
            onProgress: (progress) => events.offer(toProgress(progress)),
          }
        : {};
      return await this.#transcribe(call, upload.read(), options, listeners);
    } finally {
      await upload.close();
    }
  }

  async #events(call: Call, rpc: EventRpc): Promise<void> {
    const events = new EventStream(rpc, call, this.#settings.idleTimeout);
    try {
      events.send({ result: await this.#upload(call, rpc, events) });
      events.end();
    } catch (error) {
      this.fail(call, causeOf(call, error), (failure) => events.fail(failure));
    }
  }

  async #answer(call: Call, respond: Respond, work: (call: Call) => Promise<ResultMessage>): Promise<void> {
    try {
      respond(null, await work(call));
    } catch (error) {
      this.fail(call, causeOf(call, error), respond);
    }
  }

  async #transcribe(
    call: Call,
    input: AudioInput,
    { timeout, ...options }: TranscribeOptions,
    { onSegment, onProgress }: Listeners = {},
  ): Promise<ResultMessage> {
    const { batchSize, requestTimeout } = this.#settings;
    if (timeout !== undefined && timeout < requestTimeout)
      call.expireAfter(timeout, `The request took longer than config.options.timeout (${timeout} s)`);
    else
      call.expireAfter(
        requestTimeout,
        `The request took longer than ${variableOf("requestTimeout")} (${requestTimeout} s)`,
      );
    const log = this.#logOf(call);
    const logProgress = log.progress(batchSize);
    const work = await this.#workers.transcribe(input, {
      ...options,
      ...(onSegment && { onSegment }),
      signal: call.signal,
      onProgress: (progress) => {
        logProgress(progress);
        onProgress?.(progress);
      },
    });
    log.success(work.result, call.seconds);
    return toResult(work, call.age - call.seconds, call.id);
  }

  #optionsOf(config: TranscriptionConfig | null): TranscribeOptions {
    return toTranscribeOptions(
      config?.options ?? null,
      this.#settings.maxDuration,
      this.#workers.transcriber,
    );
  }

  #note(call: Call, filename: string, bytes: number): void {
    this.#metrics.received(bytes);
    this.#logOf(call).request(filename, bytes, "");
  }

  #logOf(call: Call): RequestLog {
    return new RequestLog(this.#log, call);
  }
}

/** What a cancelled request rejects with tells less than why it was cancelled. */
function causeOf(call: Call, error: unknown): unknown {
  return call.signal.aborted ? call.signal.reason : error;
}
