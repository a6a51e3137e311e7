import {
  type CallOptions,
  Client,
  type ClientOptions,
  credentials,
  Metadata,
  type MethodDefinition,
} from "@grpc/grpc-js";
import { loadDefinitions, serviceIn, V1_SERVICE, V2_SERVICE } from "../../src/doors/grpc/definitions.js";

/** The ways to send a recording. */
export const WAYS = ["v1 unary", "v1 stream", "v2 unary", "v2 upload", "v2 events"] as const;
export type Way = (typeof WAYS)[number];

/** How a call ended. */
export interface Ended {
  /** gRPC status. */
  status: number;
  /** Undefined unless the recording was transcribed. */
  text?: string;
  /** What was said of a failure. */
  message?: string;
}

export interface RunningCall {
  /** Never rejects. */
  ended: Promise<Ended>;
  cancel(): void;
}

/** How a recording is sent. */
export interface SendOptions {
  /** Milliseconds from now. */
  deadline?: number;
  /** Bytes per message of a stream. Default 32 KiB. */
  chunk?: number;
  /** Milliseconds between messages of a stream. Default 0. */
  pause?: number;
  /** Do not end a stream: its client falls silent. */
  silent?: boolean;
  /** Options of contract v2. */
  options?: object;
}

const DEFINITIONS = loadDefinitions();
const V1 = serviceIn(DEFINITIONS, V1_SERVICE);
const V2 = serviceIn(DEFINITIONS, V2_SERVICE);
const METHODS: Record<Way, unknown> = {
  "v1 unary": V1.TranscribeAudio,
  "v1 stream": V1.TranscribeAudioStream,
  "v2 unary": V2.Transcribe,
  "v2 upload": V2.TranscribeUpload,
  "v2 events": V2.TranscribeUploadEvents,
};

interface Answer {
  success?: boolean;
  error_message?: string;
  transcript?: string;
  text?: string;
  result?: { text: string };
}
type Method = MethodDefinition<object, Answer>;
type Settle = (error: { code: number; details: string } | null, answer?: Answer) => void;

/** A client with a connection of its own. */
export class Caller {
  readonly #client: Client;

  /** @param target port on this machine, or a target of gRPC */
  constructor(target: number | string, options: ClientOptions = {}) {
    const address = typeof target === "number" ? `localhost:${target}` : target;
    this.#client = new Client(address, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
      // A connection that was cut is made again at once.
      "grpc.initial_reconnect_backoff_ms": 50,
      "grpc.max_reconnect_backoff_ms": 200,
      ...options,
    });
  }

  send(way: Way, bytes: Buffer, send: SendOptions = {}): RunningCall {
    let settle!: Settle;
    const ended = new Promise<Ended>((resolve) => {
      settle = (error, answer) =>
        resolve(error ? { status: error.code, message: error.details } : read(answer));
    });
    const call = this.#start(way, bytes, send, settle);
    return { ended, cancel: () => call.cancel() };
  }

  close(): void {
    this.#client.close();
  }

  #start(way: Way, bytes: Buffer, send: SendOptions, settle: Settle): { cancel(): void } {
    const { path, requestSerialize, responseDeserialize } = METHODS[way] as Method;
    const options: CallOptions = send.deadline === undefined ? {} : { deadline: Date.now() + send.deadline };
    const config = { filename: "call.wav", options: send.options ?? {} };
    if (way === "v1 unary" || way === "v2 unary") {
      const request =
        way === "v1 unary" ? { audio_data: bytes, filename: "call.wav" } : { audio: bytes, config };
      return this.#client.makeUnaryRequest<object, Answer>(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        new Metadata(),
        options,
        settle,
      );
    }
    const stream =
      way === "v2 events"
        ? this.#client.makeBidiStreamRequest<object, Answer>(
            path,
            requestSerialize,
            responseDeserialize,
            new Metadata(),
            options,
          )
        : this.#client.makeClientStreamRequest<object, Answer>(
            path,
            requestSerialize,
            responseDeserialize,
            new Metadata(),
            options,
            settle,
          );
    if (way === "v2 events") {
      let last: Answer | undefined;
      stream.on("data", (event: Answer) => {
        last = event;
      });
      stream.on("end", () => settle(null, last));
      stream.on("error", settle);
    } else {
      stream.on("error", () => {});
    }
    void upload(stream, way, bytes, config, send);
    return stream;
  }
}

interface Sink {
  write(message: object): boolean;
  end(): void;
  once(event: string, listener: () => void): unknown;
  destroyed: boolean;
  writable: boolean;
}

async function upload(
  stream: Sink,
  way: Way,
  bytes: Buffer,
  config: { filename: string },
  { chunk = 32 * 1024, pause = 0, silent = false }: SendOptions,
): Promise<void> {
  let isOver = false;
  stream.once("close", () => {
    isOver = true;
  });
  if (way !== "v1 stream") stream.write({ config });
  for (let at = 0; at < bytes.length && !isOver && stream.writable; at += chunk) {
    const data = bytes.subarray(at, at + chunk);
    const message =
      way === "v1 stream" ? { chunk_data: data, filename: at === 0 ? config.filename : "" } : { data };
    stream.write(message);
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
  }
  if (!silent && !isOver) stream.end();
}

function read(answer: Answer | undefined): Ended {
  if (answer?.success === false) return { status: 0, message: answer.error_message ?? "" };
  return { status: 0, text: answer?.transcript ?? answer?.text ?? answer?.result?.text ?? "" };
}
