import { TranscriptionError } from "../../index.js";
import { raced } from "../call/raced.js";
import { Entry, type Lease, type Loadable, likely, type PoolState } from "./pool-entry.js";

/** Why something was unloaded: it was not used, others needed its memory, or somebody asked for it. */
export type UnloadReason = "ttl" | "memory" | "request";

export interface PoolOptions {
  /** Bytes that all may take; `Infinity`: as many as they like. */
  budget: number;
  /** Seconds that somebody waits for others to be done with what takes the room. */
  patience?: number;
  /** Bytes that the process takes. */
  measure(): number;
  /** Gives memory that was freed back to the system. */
  tidy(): Promise<void>;
  /** @param used bytes that all take by now */
  onLoaded(name: string, seconds: number, memory: number, used: number): void;
  onLoadFailed(name: string, error: unknown, seconds: number): void;
  onUnloaded(name: string, reason: UnloadReason, memory: number): void;
  /** What is said where everything that could make room is in use. */
  full: string;
  /** The name of `budget`, for messages. */
  budgetName: string;
}

const PATIENCE = 10;

/**
 * Loads what is asked for once for all who ask, keeps it as long as it is used and for its time after that, and within a
 * budget of memory: where that would be passed, what was not used for longest goes first. What is in use never goes.
 */
export class ModelPool<T extends { close(): Promise<void> }> {
  readonly #options: PoolOptions;
  readonly #entries = new Map<string, Entry<T>>();
  readonly #leaving = new Set<Entry<T>>();
  /** What models took when they were loaded before, in bytes. */
  readonly #measured = new Map<string, number>();
  readonly #onChange = new Set<() => void>();
  /** One is loaded at a time, so that it can be told what it takes. */
  #turn: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Bytes that all take. */
  get used(): number {
    return [...this.#entries.values(), ...this.#leaving].reduce((sum, { memory }) => sum + memory, 0);
  }

  get budget(): number {
    return this.#options.budget;
  }

  /** All of them, in the order in which they were asked for. */
  states(): PoolState[] {
    return [...this.#leaving, ...this.#entries.values()].map(
      ({ model, state, memory, users, loadedAt, expiresAt }) => ({
        name: model.name,
        state,
        memory,
        users,
        loadedAt,
        expiresAt,
      }),
    );
  }

  /** What is loaded, whether it is used or not. */
  values(): T[] {
    return [...this.#entries.values()].flatMap(({ value }) => value ?? []);
  }

  /**
   * Takes over what is loaded already.
   * @param taken bytes that the process has grown by meanwhile @param isOurs whether it is ours to close
   */
  adopt(model: Loadable<T>, value: T, { taken, isOurs }: { taken: number; isOurs: boolean }): void {
    const entry = new Entry(model);
    const measured = likely(taken, model.estimate);
    const memory = measured ?? model.estimate;
    entry.isOurs = isOurs;
    this.#entries.set(model.name, entry);
    if (measured !== undefined) this.#measured.set(model.name, measured);
    entry.loading = Promise.resolve(value);
    this.#settle(entry, value, memory);
  }

  /**
   * A share in `model`, which is loaded if it is not.
   * @throws the reason of `signal`; TranscriptionError QUEUE_FULL where there is no room for it beside what is in use,
   *   OUT_OF_MEMORY where there never is; what loading it throws
   */
  async acquire(model: Loadable<T>, signal: AbortSignal): Promise<Lease<T>> {
    signal.throwIfAborted();
    const entry = this.#entries.get(model.name) ?? this.#begin(model);
    const release = this.#use(entry);
    try {
      return { value: await raced(entry.loading, signal), release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** A share in it if it is loaded. */
  acquireLoaded(name: string): Lease<T> | undefined {
    const entry = this.#entries.get(name);
    if (entry?.value === undefined) return undefined;
    return { value: entry.value, release: this.#use(entry) };
  }

  /** Unloads it now. @returns why that is not done; undefined: it is */
  async unload(name: string): Promise<"absent" | "busy" | undefined> {
    const entry = this.#entries.get(name);
    if (!entry) return "absent";
    if (!entry.isIdle) return "busy";
    await this.#unload(entry, "request");
    return undefined;
  }

  /** Unloads everything, once it is loaded and nobody uses it any more. Nothing is loaded from now on. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    for (const entry of this.#entries.values()) if (entry.state === "waiting") entry.unwanted.abort(closed());
    while (this.#entries.size + this.#leaving.size > 0) {
      const entries = [...this.#entries.values()];
      await Promise.allSettled(entries.map(({ loading }) => loading));
      for (const entry of entries) {
        clearTimeout(entry.timer);
        this.#entries.delete(entry.model.name);
        if (entry.isOurs) await entry.value?.close();
      }
      if (this.#leaving.size > 0) await new Promise<void>((resolve) => this.#onChange.add(resolve));
    }
  }

  #begin(model: Loadable<T>): Entry<T> {
    if (this.#closed) throw closed();
    const entry = new Entry(model);
    this.#entries.set(model.name, entry);
    entry.loading = this.#load(entry);
    // Those who wait for it hear of it; there may be none.
    entry.loading.catch(() => {});
    return entry;
  }

  #use(entry: Entry<T>): () => void {
    clearTimeout(entry.timer);
    entry.expiresAt = undefined;
    entry.users++;
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      entry.users--;
      entry.usedAt = performance.now();
      if (entry.users > 0) return;
      if (entry.state === "waiting") this.#giveUp(entry);
      else if (entry.state === "loaded") this.#rest(entry);
      this.#changed();
    };
  }

  /** Nobody waits for it any more. */
  #giveUp(entry: Entry<T>): void {
    this.#forget(entry);
    entry.unwanted.abort(closed());
  }

  /** Nobody uses it now. */
  #rest(entry: Entry<T>): void {
    const { name, ttl } = entry.model;
    if (this.#entries.get(name) !== entry) return;
    if (ttl === 0) return void this.#unload(entry, "ttl");
    if (Number.isFinite(ttl)) {
      entry.expiresAt = Date.now() / 1000 + ttl;
      entry.timer = setTimeout(() => void this.#unload(entry, "ttl"), ttl * 1000).unref();
    }
    this.#shrink();
  }

  async #load(entry: Entry<T>): Promise<T> {
    const { name } = entry.model;
    let since: number | undefined;
    try {
      await this.#makeRoom(entry);
      const [value, memory, seconds] = await this.#inTurn(async () => {
        since = performance.now();
        const loaded = await this.#loadMeasured(entry);
        return [...loaded, (performance.now() - since) / 1000] as const;
      });
      this.#settle(entry, value, memory);
      this.#options.onLoaded(name, seconds, memory, this.used);
      this.#shrink();
      return value;
    } catch (error) {
      this.#forget(entry);
      entry.memory = 0;
      if (since !== undefined) this.#options.onLoadFailed(name, error, (performance.now() - since) / 1000);
      this.#changed();
      throw error;
    }
  }

  async #loadMeasured(entry: Entry<T>): Promise<[T, number]> {
    const { model } = entry;
    for (;;) {
      const before = this.#options.measure();
      try {
        const value = await model.load();
        const taken = likely(this.#options.measure() - before, entry.memory);
        if (taken !== undefined) this.#measured.set(model.name, taken);
        return [value, taken ?? entry.memory];
      } catch (error) {
        // The machine may have less than the budget allows.
        const { code } = error as Partial<TranscriptionError>;
        const another = code === "OUT_OF_MEMORY" ? this.#leastRecentlyUsed() : undefined;
        if (!another) throw error;
        await this.#unload(another, "memory");
      }
    }
  }

  #settle(entry: Entry<T>, value: T, memory: number): void {
    entry.state = "loaded";
    entry.value = value;
    entry.memory = memory;
    entry.loadedAt = Date.now() / 1000;
    entry.usedAt = performance.now();
    if (entry.users === 0) this.#rest(entry);
    this.#changed();
  }

  /** Takes the room that it needs, of those who are not in use. */
  async #makeRoom(entry: Entry<T>): Promise<void> {
    const { budget, budgetName, full, patience = PATIENCE } = this.#options;
    const { name, stays } = entry.model;
    const needed = this.#measured.get(name) ?? entry.model.estimate;
    const last = performance.now() + patience * 1000;
    const { signal } = entry.unwanted;
    while (!stays && this.used + needed > budget) {
      const staying = this.#sum(({ model }) => model.stays);
      if (needed + staying > budget) {
        const beside = staying > 0 ? `, and ${staying} of them are taken for good` : "";
        const message = `Model ${name} takes ${needed} bytes, more than ${budgetName} allows (${budget}${beside})`;
        throw new TranscriptionError("OUT_OF_MEMORY", message, { option: "model" });
      }
      // Nobody goes for nothing: who is in use may leave too little, and who leaves already may leave enough.
      const isOfUse =
        needed + this.#sum((other) => !other.mayGo) <= budget && needed + this.#sum(() => true) > budget;
      const another = isOfUse ? this.#leastRecentlyUsed() : undefined;
      if (another) {
        await this.#unload(another, "memory");
        signal.throwIfAborted();
      } else {
        const left = last - performance.now();
        if (left <= 0) throw new TranscriptionError("QUEUE_FULL", full);
        await this.#nextChange(left, signal);
      }
    }
    signal.throwIfAborted();
    entry.state = "loading";
    entry.memory = needed;
  }

  /** Bytes of those that are not leaving. */
  #sum(counts: (entry: Entry<T>) => boolean): number {
    return [...this.#entries.values()].filter(counts).reduce((sum, { memory }) => sum + memory, 0);
  }

  #leastRecentlyUsed(): Entry<T> | undefined {
    return [...this.#entries.values()]
      .filter(({ mayGo }) => mayGo)
      .reduce<Entry<T> | undefined>(
        (oldest, entry) => (oldest && oldest.usedAt <= entry.usedAt ? oldest : entry),
        undefined,
      );
  }

  /** Some took more than was expected of them. */
  #shrink(): void {
    while (this.#sum(() => true) > this.budget) {
      const another = this.#leastRecentlyUsed();
      if (!another) return;
      void this.#unload(another, "memory");
    }
  }

  /** Its memory counts until it is free. */
  async #unload(entry: Entry<T>, reason: UnloadReason): Promise<void> {
    clearTimeout(entry.timer);
    this.#forget(entry);
    entry.state = "leaving";
    this.#leaving.add(entry);
    try {
      await entry.value?.close();
      await this.#options.tidy();
    } catch {
      // What cannot be closed is not used any more either.
    }
    this.#leaving.delete(entry);
    this.#options.onUnloaded(entry.model.name, reason, entry.memory);
    this.#changed();
  }

  #forget(entry: Entry<T>): void {
    const { name } = entry.model;
    if (this.#entries.get(name) === entry) this.#entries.delete(name);
  }

  #inTurn<R>(work: () => Promise<R>): Promise<R> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  #changed(): void {
    const told = [...this.#onChange];
    this.#onChange.clear();
    for (const tell of told) tell();
  }

  /** Waits until somebody leaves or rests, at most so many milliseconds. @throws the signal's reason */
  #nextChange(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer);
        this.#onChange.delete(onChange);
        signal.removeEventListener("abort", onAbort);
      };
      const onChange = (): void => {
        leave();
        resolve();
      };
      const onAbort = (): void => {
        leave();
        reject(signal.reason);
      };
      const timer = setTimeout(onChange, milliseconds);
      this.#onChange.add(onChange);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }
}

function closed(): TranscriptionError {
  return new TranscriptionError("CANCELLED", "No models are loaded any more");
}
