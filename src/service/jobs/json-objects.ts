import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { TranscriptionError } from "../../index.js";
import { type ObjectStore, ObjectStoreFailure } from "../objects/object-store.js";
import { JSON_ENDING, type JsonStore } from "./json-folder.js";

/** What jobs have one of each, by their ids, as objects of a bucket. */
export class JsonObjects<T> implements JsonStore<T> {
  readonly #objects: ObjectStore;
  readonly #prefix: string;
  readonly #what: string;

  /** @param prefix of their keys @param what is in it, as errors call it */
  constructor(objects: ObjectStore, prefix: string, what: string) {
    this.#objects = objects;
    this.#prefix = prefix;
    this.#what = what;
  }

  async get(id: string): Promise<T | undefined> {
    const body = await this.#attempt(this.#objects.read(this.#keyOf(id)));
    if (!body) return undefined;
    return this.#attempt(buffer(body).then((bytes) => JSON.parse(bytes.toString("utf8")) as T));
  }

  async put(id: string, value: T): Promise<void> {
    const bytes = Buffer.from(JSON.stringify(value));
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const facts = { sha256, bytes: bytes.length, type: "application/json" };
    await this.#attempt(this.#objects.put(this.#keyOf(id), bytes, facts));
  }

  async delete(id: string): Promise<void> {
    await this.#attempt(this.#objects.delete(this.#keyOf(id)));
  }

  #keyOf(id: string): string {
    return this.#prefix + id + JSON_ENDING;
  }

  async #attempt<R>(work: Promise<R>): Promise<R> {
    try {
      return await work;
    } catch (cause) {
      const why = cause instanceof ObjectStoreFailure ? cause.message : "what it holds is damaged";
      const message = `Cannot use the bucket of ${this.#what} of jobs: ${why}`;
      throw new TranscriptionError("STORAGE_FAILED", message, { cause });
    }
  }
}
