import { createHash } from "node:crypto";
import { constants } from "node:fs";
import {
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { join, sep } from "node:path";
import { TranscriptionError } from "../../index.js";
import { type Dated, idOfName, pageOf } from "./listing.js";
import { mediaTypeOf, RECORDING_ENDINGS } from "./media-types.js";
import { piecesOf } from "./pieces.js";
import { Room } from "./room.js";
import {
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

/** Names in a recording's folder. */
const AUDIO = "audio";
const FACTS = "meta.json";
/** Folders that are being written or deleted: no id begins so. */
const UNFINISHED = ".unfinished-";
/** Names that are looked up at once. */
const AT_ONCE = 64;
/** Milliseconds after which what is unfinished never will be finished. */
const FORGOTTEN = 60 * 60 * 1000;

/**
 * Recordings in a folder: `<id>/audio` with `<id>/meta.json` for those that came through this server, `<id>.wav` and so on
 * for those that another system puts there. A recording is there whole or not at all, whenever the process ends.
 */
export class DirectoryStore implements RecordingStore {
  readonly #root: string;
  readonly #ttl: number;
  /** Setting that says where it is. */
  readonly #variable: string | undefined;
  readonly #room: Room;
  readonly #stopSweeping: () => void;

  /** @param maxBytes of all recordings that are kept @param ttl seconds that each is kept */
  constructor(root: string, maxBytes: number, ttl: number, variable?: string) {
    this.#root = root;
    this.#variable = variable;
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
    const { size } = await file.stat();
    return this.#room.fill(size, async (isKept) => {
      const id = newRecordingId();
      const unfinished = join(this.#root, UNFINISHED + id);
      try {
        return await this.#attempt(async () => {
          await mkdir(unfinished, { recursive: true, mode: 0o700 });
          const sha256 = await copy(file, join(unfinished, AUDIO), signal);
          const recording = { id, ...facts, bytes: size, sha256, createdAt: new Date() };
          await writeWhole(join(unfinished, FACTS), JSON.stringify(recording));
          // Nobody would learn its id.
          signal?.throwIfAborted();
          await rename(unfinished, join(this.#root, id));
          isKept();
          return recording;
        }, signal);
      } catch (error) {
        await rm(unfinished, { recursive: true, force: true }).catch(() => {});
        throw error;
      }
    });
  }

  async stat(id: string): Promise<StoredRecording | undefined> {
    return (await this.#find(id))?.recording;
  }

  async open(id: string): Promise<OpenRecording | undefined> {
    const found = await this.#find(id);
    if (!found) return undefined;
    return this.#attempt(async () => {
      const file = await open(found.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        // A link in its place, or in that of its folder, would lead elsewhere.
        const [opened, real, root] = [
          await file.stat(),
          await realpath(found.path),
          await realpath(this.#root),
        ];
        const { dev, ino } = await stat(real);
        if (opened.isFile() && real.startsWith(root + sep) && opened.dev === dev && opened.ino === ino)
          return openFile({ ...found.recording, bytes: opened.size }, file);
      } catch (error) {
        await file.close();
        throw error;
      }
      await file.close();
      return undefined;
    });
  }

  async list(query: RecordingQuery): Promise<RecordingPage> {
    const all = await this.#attempt(() => this.#dated());
    // One that cannot be read is left out: it hides no other.
    return pageOf(all, query, (id) => this.stat(id).catch(() => undefined));
  }

  async delete(id: string): Promise<boolean> {
    const found = await this.#find(id);
    if (!found) return false;
    return this.#attempt(async () => {
      // Somebody else may delete it meanwhile.
      if (!found.isOurs) return (await rm(found.path).then(() => true, missing)) ?? false;
      // Gone at once, however long its bytes take.
      const unfinished = join(this.#root, UNFINISHED + id);
      const isGone = await rename(join(this.#root, id), unfinished).then(() => true, missing);
      if (!isGone) return false;
      this.#room.free(found.recording.bytes);
      await rm(unfinished, { recursive: true, force: true });
      return true;
    });
  }

  close(): void {
    this.#stopSweeping();
  }

  /**
   * Deletes what came through this server and has been kept long enough, and what was never finished. What cannot be read
   * or deleted stays, and the rest does not suffer for it.
   */
  async sweep(now = Date.now()): Promise<void> {
    for (const name of await this.#names()) await this.#sweepOne(name, now).catch(() => {});
    this.#room.forget();
  }

  async #sweepOne(name: string, now: number): Promise<void> {
    if (name.startsWith(UNFINISHED)) {
      const path = join(this.#root, name);
      const { mtimeMs } = await lstat(path);
      if (now - mtimeMs > FORGOTTEN) await rm(path, { recursive: true, force: true });
      return;
    }
    // Where nothing expires, none of them need be read.
    if (!Number.isFinite(this.#ttl)) return;
    const found = await this.#find(name);
    if (found?.isOurs && now - found.recording.createdAt.getTime() > this.#ttl * 1000)
      await this.delete(name);
  }

  async #find(id: string): Promise<Found | undefined> {
    if (!isRecordingId(id)) return undefined;
    return this.#attempt(async () => {
      const recording = factsOf(
        id,
        (await readFile(join(this.#root, id, FACTS), "utf8").catch(missing)) ?? "",
      );
      if (recording) return { recording, path: join(this.#root, id, AUDIO), isOurs: true };
      for (const ending of RECORDING_ENDINGS) {
        const filename = `${id}.${ending}`;
        const path = join(this.#root, filename);
        const found = await lstat(path).catch(missing);
        if (!found?.isFile()) continue;
        const type = mediaTypeOf(filename);
        const recording = {
          id,
          filename,
          type,
          bytes: found.size,
          sha256: undefined,
          createdAt: found.mtime,
        };
        return { recording, path, isOurs: false };
      }
      return undefined;
    });
  }

  async #count(): Promise<number> {
    let bytes = 0;
    for (const name of await this.#attempt(() => this.#names())) {
      const found = await this.#find(name).catch(() => undefined);
      if (found?.isOurs) bytes += found.recording.bytes;
    }
    return bytes;
  }

  /** What may be recordings. */
  async #dated(): Promise<Dated[]> {
    const found: Dated[] = [];
    const names = await this.#names();
    for (let i = 0; i < names.length; i += AT_ONCE) {
      const some = names.slice(i, i + AT_ONCE).map(async (name): Promise<void> => {
        const id = idOfName(name);
        if (id === undefined) return;
        const facts = await lstat(join(this.#root, name)).catch(missing);
        if (facts) found.push({ id, at: facts.mtimeMs });
      });
      await Promise.all(some);
    }
    return found;
  }

  async #names(): Promise<string[]> {
    return (await readdir(this.#root).catch(missing)) ?? [];
  }

  /** @throws TranscriptionError STORAGE_FAILED; the reason of `signal` as it is */
  async #attempt<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof TranscriptionError || (signal?.aborted && cause === signal.reason)) throw cause;
      throw storeFailure((cause as Error).message, cause, this.#variable);
    }
  }
}

interface Found {
  recording: OnDisk;
  path: string;
  /** Whether it came through this server. */
  isOurs: boolean;
}

type OnDisk = StoredRecording & { bytes: number; createdAt: Date };

function openFile(recording: OnDisk, file: FileHandle): OpenRecording {
  let isClosed = false;
  return {
    recording,
    file,
    read: async (range, signal) => file.createReadStream({ start: 0, ...range, ...(signal && { signal }) }),
    close: async () => {
      if (isClosed) return;
      isClosed = true;
      await file.close();
    },
  };
}

/** What `text` says of a recording of ours; undefined where something else has written it. */
function factsOf(id: string, text: string): OnDisk | undefined {
  try {
    const { bytes, createdAt, filename, sha256, type } = JSON.parse(text) as Record<string, unknown>;
    const date = new Date(String(createdAt));
    const isOurs =
      Number.isSafeInteger(bytes) &&
      (bytes as number) >= 0 &&
      Number.isFinite(date.getTime()) &&
      [filename, sha256, type].every((fact) => typeof fact === "string");
    if (!isOurs) return undefined;
    return { id, filename, type, bytes, sha256, createdAt: date } as OnDisk;
  } catch {
    return undefined;
  }
}

/** undefined for what is not there, or is a file where a folder was looked for. */
function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
  throw error;
}

/** @returns sha256 of what was copied. @throws the reason of `signal` */
async function copy(source: FileHandle, path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const target = await open(path, "wx", 0o600);
  try {
    for await (const piece of piecesOf(source, signal)) {
      hash.update(piece);
      await target.writeFile(piece);
    }
    await target.sync();
  } finally {
    await target.close();
  }
  return hash.digest("hex");
}

async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
