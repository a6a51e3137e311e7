import type { FileHandle } from "node:fs/promises";
import {
  type ObjectFacts,
  type ObjectStore,
  ObjectStoreFailure,
  type StoredObject,
} from "../objects/object-store.js";
import { type Dated, idOfName, pageOf } from "./listing.js";
import { mediaTypeOf, RECORDING_ENDINGS, UNKNOWN_TYPE } from "./media-types.js";
import { hashOf } from "./pieces.js";
import { Room } from "./room.js";
import {
  isOurId,
  isRecordingId,
  newRecordingId,
  type OpenRecording,
  type RecordingPage,
  type RecordingQuery,
  type RecordingStore,
  type StoredRecording,
  storeFailure,
} from "./store.js";
import { sweepNowAndThen } from "./sweeping.js";

/**
 * Recordings as objects: `<prefix><id>` for those that came through this server, whose metadata say the rest, and that or
 * `<prefix><id>.wav` and so on for those that another system puts there. Servers that share a bucket keep one another's
 * limits as far as they see: each counts by itself, from time to time.
 */
export class S3Store implements RecordingStore {
  readonly #objects: ObjectStore;
  readonly #prefix: string;
  readonly #ttl: number;
  readonly #room: Room;
  /** Keys of ours that were deleted since the last sweep: the same may be deleted by several who found it before. */
  readonly #gone = new Set<string>();
  readonly #stopSweeping: () => void;

  /**
   * @param prefix of all keys @param maxBytes of all recordings that are kept @param ttl seconds that each is kept
   */
  constructor(objects: ObjectStore, prefix: string, maxBytes: number, ttl: number) {
    this.#objects = objects;
    this.#prefix = prefix;
    this.#ttl = ttl;
    this.#room = new Room(maxBytes, () => this.#count());
    this.#stopSweeping = sweepNowAndThen(() => this.sweep(), ttl);
  }

  async put(
    file: FileHandle,
    facts: { filename: string; type: string },
    signal?: AbortSignal,
  ): Promise<StoredRecording> {
    signal?.throwIfAborted();
    const { size: bytes } = await file.stat();
    return this.#room.fill(bytes, async (isKept) => {
      const sha256 = await hashOf(file, signal);
      const recording = { id: newRecordingId(), ...facts, bytes, sha256, createdAt: new Date() };
      const { id, filename, type, createdAt } = recording;
      const metadata = {
        ...(filename !== "" && { filename: encodeURIComponent(filename) }),
        sha256,
        "created-at": createdAt.toISOString(),
      };
      try {
        await this.#objects.put(this.#prefix + id, file, { bytes, sha256, type, metadata }, signal);
        // Nobody would learn its id.
        signal?.throwIfAborted();
      } catch (error) {
        // It may be there for all that is known here.
        await this.#objects.delete(this.#prefix + id).catch(() => {});
        throw asStoreFailure(error);
      }
      isKept();
      return recording;
    });
  }

  async stat(id: string, signal?: AbortSignal): Promise<StoredRecording | undefined> {
    return (await this.#find(id, signal))?.recording;
  }

  async open(id: string, signal?: AbortSignal): Promise<OpenRecording | undefined> {
    const found = await this.#find(id, signal);
    if (!found) return undefined;
    const { key, recording } = found;
    return {
      recording,
      file: undefined,
      read: async (range, reading) => {
        const body = await this.#attempt(this.#objects.read(key, range, reading));
        if (!body) throw storeFailure("the recording is gone");
        return body;
      },
      close: async () => {},
    };
  }

  async list(query: RecordingQuery): Promise<RecordingPage> {
    const all: Dated[] = [];
    try {
      for await (const { key, modifiedAt } of this.#objects.list(this.#prefix)) {
        const id = idOfName(key.slice(this.#prefix.length));
        if (id !== undefined) all.push({ id, at: modifiedAt.getTime() });
      }
    } catch (error) {
      throw asStoreFailure(error);
    }
    return pageOf(all, query, (id) => this.stat(id));
  }

  async delete(id: string): Promise<boolean> {
    const found = await this.#find(id);
    if (!found) return false;
    const { key, recording } = found;
    await this.#attempt(isOurId(id) ? this.#remove(key, recording.bytes) : this.#objects.delete(key));
    return true;
  }

  close(): void {
    this.#stopSweeping();
    this.#objects.close();
  }

  /** Deletes what came through a server like this one and has been kept long enough. */
  async sweep(now = Date.now()): Promise<void> {
    if (Number.isFinite(this.#ttl)) {
      for await (const { bytes, key, modifiedAt } of this.#ours()) {
        if (now - modifiedAt.getTime() <= this.#ttl * 1000) continue;
        await this.#remove(key, bytes).catch(() => {});
      }
    }
    this.#gone.clear();
    this.#room.forget();
  }

  /** Deletes one of ours, whose room is free once, however many delete it. @throws ObjectStoreFailure */
  async #remove(key: string, bytes: number): Promise<void> {
    await this.#objects.delete(key);
    if (this.#gone.has(key)) return;
    this.#gone.add(key);
    this.#room.free(bytes);
  }

  async *#ours(): AsyncGenerator<StoredObject, void> {
    for await (const object of this.#objects.list(`${this.#prefix}rec_`))
      if (isOurId(object.key.slice(this.#prefix.length))) yield object;
  }

  async #count(): Promise<number> {
    let sum = 0;
    try {
      for await (const { bytes } of this.#ours()) sum += bytes;
    } catch (error) {
      throw asStoreFailure(error);
    }
    return sum;
  }

  async #find(id: string, signal?: AbortSignal): Promise<Found | undefined> {
    if (!isRecordingId(id)) return undefined;
    const key = this.#prefix + id;
    const found = await this.#attempt(this.#objects.stat(key, signal));
    if (found) return { key, recording: recordingOf(id, found) };
    if (isOurId(id)) return undefined;
    return this.#attempt(this.#findWithEnding(id));
  }

  /** Whichever ending comes first in the list, as in a folder. */
  async #findWithEnding(id: string): Promise<Found | undefined> {
    const key = `${this.#prefix}${id}.`;
    const byEnding = new Map<string, StoredObject>();
    for await (const object of this.#objects.list(key)) byEnding.set(object.key.slice(key.length), object);
    const ending = RECORDING_ENDINGS.find((each) => byEnding.has(each));
    if (ending === undefined) return undefined;
    const { bytes, modifiedAt } = byEnding.get(ending)!;
    const filename = `${id}.${ending}`;
    const type = mediaTypeOf(filename);
    const recording = { id, filename, type, bytes, sha256: undefined, createdAt: modifiedAt };
    return { key: key + ending, recording };
  }

  /** @throws TranscriptionError STORAGE_FAILED; the reason of a signal as it is */
  async #attempt<T>(work: Promise<T>): Promise<T> {
    return work.catch((error: unknown) => {
      throw asStoreFailure(error);
    });
  }
}

interface Found {
  key: string;
  recording: StoredRecording & { bytes: number };
}

function asStoreFailure(error: unknown): unknown {
  return error instanceof ObjectStoreFailure ? storeFailure(error.message, error) : error;
}

function recordingOf(
  id: string,
  { bytes, metadata, modifiedAt, type }: ObjectFacts,
): StoredRecording & { bytes: number } {
  const { "created-at": created, filename, sha256 } = metadata;
  const createdAt = new Date(created ?? Number.NaN);
  return {
    id,
    filename: decoded(filename) ?? (isOurId(id) ? "" : id),
    type: /^[\w.+-]{1,100}\/[\w.+-]{1,100}$/.test(type) ? type : UNKNOWN_TYPE,
    bytes,
    sha256: isOurId(id) ? sha256 : undefined,
    createdAt: Number.isNaN(createdAt.getTime()) ? modifiedAt : createdAt,
  };
}

/** undefined for what nobody here has written. */
function decoded(text = ""): string | undefined {
  try {
    return text === "" ? undefined : decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
