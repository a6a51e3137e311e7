/** A share of something that is loaded once for all who use it. */
export interface Lease<T> {
  readonly value: T;
  /**
   * Gives the share back, once; the last one closes what was shared and waits for that.
   * @param keepFor seconds to keep it loaded in case someone wants it again; does not hold up the process. Default 0.
   */
  release(keepFor?: number): Promise<void>;
}

interface Entry<T> {
  loading: Promise<T>;
  users: number;
  /** `performance.now()` until which it stays loaded without users. */
  keepUntil: number;
  timer?: NodeJS.Timeout;
}

/** Things that are costly to load, each loaded once, shared by key and closed after their last user. */
export class SharedPool<T extends { close(): Promise<void> }> {
  readonly #entries = new Map<string, Entry<T>>();

  /**
   * A share of what `key` stands for, loaded by `load` unless it is loaded, or being loaded, already.
   * A failed load rejects for all who waited for it and is forgotten.
   */
  async acquire(key: string, load: () => Promise<T>): Promise<Lease<T>> {
    let entry = this.#entries.get(key);
    if (!entry) {
      entry = { loading: load(), users: 0, keepUntil: 0 };
      this.#entries.set(key, entry);
    }
    clearTimeout(entry.timer);
    entry.users += 1;
    try {
      const value = await entry.loading;
      return { value, release: once((keepFor = 0) => this.#release(key, entry, keepFor)) };
    } catch (error) {
      this.#forget(key, entry);
      throw error;
    }
  }

  async #release(key: string, entry: Entry<T>, keepFor: number): Promise<void> {
    entry.users -= 1;
    const now = performance.now();
    entry.keepUntil = Math.max(entry.keepUntil, now + keepFor * 1000);
    if (entry.users > 0) return;
    if (entry.keepUntil <= now) return this.#close(key, entry);
    // Nobody waits for this one: were it to fail, there would be nobody to tell.
    entry.timer = setTimeout(() => this.#close(key, entry).catch(() => {}), entry.keepUntil - now);
    entry.timer.unref();
  }

  async #close(key: string, entry: Entry<T>): Promise<void> {
    this.#forget(key, entry);
    await (await entry.loading).close();
  }

  #forget(key: string, entry: Entry<T>): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
  }
}

function once<A extends unknown[]>(work: (...args: A) => Promise<void>): (...args: A) => Promise<void> {
  let done: Promise<void> | undefined;
  return (...args) => {
    done ??= work(...args);
    return done;
  };
}
