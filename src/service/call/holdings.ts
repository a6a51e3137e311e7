/** Gives something back; more than once does nothing. */
export type Release = () => void;

/** Who holds what was acquired, and for how long. */
export interface Holder {
  /** Fires when it wants nothing more. */
  readonly signal: AbortSignal;
  /**
   * Takes over what `free` gives back. It is freed when the holder is done with everything, at once if it is already, and
   * never twice.
   * @returns frees it earlier
   */
  hold(free: () => void): Release;
}

/** Everything that one owner has to give back. What arrives when it is gone is given back as it arrives. */
export class Holdings {
  readonly #held = new Set<Release>();
  #isReleased = false;

  /** As {@link Holder.hold}. */
  hold(free: () => void): Release {
    const release = () => {
      if (this.#held.delete(release)) free();
    };
    this.#held.add(release);
    if (this.#isReleased) release();
    return release;
  }

  /** Gives everything back, now and from now on. */
  release(): void {
    this.#isReleased = true;
    for (const release of [...this.#held]) release();
  }
}

/** Does `work` as a holder of its own: what it acquired is given back when it is done, however it ends. */
export async function whileHeld<T>(signal: AbortSignal, work: (holder: Holder) => Promise<T>): Promise<T> {
  const holdings = new Holdings();
  try {
    return await work({ signal, hold: (free) => holdings.hold(free) });
  } finally {
    holdings.release();
  }
}
