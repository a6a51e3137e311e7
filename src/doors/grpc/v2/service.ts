import type {
  ServerReadableStream,
  ServerUnaryCall,
  sendUnaryData,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { type AudioInput, type TranscribeOptions, TranscriptionError } from "../../../index.js";
import { type Call, ClientGone, Unavailable } from "../../../service/call/call.js";
import { cut } from "../../../service/text.js";
import type { Work } from "../../../service/workers.js";
import type { Calls } from "../calls.js";
import { ContractService } from "../contract-service.js";
import { type Failure, RESTART_SECONDS, reasonOf, statusOfFailure } from "../statuses.js";
import type { EncodedResult } from "./encoded-result.js";
import { type EventRpc, EventStream } from "./event-stream.js";
import { LiveCall } from "./live.js";
import type { LiveRpc } from "./live-events.js";
import type {
  GetServerInfoRequest,
  ServerInfo,
  TranscribeRequest,
  TranscriptionConfig,
  UploadRequest,
} from "./messages.js";
import { toTranscribeOptions } from "./options.js";
import { receive } from "./receive.js";
import { inRequest } from "./request-errors.js";
import { ResultSize, type ResultTooLarge } from "./result-size.js";
import { type SentResult, toProgress, toResult, toSegment } from "./results.js";
import { serverInfo } from "./server-info.js";

type Answer = SentResult | EncodedResult;
type Respond = sendUnaryData<Answer>;
type Stream = ServerReadableStream<UploadRequest, Answer>;

/** What was done, and what is sent of it. */
interface Done {
  work: Work;
  answer: Answer;
}

/** Contract v2: every option, and failures as statuses with details. */
export class V2Service extends ContractService {
  readonly #live = new Set<LiveCall>();
  #isStopping = false;

  handlers(calls: Calls): UntypedServiceImplementation {
    return {
      Transcribe: (rpc: ServerUnaryCall<TranscribeRequest, Answer>, respond: Respond) =>
        this.#answer(calls.of(rpc.metadata), respond, (call) => this.#unary(call, rpc.request)),
      TranscribeUpload: (rpc: Stream, respond: Respond) =>
        this.#answer(calls.of(rpc.metadata), respond, (call) =>
          // What still comes is discarded as it arrives.
          this.#upload(call, rpc).finally(() => rpc.destroy()),
        ),
      TranscribeUploadEvents: (rpc: EventRpc) => this.#events(calls.of(rpc.metadata), rpc),
      TranscribeLive: (rpc: LiveRpc) => this.#transcribeLive(calls.of(rpc.metadata), rpc),
      GetServerInfo: (
        rpc: ServerUnaryCall<GetServerInfoRequest, ServerInfo>,
        respond: sendUnaryData<ServerInfo>,
      ) => {
        const call = calls.of(rpc.metadata);
        return this.attempt(
          call,
          async () => serverInfo(this.service, calls.size),
          (info) => respond(null, info),
          (reason) => this.fail(call, reason, respond),
        );
      },
    };
  }

  /** Has every live stream say what it has, and end; there are no others from now on. */
  async windUp(): Promise<void> {
    this.#isStopping = true;
    await Promise.all([...this.#live].map((call) => call.windUp()));
  }

  /** Answers a call that failed, unless its client is gone. */
  fail(call: Call, reason: unknown, respond: (failure: Failure) => void): void {
    const retryAfter = reason instanceof Unavailable ? RESTART_SECONDS : this.workers.retryAfter;
    const failure = statusOfFailure(reason, call.id, retryAfter);
    this.logFailure(call, reason, failure.details);
    if (reason instanceof ClientGone) return;
    call.outcome = reasonOf(reason);
    respond(failure);
  }

  async #unary(call: Call, request: TranscribeRequest): Promise<Done> {
    const { config } = request;
    this.note(call, config?.filename ?? "", request.audio.length);
    const options = this.#optionsOf(config);
    const size = this.#sizeOf(config);
    if (request.audio.length === 0) {
      const message = "Expected the bytes of a recording for audio but received none";
      throw new TranscriptionError("INVALID_ARGUMENT", message, { option: "audio" });
    }
    return this.withRecording(call, request, "audio", (input) => this.#resultOf(call, input, options, size));
  }

  #upload(call: Call, rpc: Stream | EventRpc, events?: EventStream): Promise<Done> {
    return this.withUpload(call, async (upload) => {
      let filename = "";
      let options: TranscribeOptions = {};
      let size: ResultSize | undefined;
      try {
        await receive(rpc, call, upload, {
          onConfig: (config) => {
            // Of a long one no more is kept than is told.
            filename = cut(config.filename);
            options = this.#optionsOf(config);
            size = events && config.events_only ? undefined : this.#sizeOf(config, events !== undefined);
          },
          onProgress: (progress) => events?.send({ upload: progress }),
        });
      } finally {
        this.note(call, filename, upload.bytes);
      }
      const news: TranscribeOptions = events
        ? {
            onSegment: (segment) => events.send({ segment: toSegment(segment) }),
            onProgress: (progress) => events.offer(toProgress(progress)),
          }
        : {};
      return await this.#resultOf(call, await upload.file(), { ...options, ...news }, size);
    });
  }

  #events(call: Call, rpc: EventRpc): Promise<void> {
    const events = new EventStream(rpc, call);
    return this.attempt(
      call,
      () => this.#upload(call, rpc, events),
      ({ work, answer }) => {
        this.logSuccess(call, work);
        events.send({ result: answer });
        events.end();
      },
      (reason) => this.fail(call, reason, (failure) => events.fail(failure)),
    );
  }

  async #transcribeLive(call: Call, rpc: LiveRpc): Promise<void> {
    const live = new LiveCall(this.service, call, rpc);
    this.#live.add(live);
    await this.attempt(
      call,
      async () => {
        if (this.#isStopping) throw new Unavailable("The server is shutting down");
        return live.run();
      },
      ({ finals, received }) => {
        const found = `${finals} finals of ${received.toFixed(1)} s of live audio`;
        this.service.logFound(call, found, { audio_seconds: received, finals });
        live.events.end();
      },
      (reason) => this.fail(call, reason, (failure) => rpc.emit("error", failure)),
    );
    this.#live.delete(live);
  }

  #answer(call: Call, respond: Respond, work: (call: Call) => Promise<Done>): Promise<void> {
    return this.attempt(
      call,
      () => work(call),
      (done) => {
        this.logSuccess(call, done.work);
        respond(null, done.answer);
      },
      (reason) => this.fail(call, reason, respond),
    );
  }

  /** @param size what the result must fit into; undefined: it goes without what its events had */
  async #resultOf(
    call: Call,
    input: AudioInput,
    options: TranscribeOptions,
    size: ResultSize | undefined,
  ): Promise<Done> {
    const work = await this.transcribe(call, input, {
      ...options,
      onSegment: (segment) => {
        options.onSegment?.(segment);
        try {
          size?.add(segment);
        } catch (reason) {
          call.fail(reason as ResultTooLarge);
        }
      },
    }).catch((error: unknown) => {
      throw inRequest(error, options.limits?.maxDuration);
    });
    call.signal.throwIfAborted();
    const result = toResult(work, call.stages, call.id);
    if (size) return { work, answer: size.fit(result) };
    const channels = result.channels.map((channel) => ({ ...channel, text: "" }));
    return { work, answer: { ...result, text: "", segments: [], channels } };
  }

  #sizeOf(config: TranscriptionConfig | null, isInEvent = false): ResultSize {
    return new ResultSize(config?.max_result_bytes ?? 0, this.settings.maxSendMessageLength, isInEvent);
  }

  #optionsOf(config: TranscriptionConfig | null): TranscribeOptions {
    const { maxDuration } = this.settings;
    return toTranscribeOptions(config?.options ?? null, maxDuration, this.workers.transcriber);
  }
}
