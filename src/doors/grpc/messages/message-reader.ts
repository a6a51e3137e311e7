import type { ServerHttp2Stream } from "node:http2";
import type { ServerInterceptingCallInterface } from "@grpc/grpc-js";
import { TranscriptionError } from "../../../index.js";
import type { ByteBudget, Reservation } from "../../../service/call/byte-budget.js";
import type { Holder } from "../../../service/call/holdings.js";
import { variableOf } from "../../../service/settings.js";
import type { FieldTypes } from "../definitions.js";
import { inflate } from "./inflate.js";
import { requireSmallRest } from "./rest.js";
import {
  allocate,
  MalformedMessage,
  messageTooLarge,
  requestTooLarge,
  UnreadableMessage,
} from "./unreadable.js";

/** What of grpc-js' call is used although it is not part of its interface: the package's version is pinned. */
interface Internals {
  stream: ServerHttp2Stream;
  handler: { deserialize(bytes: Buffer): object };
  incomingEncoding: string;
  readQueue: Entry[];
  isReadPending: boolean;
  checkCancelled(): boolean;
  startRead(): void;
  handleDataFrame(data: Buffer): void;
  handleEndEvent(): void;
  maybePushNextMessage(): void;
}

interface Entry {
  type: "COMPRESSED" | "READABLE";
  compressedMessage: Buffer | null;
  parsedMessage: object | null;
}

export interface ReaderOptions {
  /** To whom the memory of messages belongs, until they are let go. */
  holder: Holder;
  memory: ByteBudget;
  /** Bytes of a message, inflated, and the setting that says so. */
  most: number;
  setting: string;
  /** Bytes of everything that the client sends. */
  mostInAll?: number;
  /** What fields messages have, where one of them is a recording. */
  recordingFields?: FieldTypes | undefined;
  /** Seconds that the client may send nothing while it is waited for; `Infinity`: as long as it likes. */
  idleTimeout: number;
  /** Called once with why no more can be read. */
  onFailure: (reason: Error) => void;
}

/** A message that is arriving. */
interface Arriving {
  bytes: Buffer;
  filled: number;
  isCompressed: boolean;
  memory: Reservation;
}

/** Flag and length before each message. */
const HEAD_BYTES = 5;
/** Messages of a call that are in memory at once: one that is dealt with, and one for afterwards. */
const AT_ONCE = 2;

/** What is to be given back of the messages that were read. */
const readMessages = new WeakMap<object, { memory: Reservation; letGo(): void }>();

/** Whoever got `message` has done with it, and keeps no view of its bytes: their memory is for others, and the next one may come. */
export function letGo(message: object): void {
  readMessages.get(message)?.letGo();
  readMessages.delete(message);
}

/** As {@link letGo} of so many of its bytes: what else is in it stays in memory. */
export function letGoOf(message: object, bytes: number): void {
  readMessages.get(message)?.memory.shrink(bytes);
}

/**
 * Reads the messages of a call in place of grpc-js, which holds each up to three times, inflates whatever it is sent, up
 * to the limit, for as many calls as there are, reads sixteen ahead, and answers what it cannot read behind everybody's
 * back. Here the memory of a message is taken from the budget when its length is known, and before it is inflated; a call
 * waits unread while there is none, and while two of its messages are not dealt with.
 *
 * It is the one owner of the time that a client may be silent, which runs while nothing but the client is waited for.
 */
export class MessageReader {
  readonly #call: Internals;
  readonly #options: ReaderOptions;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headFilled = 0;
  #arriving: Arriving | undefined;
  /** What came and is not looked at yet: no more than was on its way when the stream was paused. */
  readonly #pending: Buffer[] = [];
  #received = 0;
  /** Messages that were read and not let go. */
  #held = 0;
  #isReading = false;
  #hasEnded = false;
  #isComplete = false;
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;
  /** Messages are opened one after the other. */
  #opening: Promise<void> = Promise.resolve();
  readonly #end: () => void;

  /** @param call nothing of it has been read yet */
  constructor(call: ServerInterceptingCallInterface, options: ReaderOptions) {
    this.#call = call as unknown as Internals;
    this.#options = options;
    const { handleDataFrame, handleEndEvent, startRead, stream } = this.#call;
    if (!handleDataFrame || !handleEndEvent || !startRead || !stream) {
      throw new TranscriptionError(
        "INTERNAL",
        "This version of @grpc/grpc-js is not the one that was built for",
      );
    }
    this.#end = handleEndEvent.bind(this.#call);
    this.#call.startRead = () => this.#onWanted();
    this.#call.handleDataFrame = (data) => this.#onData(data);
    this.#call.handleEndEvent = () => {
      this.#hasEnded = true;
      this.#unwatch();
      void this.#advance();
    };
    stream.once("close", () => this.stop());
  }

  /** Whether the next message, or the end, is asked for and not here. */
  get #isWanted(): boolean {
    const { isReadPending, readQueue } = this.#call;
    return isReadPending && readQueue.length === 0 && this.#held < AT_ONCE && !this.#isOver;
  }

  #onWanted(): void {
    if (this.#call.checkCancelled()) return;
    this.#call.isReadPending = true;
    this.#call.maybePushNextMessage();
    void this.#advance();
  }

  #onData(data: Buffer): void {
    if (this.#isOver || this.#call.checkCancelled()) {
      this.stop();
      return;
    }
    this.#unwatch();
    const { mostInAll = Number.POSITIVE_INFINITY, setting } = this.#options;
    this.#received += data.length;
    if (this.#received > mostInAll) {
      this.#fail(requestTooLarge(mostInAll, setting));
      return;
    }
    this.#pending.push(data);
    void this.#advance();
  }

  /** Reads as far as is wanted, and then waits for the client, if for anybody. */
  async #advance(): Promise<void> {
    const { stream } = this.#call;
    if (this.#isReading) {
      stream.pause();
      return;
    }
    this.#isReading = true;
    try {
      while (this.#isWanted) {
        const data = this.#pending.shift();
        if (!data) break;
        const rest = data.subarray(this.#arriving ? this.#fill(this.#arriving, data) : this.#fillHead(data));
        if (rest.length > 0) this.#pending.unshift(rest);
        if (this.#headFilled === HEAD_BYTES && !this.#arriving) {
          stream.pause();
          const arriving = await this.#begin();
          if (this.#isOver) return arriving.memory.release();
          this.#arriving = arriving;
        }
        if (this.#arriving && this.#arriving.filled === this.#arriving.bytes.length)
          this.#complete(this.#arriving);
      }
    } catch (reason) {
      this.#fail(reason);
    } finally {
      this.#isReading = false;
    }
    if (this.#hasEnded && this.#pending.length === 0) this.#onEnd();
    else if (this.#isWanted) this.#awaitData();
  }

  #fillHead(data: Buffer): number {
    const copied = data.copy(this.#head, this.#headFilled);
    this.#headFilled += copied;
    return copied;
  }

  #fill(arriving: Arriving, data: Buffer): number {
    const copied = data.copy(arriving.bytes, arriving.filled);
    arriving.filled += copied;
    return copied;
  }

  /** Makes room for the message whose head is here. */
  async #begin(): Promise<Arriving> {
    const { holder, memory, most, setting } = this.#options;
    const length = this.#head.readUInt32BE(1);
    if (length > most) throw messageTooLarge(length, most, setting);
    const reservation = memory.open(holder);
    await reservation.wait(length);
    const bytes = allocate(length);
    return { bytes, filled: 0, isCompressed: this.#head[0] === 1, memory: reservation };
  }

  #complete(message: Arriving): void {
    this.#arriving = undefined;
    this.#headFilled = 0;
    this.#held++;
    this.#call.stream.pause();
    const entry: Entry = { type: "COMPRESSED", compressedMessage: null, parsedMessage: null };
    this.#call.readQueue.push(entry);
    this.#opening = this.#opening
      .then(() => this.#open(message, entry))
      .catch((reason) => this.#fail(reason));
  }

  async #open({ bytes, isCompressed, memory }: Arriving, entry: Entry): Promise<void> {
    if (this.#isOver) return;
    const { most, recordingFields, setting } = this.#options;
    const { handler, incomingEncoding } = this.#call;
    let content = bytes;
    if (isCompressed && incomingEncoding !== "identity") {
      content = await inflate(bytes, incomingEncoding, most, setting, memory);
      memory.shrink(bytes.length);
    }
    if (this.#isOver) return;
    if (recordingFields) requireSmallRest(content, recordingFields);
    const message = parse(handler, content);
    const letGo = (): void => {
      memory.release();
      this.#held--;
      void this.#advance();
    };
    readMessages.set(message, { memory, letGo });
    entry.parsedMessage = message;
    entry.type = "READABLE";
    this.#call.maybePushNextMessage();
  }

  /** The client has sent everything, and all of it was looked at. */
  #onEnd(): void {
    if (this.#isOver || this.#isComplete) return;
    this.#isComplete = true;
    if (this.#headFilled === 0) {
      this.#end();
      return;
    }
    // A connection that breaks looks for a moment as if it had ended.
    setImmediate(() => this.#fail(new MalformedMessage("The request ended within a message")));
  }

  #awaitData(): void {
    this.#call.stream.resume();
    const { idleTimeout } = this.#options;
    if (this.#timer || !Number.isFinite(idleTimeout)) return;
    const message = `No data arrived for ${variableOf("idleTimeout")} (${idleTimeout} s)`;
    this.#timer = setTimeout(
      () => this.#fail(new TranscriptionError("DEADLINE_EXCEEDED", message)),
      idleTimeout * 1000,
    );
  }

  #unwatch(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #fail(reason: unknown): void {
    if (this.#isOver || this.#call.checkCancelled()) return;
    this.stop();
    const isOurs = reason instanceof UnreadableMessage || !(reason instanceof TranscriptionError);
    const { code, message } = TranscriptionError.from(reason);
    const isTimeout = code === "DEADLINE_EXCEEDED";
    this.#options.onFailure(isOurs || isTimeout ? (reason as Error) : new UnreadableMessage(code, message));
  }

  /** Nothing more is wanted of the client: what still comes is thrown away. */
  stop(): void {
    this.#isOver = true;
    this.#unwatch();
    this.#arriving?.memory.release();
    this.#arriving = undefined;
    this.#pending.length = 0;
  }
}

function parse(handler: Internals["handler"], content: Buffer): object {
  try {
    return handler.deserialize(content);
  } catch (error) {
    throw new MalformedMessage(`Cannot parse a message: ${(error as Error).message}`);
  }
}
