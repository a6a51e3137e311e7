/** Runs tasks at once, up to a limit; whoever starts one more waits until there is room. */
export class Limiter {
  readonly #running = new Set<Promise<void>>();

  /**
   * @param limit tasks that may run at once
   * @param onError told of every failure; {@link start} and {@link idle} never reject
   */
  constructor(
    readonly limit: number,
    readonly onError: (error: unknown) => void,
  ) {}

  /** Waits for room and starts `task`. Resolves when it has started, with a promise of its end. */
  async start(task: () => Promise<void>): Promise<{ done: Promise<void> }> {
    while (this.#running.size >= this.limit) await Promise.race(this.#running);
    const done = task()
      .catch(this.onError)
      .finally(() => this.#running.delete(done));
    this.#running.add(done);
    return { done };
  }

  /** Waits until nothing runs. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
