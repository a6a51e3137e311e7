import type { FileHandle } from "node:fs/promises";
import type { Readable } from "node:stream";

/** What is known of an object without reading it. */
export interface StoredObject {
  key: string;
  bytes: number;
  modifiedAt: Date;
}

/** The same, with what it was put there with. */
export interface ObjectFacts extends StoredObject {
  /** Media type. */
  type: string;
  /** By names in lower case; ASCII. */
  metadata: Readonly<Record<string, string>>;
}

export interface NewObject {
  /** Of the bytes, in hexadecimal: what arrives otherwise is not kept. */
  sha256: string;
  bytes: number;
  type: string;
  metadata?: Readonly<Record<string, string>>;
}

/**
 * Objects by key, in a service that other machines use as well. One is there whole or not at all. Failures are
 * {@link ObjectStoreFailure}, or the reason of `signal`.
 */
export interface ObjectStore {
  /**
   * Puts it there in one piece, in place of what had the key; tries again by itself. Where `signal` fires before all of it is
   * sent, it is not there; after that it may be, without a failure.
   */
  put(key: string, body: Uint8Array | FileHandle, object: NewObject, signal?: AbortSignal): Promise<void>;
  /** @returns undefined where there is none */
  stat(key: string, signal?: AbortSignal): Promise<ObjectFacts | undefined>;
  /** All of it, or bytes `start` to `end`, both included. @returns undefined where there is none */
  read(
    key: string,
    range?: { start: number; end: number },
    signal?: AbortSignal,
  ): Promise<Readable | undefined>;
  /** Nothing happens where there is none. */
  delete(key: string): Promise<void>;
  /** All whose keys begin with `prefix`, in order. */
  list(prefix: string): AsyncIterable<StoredObject>;
  close(): void;
}

/** What an object store has not done. The message is ours: nothing in it was written by somebody else. */
export class ObjectStoreFailure extends Error {
  override readonly name = "ObjectStoreFailure";
}
