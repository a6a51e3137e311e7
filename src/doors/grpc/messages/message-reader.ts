import type { ServerHttp2Stream } from "node:http2";
import type { ServerInterceptingCallInterface } from "@grpc/grpc-js";
import { TranscriptionError } from "../../../index.js";
import type { ByteBudget, Reservation } from "../../../service/call/byte-budget.js";
import type { Holder } from "../../../service/call/holdings.js";
import { variableOf } from "../../../service/settings.js";
import { inflate } from "./inflate.js";
import { allocate, MalformedMessage, messageTooLarge, UnreadableMessage } from "./unreadable.js";

/** What of grpc-js' call is used although it is not part of its interface: the package's version is pinned. */
interface Internals {
  stream: ServerHttp2Stream;
  handler: { deserialize(bytes: Buffer): object };
  incomingEncoding: string;
  readQueue: Entry[];
  isReadPending: boolean;
  checkCancelled(): boolean;
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
  /** Seconds between two pieces of a message. */
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

const memoryOf = new WeakMap<object, Reservation>();

/** Whoever got `message` has done with its bytes, and keeps no view of them. */
export function letGo(message: object): void {
  memoryOf.get(message)?.release();
  memoryOf.delete(message);
}

/**
 * Reads the messages of a call in place of grpc-js, which holds each up to three times, inflates whatever it is sent, up
 * to the limit, for as many calls as there are, and answers what it cannot read behind everybody's back. Here the memory
 * of a message is taken from the budget when its length is known, and before it is inflated; a call waits unread while
 * there is none.
 */
export class MessageReader {
  readonly #call: Internals;
  readonly #options: ReaderOptions;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headFilled = 0;
  #arriving: Arriving | undefined;
  /** What came while memory was waited for. */
  readonly #pending: Buffer[] = [];
  #isReading = false;
  #hasEnded = false;
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;
  /** Messages are opened one after the other. */
  #opening: Promise<void> = Promise.resolve();
  readonly #end: () => void;

  /** @param call nothing of it has been read yet */
  constructor(call: ServerInterceptingCallInterface, options: ReaderOptions) {
    this.#call = call as unknown as Internals;
    this.#options = options;
    const { handleDataFrame, handleEndEvent, stream } = this.#call;
    if (!handleDataFrame || !handleEndEvent || !stream) {
      throw new TranscriptionError(
        "INTERNAL",
        "This version of @grpc/grpc-js is not the one that was built for",
      );
    }
    this.#end = handleEndEvent.bind(this.#call);
    this.#call.handleDataFrame = (data) => this.#onData(data);
    this.#call.handleEndEvent = () => {
      this.#hasEnded = true;
      if (!this.#isReading) this.#onEnd();
    };
    stream.once("close", () => this.#stop());
  }

  #onData(data: Buffer): void {
    if (this.#isOver || this.#call.checkCancelled()) {
      this.#stop();
      return;
    }
    this.#pending.push(data);
    if (this.#isReading) this.#call.stream.pause();
    else void this.#read();
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    let hasWaited = false;
    try {
      for (let data = this.#pending.shift(); data && !this.#isOver; data = this.#pending.shift()) {
        for (let at = 0; at < data.length; ) {
          const piece = data.subarray(at);
          if (this.#arriving) at += this.#fill(this.#arriving, piece);
          else at += this.#fillHead(piece);
          if (this.#headFilled === HEAD_BYTES && !this.#arriving) {
            this.#call.stream.pause();
            hasWaited = true;
            this.#arriving = await this.#begin();
            if (this.#isOver) return;
          }
          if (this.#arriving && this.#arriving.filled === this.#arriving.bytes.length)
            this.#complete(this.#arriving);
        }
      }
    } catch (reason) {
      this.#fail(reason);
    } finally {
      this.#isReading = false;
    }
    if (this.#isOver) return;
    if (this.#hasEnded) return this.#onEnd();
    this.#watch();
    const { isReadPending, readQueue, stream } = this.#call;
    // Nobody else knows that it was paused for memory.
    if (hasWaited && isReadPending && readQueue.length === 0) stream.resume();
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
    this.#call.stream.pause();
    const entry: Entry = { type: "COMPRESSED", compressedMessage: null, parsedMessage: null };
    this.#call.readQueue.push(entry);
    this.#opening = this.#opening
      .then(() => this.#open(message, entry))
      .catch((reason) => this.#fail(reason));
  }

  async #open({ bytes, isCompressed, memory }: Arriving, entry: Entry): Promise<void> {
    if (this.#isOver) return;
    const { most, setting } = this.#options;
    const { handler, incomingEncoding } = this.#call;
    let content = bytes;
    if (isCompressed && incomingEncoding !== "identity") {
      content = await inflate(bytes, incomingEncoding, most, setting, memory);
      memory.shrink(bytes.length);
    }
    if (this.#isOver) return;
    const message = parse(handler, content);
    memoryOf.set(message, memory);
    entry.parsedMessage = message;
    entry.type = "READABLE";
    this.#call.maybePushNextMessage();
  }

  #onEnd(): void {
    if (this.#isOver) return;
    clearTimeout(this.#timer);
    if (this.#headFilled === 0) {
      this.#end();
      return;
    }
    // A connection that breaks looks for a moment as if it had ended.
    setImmediate(() => {
      if (!this.#call.checkCancelled())
        this.#fail(new MalformedMessage("The request ended within a message"));
    });
  }

  /** A message that has begun has to go on. */
  #watch(): void {
    clearTimeout(this.#timer);
    const { idleTimeout } = this.#options;
    if (this.#headFilled === 0 || !Number.isFinite(idleTimeout)) return;
    const message = `No data arrived for ${variableOf("idleTimeout")} (${idleTimeout} s)`;
    this.#timer = setTimeout(
      () => this.#fail(new TranscriptionError("DEADLINE_EXCEEDED", message)),
      idleTimeout * 1000,
    );
  }

  #fail(reason: unknown): void {
    if (this.#isOver || this.#call.checkCancelled()) return;
    this.#stop();
    const isOurs = reason instanceof UnreadableMessage || !(reason instanceof TranscriptionError);
    const { code, message } = TranscriptionError.from(reason);
    const isTimeout = code === "DEADLINE_EXCEEDED";
    this.#options.onFailure(isOurs || isTimeout ? (reason as Error) : new UnreadableMessage(code, message));
  }

  #stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
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
