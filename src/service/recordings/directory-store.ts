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
import { variableOf } from "../settings.js";
import { mediaTypeOf } from "./media-types.js";
import {
  isRecordingId,
  newRecordingId,
  type OpenRecording,
  type RecordingStore,
  RecordingsFull,
  type StoredRecording,
} from "./store.js";

/** Names in a recording's folder. */
const AUDIO = "audio";
const FACTS = "meta.json";
/** Folders that are being written or deleted: no id begins so. */
const UNFINISHED = ".unfinished-";
/** Endings of files that other systems keep in a flat folder, under their ids. */
const ENDINGS = ["wav", "mp3", "m4a", "ogg", "opus", "flac", "aac", "webm", "mp4", "amr", "3gp", "wma"];
/** Hashing a piece of this size stays well under a millisecond of the JS thread. */
const PIECE = 256 * 1024;
/** Milliseconds between two looks for what has been kept long enough, and after which what is unfinished never will be. */
const LOOK_EVERY = 60 * 60 * 1000;

/**
 * Recordings in a folder: `<id>/audio` with `<id>/meta.json` for those that came through this server, `<id>.wav` and so on
 * for those that another system puts there. A recording is there whole or not at all, whenever the process ends.
 */
export class DirectoryStore implements RecordingStore {
  readonly #root: string;
  readonly #maxBytes: number;
  readonly #ttl: number;
  readonly #timer: NodeJS.Timeout;
  /** Bytes of those that came through this server; undefined until they are counted. */
  #bytes: Promise<number> | undefined;

  /** @param maxBytes of all recordings that are kept @param ttl seconds that each is kept */
  constructor(root: string, maxBytes: number, ttl: number) {
    this.#root = root;
    this.#maxBytes = maxBytes;
    this.#ttl = ttl;
    this.#timer = setInterval(
      () => void this.sweep().catch(() => {}),
      Math.min(LOOK_EVERY, ttl * 500),
    ).unref();
  }

  async put(
    file: FileHandle,
    facts: { filename: string; type: string },
    signal?: AbortSignal,
  ): Promise<StoredRecording> {
    signal?.throwIfAborted();
    const { size } = await file.stat();
    const used = await this.#used();
    if (used + size > this.#maxBytes) throw new RecordingsFull(this.#maxBytes);
    this.#count(size);
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
        return recording;
      }, signal);
    } catch (error) {
      this.#count(-size);
      await rm(unfinished, { recursive: true, force: true }).catch(() => {});
      throw error;
    }
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
          return { recording: { ...found.recording, bytes: opened.size }, file };
      } catch (error) {
        await file.close();
        throw error;
      }
      await file.close();
      return undefined;
    });
  }

  async delete(id: string): Promise<boolean> {
    const found = await this.#find(id);
    if (!found) return false;
    return this.#attempt(async () => {
      if (!found.isOurs) {
        await rm(found.path);
        return true;
      }
      // Gone at once, however long its bytes take.
      const unfinished = join(this.#root, UNFINISHED + id);
      await rename(join(this.#root, id), unfinished);
      this.#count(-found.recording.bytes);
      await rm(unfinished, { recursive: true, force: true });
      return true;
    });
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Deletes what came through this server and has been kept long enough, and what was never finished. */
  async sweep(now = Date.now()): Promise<void> {
    for (const name of await this.#names()) {
      if (name.startsWith(UNFINISHED)) {
        const path = join(this.#root, name);
        const { mtimeMs } = await lstat(path);
        if (now - mtimeMs > LOOK_EVERY) await rm(path, { recursive: true, force: true });
      } else if (isRecordingId(name)) {
        const found = await this.#find(name);
        if (found?.isOurs && now - found.recording.createdAt.getTime() > this.#ttl * 1000)
          await this.delete(name);
      }
    }
    this.#bytes = undefined;
  }

  async #find(
    id: string,
  ): Promise<{ recording: StoredRecording; path: string; isOurs: boolean } | undefined> {
    if (!isRecordingId(id)) return undefined;
    return this.#attempt(async () => {
      const facts = await readFile(join(this.#root, id, FACTS), "utf8").catch(missing);
      if (facts !== undefined) {
        const recording = JSON.parse(facts) as StoredRecording;
        const path = join(this.#root, id, AUDIO);
        return {
          recording: { ...recording, id, createdAt: new Date(recording.createdAt) },
          path,
          isOurs: true,
        };
      }
      for (const ending of ENDINGS) {
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

  #count(bytes: number): void {
    this.#bytes = this.#bytes?.then((before) => before + bytes);
  }

  async #used(): Promise<number> {
    if (!Number.isFinite(this.#maxBytes)) return 0;
    this.#bytes ??= this.#attempt(async () => {
      let bytes = 0;
      for (const name of await this.#names()) {
        const found = isRecordingId(name) ? await this.#find(name) : undefined;
        if (found?.isOurs) bytes += found.recording.bytes;
      }
      return bytes;
    });
    return this.#bytes;
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
      const message = `Cannot use the folder of recordings (${variableOf("recordingsFolder")}): ${(cause as Error).message}`;
      throw new TranscriptionError("STORAGE_FAILED", message, { cause });
    }
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
    const piece = Buffer.allocUnsafe(PIECE);
    for (let position = 0; ; ) {
      signal?.throwIfAborted();
      const { bytesRead } = await source.read(piece, 0, PIECE, position);
      if (bytesRead === 0) break;
      const bytes = piece.subarray(0, bytesRead);
      hash.update(bytes);
      await target.writeFile(bytes);
      position += bytesRead;
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
