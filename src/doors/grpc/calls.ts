import {
  Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { TranscriptionError } from "../../index.js";
import type { ByteBudget } from "../../service/call/byte-budget.js";
import { Call } from "../../service/call/call.js";
import type { OpenCalls } from "../../service/call/open-calls.js";
import type { Slots } from "../../service/call/slots.js";
import { REQUEST_ID } from "../../service/request-id.js";
import { variableOf } from "../../service/settings.js";
import { notArrived } from "../../service/upload.js";
import { AnsweringCall } from "./answering-call.js";
import type { FieldTypes } from "./definitions.js";
import type { SentStatus } from "./forwarding-call.js";
import { type Arrival, LIGHT_LIMIT, lightArrival, lightMemory } from "./light-calls.js";
import type { MessageLimits } from "./messages/limits.js";
import { MessageReader, type ReaderOptions } from "./messages/message-reader.js";
import { requestIdOf } from "./request-id.js";
import { type Failure, RESTART_SECONDS, statusFor } from "./statuses.js";
import type { Origin } from "./transport/transport.js";

/** Answers a call that fails before its handler gets it. */
export type Refuse = (call: Call, reason: unknown, respond: sendUnaryData<unknown>) => void;

export interface CallsOptions {
  open: OpenCalls;
  /** Where the call comes from that is being begun. */
  origin: () => Origin;
  maxCalls: number;
  /** Requests in one message that may be in memory at once. They are not read from the network before. */
  inbox: Slots;
  /** What messages take while they are in memory, but for those of methods that bring no recording. */
  memory: ByteBudget;
  messages: MessageLimits;
  /** Fields of requests that bring a recording, by path of the method. Others do not wait in the inbox. */
  recordingFields: ReadonlyMap<string, FieldTypes>;
  /** Seconds that a request may take to arrive. */
  uploadTimeout: number;
  /** Seconds that a request may wait unread. */
  requestTimeout: number;
  /** Seconds that a client may send nothing, and take to read an answer, for each MiB of it. */
  idleTimeout: number;
  isAuthorized: (metadata: Metadata) => boolean;
  /** Called with a call that brings no token, or a wrong one. */
  onUnauthorized: (call: Call) => void;
  refuse: Refuse;
  /** Seconds after which those who are refused may try again. */
  retryAfter: () => number;
  /** Called once for each call, when it is over. */
  onEnd: (call: Call, outcome: string) => void;
}

/**
 * The calls that are open, from their headers to their trailers. Its interceptor makes a {@link Call} for each, which
 * the handler finds by the metadata that it is given.
 */
export class Calls {
  readonly #options: CallsOptions;
  readonly #byMetadata = new WeakMap<Metadata, Call>();
  readonly #lightMemory = lightMemory();
  #accepting = false;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#options.open.size;
  }

  /** Calls are answered with UNAVAILABLE before this. */
  accept(): void {
    this.#accepting = true;
  }

  /** The call whose handler was given `metadata`. */
  of(metadata: Metadata): Call {
    return this.#byMetadata.get(metadata)!;
  }

  readonly interceptor: ServerInterceptor = (method, channel) => {
    const name = method.path.slice(1);
    const { stream, connection } = this.#options.origin();
    let call: Call | undefined;
    let sent: SentStatus | undefined;
    let answered = false;
    let reader: MessageReader | undefined;
    const { idleTimeout, inbox, memory, messages } = this.#options;
    const recordingFields = this.#options.recordingFields.get(method.path);
    const answering = new AnsweringCall(channel, stream, idleTimeout, () => {
      if (call) this.#giveUp(call, intercepted);
    });
    const intercepted: ServerInterceptingCall = new ServerInterceptingCall(answering, {
      start: (next) => {
        next({
          onReceiveMetadata: (metadata, deliver) => {
            call = new Call(requestIdOf(metadata), name, connection.peer);
            const refusal = this.#refusal(call, metadata);
            if (refusal) return intercepted.sendStatus(refusal);
            this.#byMetadata.set(metadata, call);
            this.#options.open.add(call);
            const isLight = recordingFields === undefined;
            const limits = isLight
              ? { ...LIGHT_LIMIT, memory: this.#lightMemory }
              : { ...messages[method.requestStream ? "stream" : "unary"], memory, recordingFields };
            reader = this.#readMessages(call, channel, intercepted, limits);
            const read = () => deliver(metadata);
            const { uploadTimeout } = this.#options;
            const arrival = isLight
              ? lightArrival(uploadTimeout)
              : { seconds: uploadTimeout, message: notArrived(uploadTimeout) };
            if (method.requestStream) this.#read(call, arrival, read);
            else void this.#readWhole(call, intercepted, isLight ? undefined : inbox, arrival, read);
          },
          onReceiveHalfClose: (deliver) => {
            // A connection that breaks looks for a moment as if the request were complete.
            setImmediate(() => {
              // A call that has failed is answered already.
              if (!call || call.signal.aborted) return;
              call.markReceived();
              deliver();
            });
          },
          onCancel: () => {
            if (call) this.#end(call, outcomeOf(call, sent, channel));
          },
        });
      },
      sendMessage: (message, next) => {
        if (call && !answered) answering.sendMetadata(withId(undefined, call));
        answered = true;
        if (!method.responseStream) reader?.stop();
        next(message);
      },
      sendStatus: (given, next) => {
        sent = given;
        reader?.stop();
        next(call ? { ...given, metadata: withId(given.metadata, call) } : given);
      },
    });
    return intercepted;
  };

  #refusal(call: Call, metadata: Metadata): Failure | undefined {
    const { isAuthorized, maxCalls, onUnauthorized, retryAfter } = this.#options;
    if (!isAuthorized(metadata)) {
      onUnauthorized(call);
      return statusFor("UNAUTHENTICATED", "Expected the API token", call.id, 0);
    }
    if (!this.#accepting)
      return statusFor("UNAVAILABLE", "The model is being loaded", call.id, RESTART_SECONDS);
    if (this.size < maxCalls) return undefined;
    const message = `${this.size} calls are open, the most that ${variableOf("maxCalls")} allows`;
    return statusFor("QUEUE_FULL", message, call.id, retryAfter());
  }

  #end(call: Call, outcome: string): void {
    this.#options.open.end(call);
    this.#options.onEnd(call, outcome);
  }

  /** The client of a call reads no answer. */
  #giveUp(call: Call, channel: ServerInterceptingCallInterface): void {
    const { idleTimeout } = this.#options;
    const message = `The client has not read its answer for ${variableOf("idleTimeout")} (${idleTimeout} s)`;
    const reason = new TranscriptionError("DEADLINE_EXCEEDED", message);
    // It is over before whoever works for it can tell.
    if (!call.signal.aborted) call.outcome ??= reason.code;
    this.#fail(call, reason, channel);
  }

  /** Whoever works for the call hears of it there; where nobody does, its failure is ours to answer. */
  #fail(call: Call, reason: Error, channel: ServerInterceptingCallInterface): void {
    // It has failed, or is over.
    if (call.signal.aborted) return;
    call.fail(reason);
    if (!call.isWorkedFor) this.#options.refuse(call, reason, responder(channel));
  }

  #readMessages(
    call: Call,
    channel: ServerInterceptingCallInterface,
    intercepted: ServerInterceptingCallInterface,
    limits: Omit<ReaderOptions, "holder" | "idleTimeout" | "onFailure">,
  ): MessageReader {
    const { idleTimeout } = this.#options;
    return new MessageReader(channel, {
      holder: call,
      ...limits,
      idleTimeout,
      onFailure: (reason) => this.#fail(call, reason, intercepted),
    });
  }

  #read(call: Call, { message, seconds }: Arrival, read: () => void): void {
    call.markReading();
    call.expireAfter(seconds, message);
    read();
  }

  /**
   * Reads a request of one message; until it is here, its failure is ours to answer.
   * @param inbox where it waits for room, and has a slot until it is worked off; undefined: it needs none
   */
  async #readWhole(
    call: Call,
    channel: ServerInterceptingCallInterface,
    inbox: Slots | undefined,
    arrival: Arrival,
    read: () => void,
  ): Promise<void> {
    const { refuse, requestTimeout } = this.#options;
    try {
      await call.work(async () => {
        if (inbox) {
          call.expireAfter(
            requestTimeout,
            `The request was not read within ${variableOf("requestTimeout")} (${requestTimeout} s)`,
          );
          await inbox.acquire(call.worker);
          call.signal.throwIfAborted();
        }
        this.#read(call, arrival, read);
        await call.race(call.received);
      });
    } catch (reason) {
      refuse(call, reason, responder(channel));
    }
  }
}

/** What a handler gets to answer with. */
function responder(channel: ServerInterceptingCallInterface): sendUnaryData<unknown> {
  return (error, value) => {
    if (error) {
      const { code = status.UNKNOWN, details = "", metadata } = error;
      channel.sendStatus({ code, details, metadata: metadata ?? null });
    } else {
      channel.sendMessage(value, () => channel.sendStatus({ code: status.OK, details: "OK" }));
    }
  };
}

function withId(metadata: Metadata | null | undefined, call: Call): Metadata {
  const extended = metadata?.clone() ?? new Metadata();
  extended.set(REQUEST_ID, call.id);
  return extended;
}

/** Name of a status, `OK` among them, or of what contract v1 has answered in band. */
function outcomeOf(
  call: Call,
  sent: SentStatus | undefined,
  channel: ServerInterceptingCallInterface,
): string {
  if (call.outcome !== undefined) return call.outcome;
  if (sent) return String(status[sent.code ?? status.UNKNOWN]);
  // gRPC ends a call at its deadline without asking us.
  return Number(channel.getDeadline()) <= Date.now() ? "DEADLINE_EXCEEDED" : "CANCELLED";
}
