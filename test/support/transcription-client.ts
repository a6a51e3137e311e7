import {
  type CallOptions,
  type ChannelCredentials,
  Client,
  type ClientOptions,
  type ClientWritableStream,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { onTestFinished } from "vitest";
import { loadDefinitions, serviceIn, V1_SERVICE } from "../../src/doors/grpc/definitions.js";
import type { AudioChunk, AudioRequest, TranscriptionResponse } from "../../src/doors/grpc/v1/messages.js";

const { TranscribeAudio, TranscribeAudioStream } = serviceIn(loadDefinitions(), V1_SERVICE);

export type Chunk = Partial<AudioChunk>;

/** A call in progress: its end, and a way to end it early. */
export interface Running {
  /** @throws ServiceError for any status but OK */
  response: Promise<TranscriptionResponse>;
  cancel(): void;
}

export interface OpenStream extends Running {
  /** Resolves when the chunk is on its way. */
  write(chunk: Chunk): Promise<void>;
  end(): void;
}

/** A client of contract v1 for tests; closed when the test has finished. */
export class TranscriptionClient {
  readonly client: Client;
  readonly metadata = new Metadata();

  constructor(
    port: number,
    options: ClientOptions = {},
    channelCredentials: ChannelCredentials = credentials.createInsecure(),
  ) {
    const unlimited = { "grpc.max_send_message_length": -1, "grpc.max_receive_message_length": -1 };
    this.client = new Client(`localhost:${port}`, channelCredentials, {
      ...unlimited,
      // Calls of other tests in this process must not share the connection.
      "grpc.use_local_subchannel_pool": 1,
      ...options,
    });
    onTestFinished(() => this.client.close());
  }

  startUnary(request: Partial<AudioRequest>, options: CallOptions = {}): Running {
    let cancel = () => {};
    const response = settled((callback) => {
      const { path, requestSerialize, responseDeserialize } = TranscribeAudio!;
      const call = this.client.makeUnaryRequest<Partial<AudioRequest>, TranscriptionResponse>(
        path,
        requestSerialize,
        responseDeserialize as (bytes: Buffer) => TranscriptionResponse,
        request,
        this.metadata,
        options,
        callback,
      );
      cancel = () => call.cancel();
    });
    return { response, cancel: () => cancel() };
  }

  unary(request: Partial<AudioRequest>, options?: CallOptions): Promise<TranscriptionResponse> {
    return this.startUnary(request, options).response;
  }

  openStream(options: CallOptions = {}): OpenStream {
    let call!: ClientWritableStream<Chunk>;
    const response = settled((callback) => {
      const { path, requestSerialize, responseDeserialize } = TranscribeAudioStream!;
      call = this.client.makeClientStreamRequest<Chunk, TranscriptionResponse>(
        path,
        requestSerialize,
        responseDeserialize as (bytes: Buffer) => TranscriptionResponse,
        this.metadata,
        options,
        callback,
      );
    });
    return {
      response,
      cancel: () => call.cancel(),
      write: (chunk) => new Promise((resolve) => call.write(chunk, () => resolve())),
      end: () => call.end(),
    };
  }

  /** Sends all chunks, or as many as the server takes before it answers. */
  async stream(chunks: Iterable<Chunk>, options?: CallOptions): Promise<TranscriptionResponse> {
    const { response, write, end } = this.openStream(options);
    let answered = false;
    const note = () => {
      answered = true;
    };
    const noted = response.then(note, note);
    for (const chunk of chunks) {
      await Promise.race([write(chunk), noted]);
      if (answered) return response;
    }
    end();
    return response;
  }
}

/** A recording cut into chunks, its name in the first. */
export function* chunked(
  bytes: Uint8Array,
  filename: string,
  size = 64 * 1024,
  format = "",
): Generator<Chunk> {
  for (let i = 0; i === 0 || i < bytes.length; i += size) {
    const chunk_data = Buffer.from(bytes.buffer, bytes.byteOffset + i, Math.min(size, bytes.length - i));
    yield i === 0 ? { chunk_data, filename, format } : { chunk_data };
  }
}

/** The status that a call ends with; 0 when it is answered. */
export function statusOf(call: Promise<unknown>): Promise<number> {
  return call.then(
    () => 0,
    (error: ServiceError) => error.code,
  );
}

function settled(
  start: (callback: (error: ServiceError | null, value?: TranscriptionResponse) => void) => void,
): Promise<TranscriptionResponse> {
  const response = new Promise<TranscriptionResponse>((resolve, reject) => {
    start((error, value) => (error ? reject(error) : resolve(value!)));
  });
  // Some tests look at it only after it has failed.
  response.catch(() => {});
  return response;
}
