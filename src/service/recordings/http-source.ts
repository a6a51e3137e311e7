import { pipeline, Readable, Transform } from "node:stream";
import { Agent, type Dispatcher, request } from "undici";
import { TranscriptionError } from "../../index.js";
import { UNKNOWN_TYPE } from "./media-types.js";
import {
  type ByteRange,
  isRecordingId,
  type OpenRecording,
  type RecordingSource,
  type StoredRecording,
  storeFailure,
} from "./store.js";
import { PLACE } from "./store-address.js";

/** Milliseconds to reach the other system. */
const CONNECT_TIMEOUT = 10_000;
const MAX_HEADER_BYTES = 16 * 1024;
/** Of which it can be told what they are without running anything. */
const MEDIA_TYPE = /^(audio|video)\/[\w.+-]{1,100}$/;
/** That there is no such recording. */
const MISSING = [404, 410];
/** That the other system does not answer HEAD. */
const NO_HEAD = [405, 501];

export interface HttpSourceOptions {
  /** Value of the `authorization` header; undefined: none. */
  authorization: string | undefined;
  /** Seconds without an answer, or a part of one; `Infinity`: for ever. */
  idleTimeout: number;
}

/**
 * Recordings of another system, read from an address that the operator has named, with the id in its place: so the address
 * may be one that only this machine reaches, and whatever the other system answers, nothing else is asked. No redirect is
 * followed, no proxy of the environment used, and nothing that the other system writes is told to anybody but its bytes.
 */
export class HttpSource implements RecordingSource {
  readonly #template: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #agent: Agent;

  /** @param template address with `{id}` in it */
  constructor(template: string, { authorization, idleTimeout }: HttpSourceOptions) {
    this.#template = template;
    // A length and ranges are those of the recording itself.
    this.#headers = { "accept-encoding": "identity", ...(authorization !== undefined && { authorization }) };
    const patience = Number.isFinite(idleTimeout) ? idleTimeout * 1000 : 0;
    this.#agent = new Agent({
      connect: { timeout: CONNECT_TIMEOUT },
      headersTimeout: patience,
      bodyTimeout: patience,
      maxHeaderSize: MAX_HEADER_BYTES,
    });
  }

  async stat(id: string, signal?: AbortSignal): Promise<StoredRecording | undefined> {
    if (!isRecordingId(id)) return undefined;
    let answer = await this.#ask("HEAD", id, undefined, signal);
    if (NO_HEAD.includes(answer.statusCode)) {
      discard(answer);
      answer = await this.#ask("GET", id, undefined, signal);
    }
    discard(answer);
    if (MISSING.includes(answer.statusCode)) return undefined;
    requireStatus(answer, 200);
    return recordingOf(id, answer);
  }

  async open(id: string, signal?: AbortSignal): Promise<OpenRecording | undefined> {
    const recording = await this.stat(id, signal);
    if (!recording) return undefined;
    return {
      recording,
      file: undefined,
      read: (range, reading) => this.#read(id, range, reading),
      close: async () => {},
    };
  }

  close(): void {
    void this.#agent.destroy();
  }

  async #read(id: string, range: ByteRange | undefined, signal?: AbortSignal): Promise<Readable> {
    const answer = await this.#ask("GET", id, range, signal);
    try {
      // Another system need not know ranges.
      const isPart = range !== undefined && answer.statusCode === 206;
      if (!isPart) requireStatus(answer, 200);
      else if (!String(answer.headers["content-range"]).startsWith(`bytes ${range.start}-${range.end}/`))
        throw storeFailure("it answers with another range than it was asked for");
      requirePlain(answer);
      return told(range && !isPart ? cutOut(answer.body, range) : answer.body, answer.body);
    } catch (error) {
      discard(answer);
      throw error;
    }
  }

  async #ask(
    method: "GET" | "HEAD",
    id: string,
    range: ByteRange | undefined,
    signal?: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    try {
      return await request(this.#template.replaceAll(PLACE, id), {
        dispatcher: this.#agent,
        method,
        headers: { ...this.#headers, ...(range && { range: `bytes=${range.start}-${range.end}` }) },
        ...(signal && { signal }),
      });
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      throw failureOf(cause);
    }
  }
}

/** @throws TranscriptionError STORAGE_FAILED */
function requireStatus({ statusCode }: Dispatcher.ResponseData, expected: number): void {
  if (statusCode !== expected) throw storeFailure(`it answers with HTTP status ${statusCode}`);
}

/** @throws TranscriptionError STORAGE_FAILED */
function requirePlain({ headers }: Dispatcher.ResponseData): void {
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity")
    throw storeFailure("it answers with a content-encoding that it was not asked for");
}

function recordingOf(id: string, { headers }: Dispatcher.ResponseData): StoredRecording {
  const type = String(headers["content-type"] ?? "")
    .split(";", 1)[0]!
    .trim()
    .toLowerCase();
  const length = String(headers["content-length"] ?? "");
  const date = new Date(String(headers["last-modified"] ?? ""));
  return {
    id,
    filename: id,
    type: MEDIA_TYPE.test(type) ? type : UNKNOWN_TYPE,
    bytes: /^\d{1,15}$/.test(length) ? Number(length) : undefined,
    sha256: undefined,
    createdAt: Number.isNaN(date.getTime()) ? undefined : date,
  };
}

/** Ends a connection rather than read an answer that nobody wants. */
function discard({ body }: Dispatcher.ResponseData): void {
  body.on("error", () => {});
  body.destroy();
}

/** What lies in `range` of all that comes. */
function cutOut(whole: Readable, { end, start }: ByteRange): Readable {
  let position = 0;
  const part = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const from = position;
      position += chunk.length;
      const part = chunk.subarray(Math.max(0, start - from), Math.max(0, end + 1 - from));
      if (part.length > 0) this.push(part);
      if (position > end) this.push(null);
      done();
    },
  });
  // Who reads the part learns of a failure from it; what comes after the part is not waited for.
  return pipeline(whole, part, () => {});
}

/** `stream` with failures in our words, which ends `source` with it. */
function told(stream: Readable, source: Readable): Readable {
  return Readable.from(
    (async function* () {
      try {
        yield* stream;
      } catch (error) {
        throw failureOf(error);
      } finally {
        source.on("error", () => {});
        source.destroy();
      }
    })(),
    { objectMode: false },
  );
}

function failureOf(error: unknown): TranscriptionError {
  if (error instanceof TranscriptionError) return error;
  // Codes are Node's and undici's; what they say besides may quote the other system.
  const { code } = error as NodeJS.ErrnoException;
  const isCode = code !== undefined && /^[A-Z][A-Z0-9_]{0,60}$/.test(code);
  return storeFailure(isCode ? code : "it gives no answer that can be read", error);
}
