import type { Segment } from "../../../index.js";
import { type JobEvent, type JobProgress, NotWanted } from "../job.js";
import type { Attempt } from "../store.js";

/** Milliseconds for which segments are gathered before they are written, and between two notes of progress. */
const GATHER = 200;
const NOTE_EVERY = 1000;

/** @param live progress that only those who look on are told @returns whether the job is still this attempt's */
type Note = (events: JobEvent[], progress: JobProgress | undefined, live?: JobProgress) => Promise<boolean>;

/** An attempt whose segments and progress are written a few at a time, in order, one writing after the other. */
export class RunningAttempt implements Attempt {
  readonly #controller = new AbortController();
  readonly #note: Note;
  #gathered: JobEvent[] = [];
  #progress: JobProgress | undefined;
  #notedAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isOver = false;

  constructor(note: Note) {
    this.#note = note;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** One process has the file for itself: who has taken the job from it has said so. */
  async check(): Promise<void> {}

  progress(progress: JobProgress): void {
    if (this.#isOver) return;
    void this.#note([], undefined, progress);
    this.#progress = progress;
    this.#writeSoon();
  }

  segment(segment: Segment): void {
    if (this.#isOver) return;
    this.#gathered.push({ type: "segment", segment });
    this.#writeSoon();
  }

  /** The job is somebody else's now, or nobody's. */
  leave(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#controller.abort(new NotWanted(true));
  }

  /** Writes what is gathered; resolves when that is done. */
  async end(): Promise<void> {
    clearTimeout(this.#timer);
    if (!this.#isOver) this.#write();
    this.#isOver = true;
    await this.#writing;
  }

  #writeSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#write();
    }, GATHER);
  }

  #write(): void {
    const events = this.#gathered;
    this.#gathered = [];
    const isTime = performance.now() - this.#notedAt >= NOTE_EVERY;
    const progress = isTime ? this.#progress : undefined;
    if (isTime) this.#notedAt = performance.now();
    if (progress) this.#progress = undefined;
    this.#writing = this.#writing
      .then(() => this.#note(events, progress))
      .then((isOurs) => {
        if (!isOurs) this.leave();
      })
      // Partial text is a comfort: the result does not wait for a disk that is full.
      .catch(() => {});
  }
}
