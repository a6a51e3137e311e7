import type { FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { openAnonymousFile } from "../config/anonymous-file.js";
import { TranscriptionError } from "../index.js";

/** Bytes that are written to see whether there is room. */
const TRIAL_BYTES = 1024 ** 2;
/** Milliseconds between two looks, while all is well and while it is not. */
const LOOK_EVERY = 30_000;
const LOOK_AGAIN = 2000;

/** The temporary folder, and whether uploads can be stored in it: when they cannot, that is no caller's fault. */
export class Storage {
  readonly #onChange: (fault: string | undefined) => void;
  #fault: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The look that is under way. */
  #looking: Promise<void> | undefined;
  #isClosed = false;

  /** @param onChange called with what is wrong, and with undefined when it is well again */
  constructor(onChange: (fault: string | undefined) => void) {
    this.#onChange = onChange;
  }

  /** What keeps uploads from being stored; undefined: nothing that is known. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Looks now, unless it is looking already, and from time to time from then on. */
  watch(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
      this.#again();
    });
    return this.#looking;
  }

  /** Looks again at once: somebody else could store nothing there. */
  suspect(): void {
    if (this.#fault === undefined) void this.watch();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /**
   * A new file for what is to be read again, as {@link openAnonymousFile} makes it.
   * @throws TranscriptionError STORAGE_FAILED
   */
  create(): Promise<FileHandle> {
    return this.attempt(openAnonymousFile);
  }

  /** Does something with a file of {@link create}. @throws TranscriptionError STORAGE_FAILED */
  async attempt<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      const reason = `Cannot store uploads in the temporary folder ${tmpdir()} (TMPDIR): ${(cause as Error).message}`;
      this.#note(reason);
      this.#again();
      throw new TranscriptionError("STORAGE_FAILED", reason, { cause });
    }
  }

  async #look(): Promise<void> {
    const trial = this.attempt(async () => {
      const file = await openAnonymousFile();
      try {
        await file.writeFile(Buffer.alloc(TRIAL_BYTES));
      } finally {
        await file.close();
      }
    });
    await trial.then(
      () => this.#note(undefined),
      () => {},
    );
  }

  #again(): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    const milliseconds = this.#fault === undefined ? LOOK_EVERY : LOOK_AGAIN;
    this.#timer = setTimeout(() => void this.watch(), milliseconds).unref();
  }

  #note(fault: string | undefined): void {
    if (this.#isClosed) return;
    const hasChanged = (fault === undefined) !== (this.#fault === undefined);
    this.#fault = fault;
    if (hasChanged) this.#onChange(fault);
  }
}
