import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { TranscriptionError } from "../../index.js";
import { LONGEST_TIMER } from "../timers.js";
import {
  type NewObject,
  type ObjectFacts,
  type ObjectStore,
  ObjectStoreFailure,
  type StoredObject,
} from "./object-store.js";

const PACKAGE = "@aws-sdk/client-s3";
type Sdk = typeof import("@aws-sdk/client-s3");

/** Milliseconds to reach the service. */
const CONNECT_TIMEOUT = 10_000;
/** Connections at once: who hears a recording holds one for as long as it plays. */
const MOST_CONNECTIONS = 1000;
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };
/** Bytes that are read from a file at once. */
const PIECE = 64 * 1024;
/** Tries to put an object there, and milliseconds before the second, which double. */
const TRIES = 3;
const WAIT = 200;
/** Where an endpoint is not Amazon's, it seldom matters, and must be something. */
const ANY_REGION = "us-east-1";

export interface S3Options {
  bucket: string;
  /** undefined: as the SDK finds it, in `AWS_REGION` or a profile. */
  region: string | undefined;
  /** undefined: as the SDK finds it, in `AWS_ENDPOINT_URL_S3` or a profile, or else Amazon's. */
  endpoint: string | undefined;
  /**
   * Whether the bucket is named in paths rather than in the host's name; undefined: where `endpoint`, `AWS_ENDPOINT_URL_S3` or
   * `AWS_ENDPOINT_URL` is given. An endpoint of a profile is not seen here.
   */
  pathStyle: boolean | undefined;
  /** Seconds until an answer begins, or another piece of what is sent is taken; `Infinity`: for ever. */
  idleTimeout: number;
}

/**
 * Objects in a bucket of Amazon S3, or of what speaks its protocol. Credentials are the SDK's to find: variables, profiles,
 * roles of pods and machines. What a checksum is not asked for has none: other services keep those of streams as content.
 */
export class S3Objects implements ObjectStore {
  readonly #sdk: Sdk;
  readonly #client: InstanceType<Sdk["S3Client"]>;
  readonly #bucket: string;
  readonly #idleTimeout: number;

  private constructor(sdk: Sdk, { bucket, endpoint, idleTimeout, pathStyle, region }: S3Options) {
    this.#sdk = sdk;
    this.#bucket = bucket;
    const isElsewhere =
      (endpoint ?? process.env.AWS_ENDPOINT_URL_S3 ?? process.env.AWS_ENDPOINT_URL) !== undefined;
    this.#idleTimeout = idleTimeout;
    const agent = { keepAlive: true, maxSockets: MOST_CONNECTIONS };
    this.#client = new sdk.S3Client({
      ...(region !== undefined ? { region } : endpoint !== undefined && { region: ANY_REGION }),
      ...(endpoint !== undefined && { endpoint }),
      forcePathStyle: pathStyle ?? isElsewhere,
      // Failures are told by who asked.
      logger: SILENT,
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      requestHandler: {
        connectionTimeout: CONNECT_TIMEOUT,
        httpAgent: agent,
        httpsAgent: agent,
      },
    });
  }

  /**
   * @param setting that names the bucket, for messages
   * @param load gives the SDK, which is installed by those who need it
   * @throws TranscriptionError INVALID_ARGUMENT that names the package where it is missing, or says that there is no region
   */
  static async open(
    options: S3Options,
    setting: string,
    load: () => Promise<Sdk> = () => import("@aws-sdk/client-s3"),
  ): Promise<S3Objects> {
    const sdk = await load().catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== "ERR_MODULE_NOT_FOUND") throw cause;
      const message = `${setting} names a bucket of S3, which needs the package ${PACKAGE}: npm install ${PACKAGE}`;
      throw new TranscriptionError("INVALID_ARGUMENT", message, { cause, option: setting });
    });
    const objects = new S3Objects(sdk, options);
    try {
      // Looked up at the first request otherwise, and every one would fail.
      await objects.#client.config.region();
    } catch (cause) {
      objects.close();
      const message = `${setting} names a bucket of S3 without a region: add ?region=… or set AWS_REGION`;
      throw new TranscriptionError("INVALID_ARGUMENT", message, { cause, option: setting });
    }
    return objects;
  }

  async put(
    key: string,
    body: Uint8Array | FileHandle,
    object: NewObject,
    signal?: AbortSignal,
  ): Promise<void> {
    for (let tries = 1; ; tries++) {
      signal?.throwIfAborted();
      try {
        return await this.#putOnce(key, body, object, signal);
      } catch (error) {
        // The SDK itself does not send a stream twice.
        if (signal?.aborted || tries === TRIES || !mayPass(error)) throw error;
        await wait(WAIT * 2 ** (tries - 1), undefined, { signal }).catch(() => {});
      }
    }
  }

  async #putOnce(
    key: string,
    body: Uint8Array | FileHandle,
    { bytes, metadata, sha256, type }: NewObject,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const patience = new Patience(this.#idleTimeout);
    const sending = body instanceof Uint8Array ? undefined : new Sending(body, bytes, patience);
    const command = new this.#sdk.PutObjectCommand({
      Bucket: this.#bucket,
      Key: key,
      Body: body instanceof Uint8Array ? body : bytes === 0 ? new Uint8Array() : sending!.stream,
      ContentLength: bytes,
      ContentType: type,
      ...(metadata && { Metadata: { ...metadata } }),
    });
    // Signed, so that the service sees whether it is what arrives.
    command.middlewareStack.add(
      (next) => (args) => {
        (args.request as { headers: Record<string, string> }).headers["x-amz-content-sha256"] = sha256;
        return next(args);
      },
      { step: "build" },
    );
    // What has all been sent may be there already, whatever is heard of it.
    const onAbort = () => sending?.isSent === false && patience.lose();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await this.#client.send(command, { abortSignal: patience.signal });
    } catch (error) {
      throw failureOf(error, signal, patience);
    } finally {
      patience.end();
      signal?.removeEventListener("abort", onAbort);
      sending?.stream.destroy();
    }
  }

  async stat(key: string, signal?: AbortSignal): Promise<ObjectFacts | undefined> {
    const command = new this.#sdk.HeadObjectCommand({ Bucket: this.#bucket, Key: key });
    const found = await this.#ask((abortSignal) => this.#client.send(command, { abortSignal }), signal);
    if (!found) return undefined;
    const { ContentLength = 0, ContentType = "", LastModified = new Date(0), Metadata = {} } = found;
    return { key, bytes: ContentLength, type: ContentType, modifiedAt: LastModified, metadata: Metadata };
  }

  async read(
    key: string,
    range?: { start: number; end: number },
    signal?: AbortSignal,
  ): Promise<Readable | undefined> {
    const command = new this.#sdk.GetObjectCommand({
      Bucket: this.#bucket,
      Key: key,
      ...(range && { Range: `bytes=${range.start}-${range.end}` }),
    });
    const found = await this.#ask((abortSignal) => this.#client.send(command, { abortSignal }), signal);
    return found?.Body as Readable | undefined;
  }

  async delete(key: string): Promise<void> {
    const command = new this.#sdk.DeleteObjectCommand({ Bucket: this.#bucket, Key: key });
    await this.#ask((abortSignal) => this.#client.send(command, { abortSignal }));
  }

  async *list(prefix: string): AsyncGenerator<StoredObject, void> {
    let token: string | undefined;
    do {
      const command = new this.#sdk.ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: prefix,
        ...(token !== undefined && { ContinuationToken: token }),
      });
      const page = await this.#ask((abortSignal) => this.#client.send(command, { abortSignal }));
      for (const { Key = "", LastModified = new Date(0), Size = 0 } of page?.Contents ?? [])
        yield { key: Key, bytes: Size, modifiedAt: LastModified };
      token = page?.NextContinuationToken;
    } while (token !== undefined);
  }

  close(): void {
    this.#client.destroy();
  }

  /** @returns undefined where there is no such object. @throws ObjectStoreFailure; the reason of `signal` */
  async #ask<T>(send: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T | undefined> {
    const patience = new Patience(this.#idleTimeout);
    try {
      return await send(signal ? AbortSignal.any([signal, patience.signal]) : patience.signal);
    } catch (error) {
      const { name } = error as Error;
      // What is said of HEAD has no body, and so no name of its own.
      if (name === "NoSuchKey" || name === "NotFound") return undefined;
      throw failureOf(error, signal, patience);
    } finally {
      patience.end();
    }
  }
}

/** Ends a request with which nothing goes on for too long. */
class Patience {
  readonly seconds: number;
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  isLost = false;

  constructor(seconds: number) {
    this.seconds = seconds;
    this.renew();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** It goes on. */
  renew(): void {
    this.end();
    if (!Number.isFinite(this.seconds)) return;
    this.#timer = setTimeout(
      () => {
        this.isLost = true;
        this.lose();
      },
      Math.min(this.seconds * 1000, LONGEST_TIMER),
    );
  }

  /** Nobody wants it any more. */
  lose(): void {
    this.#controller.abort();
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

/** A file on its way, which stays open. */
class Sending {
  /** Whether all of it has been taken. */
  isSent = false;
  readonly stream: Readable;

  constructor(file: FileHandle, bytes: number, patience: Patience) {
    this.stream = Readable.from(this.#pieces(file, bytes, patience), { objectMode: false });
  }

  async *#pieces(file: FileHandle, bytes: number, patience: Patience): AsyncGenerator<Buffer, void> {
    for (let position = 0; position < bytes; ) {
      patience.renew();
      const length = Math.min(PIECE, bytes - position);
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, position);
      if (bytesRead === 0) throw new Error("The file is shorter than it was");
      position += bytesRead;
      this.isSent = position === bytes;
      yield buffer.subarray(0, bytesRead);
    }
  }
}

type SdkError = Error & { code?: string; $metadata?: { httpStatusCode?: number } };

/** Whether the same may succeed in a moment: what the service could not do, or did not get. */
function mayPass(error: unknown): boolean {
  const cause = (error as Error).cause as SdkError | undefined;
  const status = cause?.$metadata?.httpStatusCode;
  return status === undefined ? cause?.code !== undefined : status >= 500 || status === 429;
}

/** @returns the reason of `signal`, if it has fired */
function failureOf(error: unknown, signal: AbortSignal | undefined, { isLost, seconds }: Patience): unknown {
  if (signal?.aborted) return signal.reason;
  if (isLost) return new ObjectStoreFailure(`no answer for ${seconds} s`, { cause: error });
  const { $metadata, code, name } = error as SdkError;
  // Codes are words; anything else would be somebody else's text.
  const word = [code, name].find((each) => each !== undefined && /^[A-Za-z][A-Za-z0-9_.]{0,60}$/.test(each));
  const status = $metadata?.httpStatusCode;
  const message = `${word ?? "an error"}${status === undefined ? "" : `, HTTP status ${status}`}`;
  return new ObjectStoreFailure(message, { cause: error });
}
