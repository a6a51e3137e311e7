import type {
  ServerReadableStream,
  ServerUnaryCall,
  sendUnaryData,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { type AudioInput, type TranscribeOptions, TranscriptionError } from "../../../index.js";
import { type Call, ClientGone, Unavailable } from "../../../service/call/call.js";
import type { ServedModel } from "../../../service/models/models.js";
import { cut } from "../../../service/text.js";
import type { Work } from "../../../service/workers.js";
import type { Calls } from "../calls.js";
import { ContractService, TIMEOUT } from "../contract-service.js";
import { type Failure, RESTART_SECONDS, reasonOf, statusOfFailure } from "../statuses.js";
import type { EncodedResult } from "./encoded-result.js";
import { type EventRpc, EventStream } from "./event-stream.js";
import { LiveCall } from "./live.js";
import type { LiveRpc } from "./live-events.js";
import type {
  GetServerInfoRequest,
  ListModelsRequest,
  ListModelsResponse,
  ServerInfo,
  TranscribeRequest,
  TranscriptionConfig,
  UploadRequest,
} from "./messages.js";
import { modelList } from "./model-list.js";
import { checkOptions, toTranscribeOptions } from "./options.js";
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

/** What a request asks for. */
interface Asked {
  model: ServedModel;
  options: TranscribeOptions;
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
      ) => this.#tell(calls.of(rpc.metadata), respond, () => serverInfo(this.service, calls.size)),
      ListModels: (
        rpc: ServerUnaryCall<ListModelsRequest, ListModelsResponse>,
        respond: sendUnaryData<ListModelsResponse>,
      ) => this.#tell(calls.of(rpc.metadata), respond, () => modelList(this.service)),
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
    const asked = await this.#askedBy(config);
    const size = this.#sizeOf(config);
    if (request.audio.length === 0) {
      const message = "Expected the bytes of a recording for audio but received none";
      throw new TranscriptionError("INVALID_ARGUMENT", message, { option: "audio" });
    }
    return this.withRecording(call, request, "audio", (input) => this.#resultOf(call, input, asked, size));
  }

  #upload(call: Call, rpc: Stream | EventRpc, events?: EventStream): Promise<Done> {
    return this.withUpload(call, async (upload) => {
      let filename = "";
      let asked: Asked | undefined;
      let size: ResultSize | undefined;
      try {
        await receive(rpc, call, upload, {
          onConfig: async (config) => {
            // Of a long one no more is kept than is told.
            filename = cut(config.filename);
            asked = await this.#askedBy(config);
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
      const { model, options } = asked!;
      const wanted = { model, options: { ...options, ...news } };
      return await this.#resultOf(call, await upload.file(), wanted, size);
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
      ({ finals, processed, received }) => {
        const found = `${finals} finals of ${received.toFixed(1)} s of live audio`;
        this.service.logFound(call, found, {
          audio_seconds: received,
          processed_seconds: processed,
          finals,
        });
        live.events.end();
      },
      (reason) => this.fail(call, reason, (failure) => rpc.emit("error", failure)),
    );
    this.#live.delete(live);
  }

  #tell<T>(call: Call, respond: sendUnaryData<T>, work: () => Promise<T>): Promise<void> {
    return this.attempt(
      call,
      work,
      (answer) => respond(null, answer),
      (reason) => this.fail(call, reason, respond),
    );
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
    { model, options }: Asked,
    size: ResultSize | undefined,
  ): Promise<Done> {
    const work = await this.service
      .withModel(
        call,
        model,
        async (transcriber) => {
          checkOptions(options, transcriber);
          return this.transcribe(call, input, {
            transcriber,
            ...options,
            onSegment: (segment) => {
              options.onSegment?.(segment);
              try {
                size?.add(segment);
              } catch (reason) {
                call.fail(reason as ResultTooLarge);
              }
            },
          });
        },
        { timeout: options.timeout, timeoutName: TIMEOUT },
      )
      .catch((error: unknown) => {
        throw ofConfig(inRequest(error, options.limits?.maxDuration));
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

  /** What a request asks for, refused before its recording is here where that can be told: by its model, if it is loaded. */
  async #askedBy(config: TranscriptionConfig | null): Promise<Asked> {
    const { models } = this.service;
    const options = toTranscribeOptions(config?.options ?? null, this.settings.maxDuration);
    const model = await models.choose(config?.model || undefined).catch((error: unknown) => {
      throw ofConfig(error);
    });
    const lease = models.leaseLoaded(model);
    try {
      if (lease) checkOptions(options, lease.value);
    } finally {
      lease?.release();
    }
    return { model, options };
  }
}

/** An error about the model, where the request names it. */
function ofConfig(error: unknown): unknown {
  if (!(error instanceof TranscriptionError) || error.option !== "model") return error;
  return new TranscriptionError(error.code, error.message, { cause: error, option: "config.model" });
}
