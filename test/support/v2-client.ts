import {
  type CallOptions,
  Client,
  type ClientDuplexStream,
  type ClientOptions,
  type ClientWritableStream,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
} from "@grpc/grpc-js";
import { onTestFinished } from "vitest";
import { loadDefinitions, serviceIn, V2_SERVICE } from "../../src/doors/grpc/definitions.js";
import { DETAILS_KEY, type StatusDetails } from "../../src/doors/grpc/status-details.js";
import type * as messages from "../../src/doors/grpc/v2/messages.js";
import { decodeStatus } from "./decode-status.js";

const SERVICE = serviceIn(loadDefinitions(), V2_SERVICE);

/** A message as a client writes it: everything may be left out. */
export type Message = Record<string, unknown>;

/** A message as a client gets it. */
export type Result = {
  [Field in keyof messages.TranscriptionResult]: NonNullable<messages.TranscriptionResult[Field]>;
};

export type ReceivedEvent = Omit<messages.TranscriptionEvent, "result"> & { result?: Result };

/** How a call failed. */
export interface Failed extends StatusDetails {
  code: number;
  message: string;
  /** Of all trailing metadata. */
  trailers: Metadata;
}

/** A call with events, under way. */
export interface RunningEvents {
  /** What has come so far. */
  seen: ReceivedEvent[];
  /** Resolves with them all. @throws ServiceError for any status but OK */
  ended: Promise<ReceivedEvent[]>;
  write(message: Message): void;
  end(): void;
  cancel(): void;
  stream: ClientDuplexStream<Message, ReceivedEvent>;
}

/** A client of contract v2 for tests; closed when the test has finished. */
export class V2Client {
  readonly client: Client;

  constructor(port: number, options: ClientOptions = {}) {
    this.client = new Client(`localhost:${port}`, credentials.createInsecure(), {
      "grpc.max_send_message_length": -1,
      "grpc.max_receive_message_length": -1,
      "grpc.use_local_subchannel_pool": 1,
      ...options,
    });
    onTestFinished(() => this.client.close());
  }

  transcribe(request: Message, metadata = new Metadata(), options: CallOptions = {}): Promise<Result> {
    return this.#unary("Transcribe", request, metadata, options);
  }

  serverInfo(): Promise<Message & { settings: Record<string, string> }> {
    return this.#unary("GetServerInfo", {}, new Metadata(), {});
  }

  models(): Promise<messages.ListModelsResponse> {
    return this.#unary("ListModels", {}, new Metadata(), {});
  }

  /** Sends all messages, or as many as the server takes before it answers. */
  async upload(messages: Iterable<Message>, options: CallOptions = {}): Promise<Result> {
    const { path, requestSerialize, responseDeserialize } = method<Result>("TranscribeUpload");
    let stream!: ClientWritableStream<Message>;
    let isAnswered = false;
    const response = new Promise<Result>((resolve, reject) => {
      stream = this.client.makeClientStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        new Metadata(),
        options,
        (error, value) => {
          isAnswered = true;
          if (error) reject(error);
          else resolve(value!);
        },
      );
    });
    const settled = response.then(
      () => {},
      () => {},
    );
    for (const message of messages) {
      if (isAnswered) break;
      await Promise.race([new Promise<void>((resolve) => stream.write(message, () => resolve())), settled]);
    }
    stream.end();
    return response;
  }

  events(options: CallOptions = {}): RunningEvents {
    const { path, requestSerialize, responseDeserialize } = method<ReceivedEvent>("TranscribeUploadEvents");
    const stream = this.client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      new Metadata(),
      options,
    );
    const seen: ReceivedEvent[] = [];
    stream.on("data", (event: ReceivedEvent) => seen.push(event));
    const ended = new Promise<ReceivedEvent[]>((resolve, reject) => {
      stream.on("end", () => resolve(seen));
      stream.on("error", reject);
    });
    ended.catch(() => {});
    return {
      seen,
      ended,
      stream,
      write: (message) => void stream.write(message),
      end: () => stream.end(),
      cancel: () => stream.cancel(),
    };
  }

  #unary<T>(name: string, request: Message, metadata: Metadata, options: CallOptions): Promise<T> {
    const { path, requestSerialize, responseDeserialize } = method<T>(name);
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        options,
        (error, value) => (error ? reject(error) : resolve(value!)),
      );
    });
  }
}

/** Messages of an upload: the configuration, then the bytes. */
export function* uploadOf(bytes: Uint8Array, config: Message = {}, size = 64 * 1024): Generator<Message> {
  yield { config };
  for (let i = 0; i < bytes.length; i += size) yield { data: bytes.subarray(i, i + size) };
}

/** How `call` fails. */
export async function failureOf(call: Promise<unknown>): Promise<Failed> {
  const error = await call.then(
    () => {
      throw new Error("The call succeeded");
    },
    (error: ServiceError) => error,
  );
  const [bytes] = error.metadata.get(DETAILS_KEY);
  if (!bytes) throw error;
  const details = decodeStatus(bytes as Buffer);
  return { ...details, code: error.code, message: error.details, trailers: error.metadata };
}

function method<T>(name: string): MethodDefinition<Message, T> {
  return SERVICE[name] as unknown as MethodDefinition<Message, T>;
}
