import { constants, type Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { invalidArgument, TranscriptionError } from "../errors.js";
import type { AudioInput, RawAudio } from "../types/audio.js";
import type { DecodeTask } from "./decode-task.js";
import { audioTooLarge, decodeFailed } from "./errors.js";
import { isPipe, openPipe } from "./pipe-bytes.js";

/** Bytes are handed on in pieces of this size where we choose it. */
export const PIECE_BYTES = 64 * 1024;

/** An encoded input as bytes, read once in order. */
export interface ByteSource {
  /** Bytes in all, where that is known. */
  readonly size: number | undefined;
  /** Present when the input is a file that can be read at any position. */
  readonly file?: FileHandle;
  /** Has `next` begin at the first byte again; absent where bytes come once. */
  restart?(): void;
  /** The next bytes, or undefined at the end. The array is never changed afterwards. */
  next(): Promise<Uint8Array | undefined>;
}

export type EncodedInput = Exclude<AudioInput, RawAudio>;

/** What messages call the input. */
export function inputName(input: AudioInput): string {
  if (typeof input === "string") return JSON.stringify(input);
  if (input instanceof URL) return JSON.stringify(input.href);
  if (input instanceof Uint8Array || input instanceof ArrayBuffer) return "the given bytes";
  if (input instanceof Blob)
    return "name" in input && input.name ? JSON.stringify(input.name) : "the given blob";
  if (isResponse(input)) return "the given response";
  if (isFileHandle(input)) return "the given file";
  if (isAsyncIterable(input)) return "the given stream";
  return "the given samples";
}

/**
 * Opens the input and enforces `limits.maxBytes`: at once where the size is known, else while bytes arrive.
 * @throws TranscriptionError INVALID_ARGUMENT, AUDIO_TOO_LARGE
 */
export async function openByteSource(input: EncodedInput, task: DecodeTask): Promise<ByteSource> {
  if (typeof input === "string" || input instanceof URL) return openFile(input, task);
  if (input instanceof Uint8Array) return bytesSource(input, task);
  if (input instanceof ArrayBuffer) return bytesSource(new Uint8Array(input), task);
  if (input instanceof Blob) {
    if (input.size > task.limits.maxBytes) throw audioTooLarge(task.name, task.limits.maxBytes, input.size);
    return streamSource(input.stream(), task);
  }
  if (isResponse(input)) return streamSource(bodyOf(input), task);
  if (isFileHandle(input)) {
    requireRegularFile(await task.wait(input.stat()), task);
    return fileSource(input, task);
  }
  if (isAsyncIterable(input)) return streamSource(input, task);
  throw invalidArgument(
    "input",
    "a path, a file: URL, an open file, bytes, a Blob, a stream of bytes, a Response or decoded samples",
    input,
  );
}

/**
 * Told by its name, as any implementation of fetch has it. Naming Node.js's own class would load its HTTP client, with
 * WebAssembly that takes memory, for recordings that come from anywhere else.
 */
function isResponse(input: unknown): input is Response {
  return Object.prototype.toString.call(input) === "[object Response]";
}

function isFileHandle(input: unknown): input is FileHandle {
  return typeof input === "object" && input !== null && "fd" in input && "stat" in input;
}

/** Bytes of a response that has some. @throws TranscriptionError INVALID_ARGUMENT for one that says it failed, or was read */
function bodyOf({ body, bodyUsed, ok, status }: Response): AsyncIterable<unknown> {
  const problem = !ok ? `its status is ${status}` : bodyUsed ? "its body was read already" : undefined;
  if (problem !== undefined || body === null) {
    const message = `Cannot read the given response: ${problem ?? "it has no body"}`;
    throw new TranscriptionError("INVALID_ARGUMENT", message, { option: "input" });
  }
  return body;
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

async function openFile(input: string | URL, task: DecodeTask): Promise<ByteSource> {
  const path = localPath(input);
  const stats = await task.wait(readable(task, () => stat(path)));
  if (isPipe(path, stats)) {
    const opening = openPipe(path, stats).then((stream) => {
      // Before anyone waits for it: the request may have ended meanwhile.
      task.onEnd(() => void stream.destroy());
      return stream;
    });
    return streamSource(await task.wait(readable(task, () => opening)), task);
  }
  return fileSource(await task.wait(openRegularFile(path, stats, task)), task);
}

/** A regular file from its start. */
async function fileSource(file: FileHandle, task: DecodeTask): Promise<ByteSource> {
  const { size } = await task.wait(file.stat());
  if (size > task.limits.maxBytes) throw audioTooLarge(task.name, task.limits.maxBytes, size);
  let position = 0;
  return {
    size,
    file,
    restart() {
      position = 0;
    },
    async next() {
      const { buffer, bytesRead } = await file.read(
        Buffer.allocUnsafe(PIECE_BYTES),
        0,
        PIECE_BYTES,
        position,
      );
      position += bytesRead;
      return bytesRead === 0 ? undefined : buffer.subarray(0, bytesRead);
    },
  };
}

function localPath(input: string | URL): string {
  if (typeof input === "string") {
    if (input === "" || input.includes("\0")) throw invalidArgument("input", "the path of a file", input);
    return resolve(input);
  }
  try {
    return fileURLToPath(input);
  } catch (cause) {
    throw new TranscriptionError(
      "INVALID_ARGUMENT",
      `Expected a file: URL for input but received ${JSON.stringify(input.href)}; pass anything else as a stream`,
      { cause, option: "input" },
    );
  }
}

/** Opened only after a look at what it is: opening some devices has effects. */
async function openRegularFile(path: string, stats: Stats, task: DecodeTask): Promise<FileHandle> {
  requireRegularFile(stats, task);
  // O_NONBLOCK, because opening a pipe that has come in the file's place would wait.
  const file = await readable(task, () => task.owning(open(path, constants.O_RDONLY | constants.O_NONBLOCK)));
  requireRegularFile(await file.stat(), task);
  return file;
}

/** @throws TranscriptionError FILE_NOT_FOUND, INVALID_ARGUMENT in place of a system error */
async function readable<T>(task: DecodeTask, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? "there is no such file" : (cause as Error).message;
    const missing = code === "ENOENT" || code === "ENOTDIR";
    throw new TranscriptionError(
      missing ? "FILE_NOT_FOUND" : "INVALID_ARGUMENT",
      `Cannot read ${task.name}: ${reason}`,
      { cause, option: "input" },
    );
  }
}

function requireRegularFile(stats: Stats, task: DecodeTask): void {
  if (stats.isFile()) return;
  const kind = stats.isDirectory() ? "a directory" : "a socket or device; pass it as a stream";
  throw new TranscriptionError(
    "INVALID_ARGUMENT",
    `Cannot read ${task.name}: expected a file, but it is ${kind}`,
    { option: "input" },
  );
}

function bytesSource(bytes: Uint8Array, task: DecodeTask): ByteSource {
  if (bytes.byteLength > task.limits.maxBytes) {
    throw audioTooLarge(task.name, task.limits.maxBytes, bytes.byteLength);
  }
  let position = 0;
  return {
    size: bytes.byteLength,
    restart() {
      position = 0;
    },
    async next() {
      if (position >= bytes.byteLength) return undefined;
      // Nothing else in this pipeline needs the event loop, so without a turn here it would never get one.
      await nextTurn();
      position += PIECE_BYTES;
      return bytes.subarray(position - PIECE_BYTES, position);
    },
  };
}

function streamSource(stream: AsyncIterable<unknown>, task: DecodeTask): ByteSource {
  const iterator = stream[Symbol.asyncIterator]();
  // `return()` of a generator queues behind its pending `next()`, which may never settle: destroy streams, await nothing.
  task.onEnd(() => {
    if (stream instanceof Readable) stream.destroy();
    iterator.return?.().catch(() => {});
  });
  let received = 0;
  return {
    size: undefined,
    async next() {
      const chunk = await nextChunk(iterator, task);
      if (chunk === undefined) return undefined;
      received += chunk.byteLength;
      if (received > task.limits.maxBytes) throw audioTooLarge(task.name, task.limits.maxBytes);
      return chunk;
    },
  };
}

async function nextChunk(
  iterator: AsyncIterator<unknown>,
  task: DecodeTask,
): Promise<Uint8Array | undefined> {
  let result: IteratorResult<unknown>;
  try {
    result = await iterator.next();
  } catch (cause) {
    if (cause instanceof TranscriptionError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw decodeFailed(task.name, `reading it failed: ${reason}`, cause);
  }
  if (result.done) return undefined;
  if (result.value instanceof Uint8Array) return result.value;
  throw invalidArgument("input", "a stream of Uint8Array chunks", result.value);
}
