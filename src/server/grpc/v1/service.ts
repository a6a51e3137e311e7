import {
  type ServerReadableStream,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { AudioInput, TranscriptionResult } from "../../../index.js";
import { type Logger, quoted } from "../../log.js";
import { ProgressLog } from "../../progress-log.js";
import { type ServerSettings, variableOf } from "../../settings.js";
import type { Workers } from "../../workers.js";
import { type Call, ClientGone, ServerStopped } from "../call.js";
import type { Calls } from "../calls.js";
import { Upload } from "../upload.js";
import { chunksOf } from "./chunks.js";
import { errorMessage, isDefect, type Mode } from "./failures.js";
import type { AudioChunk, AudioRequest, TranscriptionResponse } from "./messages.js";
import { failure, success } from "./responses.js";
import { requireAudio, requireFilename, requireKnownExtension } from "./validation.js";

type Respond = sendUnaryData<TranscriptionResponse>;

/** Contract v1: what is asked is validated in its order, answered in its texts, and logged in its lines. */
export class V1Service {
  readonly #settings: ServerSettings;
  readonly #workers: Workers;
  readonly #log: Logger;

  constructor(settings: ServerSettings, workers: Workers, log: Logger) {
    this.#settings = settings;
    this.#workers = workers;
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
    const after = `after ${call.seconds.toFixed(2)} s`;
    if (reason instanceof ClientGone) {
      this.#log.info(`[${call.id}] Cancelled by the client or its deadline ${after}`);
    } else if (reason instanceof ServerStopped) {
      this.#log.warning(`[${call.id}] Not finished ${after}: ${reason.message}`);
      respond({ code: status.UNAVAILABLE, details: reason.message });
    } else {
      const message = errorMessage(mode, reason, call.id);
      if (isDefect(reason))
        this.#log.error(`[${call.id}] Failed ${after}: ${reason.stack ?? reason.message}`);
      else this.#log.warning(`[${call.id}] Failed ${after}: ${message}`);
      respond(null, failure(message, call.seconds));
    }
  }

  async #unary(call: Call, request: AudioRequest): Promise<TranscriptionResult> {
    const { audio_data, filename, format } = request;
    this.#logRequest(call, filename, audio_data.length, format);
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
      for await (const chunk of chunksOf(rpc, call, this.#settings.idleTimeout)) {
        // Of the first chunk only.
        if (format === undefined) ({ filename, format } = chunk);
        requireFilename(filename);
        if (chunk.chunk_data.length === 0) continue;
        requireKnownExtension(filename);
        await upload.write(chunk.chunk_data);
      }
    } finally {
      this.#logRequest(call, filename, upload.bytes, format ?? "");
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
    const progress = new ProgressLog(batchSize, (line) => this.#log.info(`[${call.id}] ${line}`));
    return this.#workers.transcribe(input, {
      signal: call.signal,
      onProgress: (event) => progress.report(event),
    });
  }

  async #answer(
    call: Call,
    mode: Mode,
    respond: Respond,
    work: (call: Call) => Promise<TranscriptionResult>,
  ): Promise<void> {
    try {
      const result = await work(call);
      const response = success(result, call.seconds);
      this.#logSuccess(call, result, response);
      respond(null, response);
    } catch (error) {
      // What a cancelled request rejects with tells less than why it was cancelled.
      this.fail(call, mode, call.signal.aborted ? call.signal.reason : error, respond);
    }
  }

  #logRequest(call: Call, filename: string, bytes: number, format: string): void {
    const size = (bytes / 1024 ** 2).toFixed(2);
    this.#log.info(
      `[${call.id}] Request: file ${quoted(filename)}, ${size} MB, format ${format === "" ? "not given" : quoted(format)}`,
    );
  }

  #logSuccess(call: Call, { warnings }: TranscriptionResult, response: TranscriptionResponse): void {
    const { word_count, char_count, speed_factor } = response.stats;
    for (const warning of warnings) this.#log.warning(`[${call.id}] ${warning}`);
    this.#log.info(
      `[${call.id}] Done in ${response.processing_time.toFixed(2)} s, ${speed_factor.toFixed(1)}x, ` +
        `${word_count} words, ${char_count} characters`,
    );
  }
}
