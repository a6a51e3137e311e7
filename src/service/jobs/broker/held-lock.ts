/** Milliseconds between two tries of what the queue did not take. */
const AGAIN = 500;

/**
 * The lock by which the queue knows that a run of a job lives, renewed until it is released. Each run has its own: BullMQ renews
 * and cancels by the job's id alone, so that of two runs of one job in a process the one of before would end the other's lock.
 */
export class HeldLock {
  readonly #renew: () => Promise<boolean>;
  readonly #duration: number;
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #isReleased = false;
  #wasStuck = false;

  /**
   * @param renew asks the queue for another `duration`; false: somebody else has the job now, or nobody
   * @param duration milliseconds
   */
  constructor(renew: () => Promise<boolean>, duration: number) {
    this.#renew = renew;
    this.#duration = duration;
    this.#renewIn(duration / 2);
  }

  /** Fires when it is lost. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether it was lost since nothing went on in this process, rather than since the queue was away. */
  get wasStuck(): boolean {
    return this.#wasStuck;
  }

  /** It is renewed no more. */
  release(): void {
    this.#isReleased = true;
    clearTimeout(this.#timer);
  }

  #renewIn(milliseconds: number): void {
    if (this.#isReleased) return;
    const due = performance.now() + milliseconds;
    this.#timer = setTimeout(() => void this.#renewNow(due), milliseconds);
  }

  async #renewNow(due: number): Promise<void> {
    this.#wasStuck ||= performance.now() - due >= this.#duration / 2;
    let isOurs: boolean;
    try {
      isOurs = await this.#renew();
    } catch {
      // Told where it failed. While the queue is away nobody else is given the job.
      return this.#renewIn(Math.min(AGAIN, this.#duration / 4));
    }
    if (this.#isReleased) return;
    if (!isOurs) return this.#controller.abort();
    this.#wasStuck = false;
    this.#renewIn(this.#duration / 2);
  }
}
