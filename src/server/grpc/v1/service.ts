import type {
  ServerReadableStream,
  ServerUnaryCall,
  sendUnaryData,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { AudioInput, TranscriptionResult } from "../../../index.js";
import type { Logger } from "../../log.js";
import type { ServerMetrics } from "../../metrics/server-metrics.js";
import { type ServerSettings, variableOf } from "../../settings.js";
import type { Workers } from "../../workers.js";
import { type Call, ClientGone, ServerStopped } from "../call.js";
import type { Calls } from "../calls.js";
import { incoming } from "../incoming.js";
import { RequestLog } from "../request-log.js";
import { RESTART_SECONDS, statusOfFailure } from "../statuses.js";
import { Upload } from "../upload.js";
import { errorMessage, isDefect, type Mode, outcomeOf } from "./failures.js";
import type { AudioChunk, AudioRequest, TranscriptionResponse } from "./messages.js";
import { failure, success } from "./responses.js";
import { requireAudio, requireFilename, requireKnownExtension } from "./validation.js";

type Respond = sendUnaryData<TranscriptionResponse>;

/** Contract v1: what is asked is validated in its order, answered in its texts, and logged in its lines. */
export class V1Service {
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
      TranscribeAudio: (rpc: ServerUnaryCall<AudioRequest, TranscriptionResponse>, respond: Respond) =>
        this.#answer(calls.of(rpc.metadata), "unary", respond, (call) => this.#unary(call, rpc.request)),
      TranscribeAudioStream: (
        rpc: ServerReadableStream<AudioChunk, TranscriptionResponse>,
        respond: Respond,
      ) => this.#answer(calls.of(rpc.metadata), "stream", respond, (call) => this.#stream(call, rpc)),
    };
  }

  /** Answers a call that failed, unless its client is gone. */
  fail(call: Call, mode: Mode, reason: unknown, respond: Respond): void {
    const log = this.#logOf(call);
    if (reason instanceof ClientGone) {
      log.cancelled();
    } else if (reason instanceof ServerStopped) {
      log.unfinished(reason);
      respond(statusOfFailure(reason, call.id, RESTART_SECONDS));
    } else {
      const message = errorMessage(mode, reason, call.id);
      if (isDefect(reason)) log.defect(reason);
      else log.failed(message);
      call.outcome = outcomeOf(reason);
      respond(null, failure(message, call.seconds));
    }
  }

  async #unary(call: Call, request: AudioRequest): Promise<TranscriptionResult> {
    const { audio_data, filename, format } = request;
    this.#note(call, filename, audio_data.length, format);
    requireFilename(filename);
    requireAudio(audio_data.length);
    requireKnownExtension(filename);
    return this.#transcribe(call, audio_data);
  }

  async #stream(
    call: Call,
    rpc: ServerReadableStream<AudioChunk, TranscriptionResponse>,
  ): Promise<TranscriptionResult> {
    const upload = new Upload(this.#settings.maxUploadBytes);
    try {
      await this.#receive(call, rpc, upload);
      return await this.#transcribe(call, upload.read());
    } finally {
      await upload.close();
    }
  }

  /** Writes what arrives into `upload`; validates it as soon as the contract's order of checks allows. */
  async #receive(
    call: Call,
    rpc: ServerReadableStream<AudioChunk, TranscriptionResponse>,
    upload: Upload,
  ): Promise<void> {
    let filename = "";
    let format: string | undefined;
    try {
      for await (const chunk of incoming<AudioChunk>(rpc, call, this.#settings.idleTimeout)) {
        // Of the first chunk only.
        if (format === undefined) ({ filename, format } = chunk);
        requireFilename(filename);
        if (chunk.chunk_data.length === 0) continue;
        requireKnownExtension(filename);
        await upload.write(chunk.chunk_data);
      }
    } finally {
      // What still comes is discarded as it arrives.
      rpc.destroy();
      this.#note(call, filename, upload.bytes, format ?? "");
    }
    requireFilename(filename);
    requireAudio(upload.bytes);
  }

  async #transcribe(call: Call, input: AudioInput): Promise<TranscriptionResult> {
    const { batchSize, requestTimeout } = this.#settings;
    call.expireAfter(
      requestTimeout,
      `The request took longer than ${variableOf("requestTimeout")} (${requestTimeout} s)`,
    );
    const onProgress = this.#logOf(call).progress(batchSize);
    const { result } = await this.#workers.transcribe(input, { signal: call.signal, onProgress });
    return result;
  }

  async #answer(
    call: Call,
    mode: Mode,
    respond: Respond,
    work: (call: Call) => Promise<TranscriptionResult>,
  ): Promise<void> {
    try {
      const result = await work(call);
      const { seconds } = call;
      this.#logOf(call).success(result, seconds);
      respond(null, success(result, seconds));
    } catch (error) {
      // What a cancelled request rejects with tells less than why it was cancelled.
      this.fail(call, mode, call.signal.aborted ? call.signal.reason : error, respond);
    }
  }

  #note(call: Call, filename: string, bytes: number, format: string): void {
    this.#metrics.received(bytes);
    this.#logOf(call).request(filename, bytes, format);
  }

  #logOf(call: Call): RequestLog {
    return new RequestLog(this.#log, call);
  }
}
