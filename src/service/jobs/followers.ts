import type { FollowedEvent, JobProgress, KeptEvent } from "./job.js";

/** Events of a job that are kept. */
export interface EventPage {
  /** In the order in which they happened. */
  events: readonly KeptEvent[];
  /** Whether there will be no more, ever. */
  isEnd: boolean;
  /** Whether there are more already. */
  hasMore: boolean;
}

/** Wakes one who follows a job. */
interface Mailbox {
  /**
   * Resolves with the latest progress, or with undefined when something has happened that is kept, or there is nothing more
   * to wait for; at once where that was so since the last time.
   */
  next(): Promise<JobProgress | undefined>;
  /** Resolves a {@link next} that waits, now and from now on. */
  close(): void;
}

/** Who follows which job. Of progress a follower that is slow gets the latest alone. */
export class Followers {
  readonly #mailboxes = new Map<string, Set<{ wake(): void; progress(progress: JobProgress): void }>>();

  /** Something has happened to a job that is kept. */
  wake(id: string): void {
    for (const mailbox of this.#mailboxes.get(id) ?? []) mailbox.wake();
  }

  progress(id: string, progress: JobProgress): void {
    for (const mailbox of this.#mailboxes.get(id) ?? []) mailbox.progress(progress);
  }

  wakeAll(): void {
    for (const id of this.#mailboxes.keys()) this.wake(id);
  }

  /**
   * What happens to a job, until nothing more will, or `signal` fires.
   * @param after number of the last event that is known
   * @param read events after one, as a store has them
   */
  async *follow(
    id: string,
    after: number,
    signal: AbortSignal,
    read: (last: number) => Promise<EventPage>,
  ): AsyncGenerator<FollowedEvent, void> {
    const mailbox = this.#open(id);
    signal.addEventListener("abort", mailbox.close, { once: true });
    try {
      for (let last = after; !signal.aborted; ) {
        const { events, hasMore, isEnd } = await read(last);
        for (const event of events) {
          if (signal.aborted) return;
          yield event;
          last = event.number;
        }
        if (isEnd) return;
        while (!hasMore) {
          const progress = signal.aborted ? undefined : await mailbox.next();
          if (!progress) break;
          yield { type: "progress", progress };
        }
      }
    } finally {
      signal.removeEventListener("abort", mailbox.close);
      mailbox.close();
    }
  }

  #open(id: string): Mailbox {
    let isAwake = false;
    let isClosed = false;
    let latest: JobProgress | undefined;
    let resolve: ((progress: JobProgress | undefined) => void) | undefined;
    const tell = (): void => {
      if (!resolve || !(isAwake || isClosed || latest)) return;
      // What is kept is read first: progress may be of before.
      const progress = isAwake || isClosed ? undefined : latest;
      isAwake = false;
      if (progress) latest = undefined;
      resolve(progress);
      resolve = undefined;
    };
    const mailbox = {
      wake: () => {
        isAwake = true;
        tell();
      },
      progress: (progress: JobProgress) => {
        latest = progress;
        tell();
      },
    };
    const mailboxes = this.#mailboxes.get(id) ?? new Set();
    this.#mailboxes.set(id, mailboxes.add(mailbox));
    return {
      next: () =>
        new Promise((found) => {
          resolve = found;
          tell();
        }),
      close: () => {
        isClosed = true;
        mailboxes.delete(mailbox);
        if (mailboxes.size === 0 && this.#mailboxes.get(id) === mailboxes) this.#mailboxes.delete(id);
        tell();
      },
    };
  }
}
