/** Most seconds of silence that one gap is filled with. */
export const LONGEST_GAP = 3600;

/** Where the audio of a party lies on the clock of its call: what was not sent in between counts as silence. */
export class LegClock {
  readonly #tolerance: number;
  #offset: number | undefined;
  #written = 0;

  /** @param tolerance seconds by which audio may be late without a gap before it */
  constructor(tolerance: number) {
    this.#tolerance = tolerance;
  }

  /** Seconds on the call's clock at which its stream began. */
  get offset(): number {
    return this.#offset ?? 0;
  }

  /**
   * Takes the next audio.
   * @param start seconds on the call's clock, as far as it is known when its first sample was said
   * @param duration seconds
   * @returns seconds of silence that belong before it
   */
  place(start: number, duration: number): number {
    this.#offset ??= Math.max(0, start);
    const gap = start - (this.#offset + this.#written);
    const silence = gap > this.#tolerance ? Math.min(gap, LONGEST_GAP) : 0;
    this.#written += silence + duration;
    return silence;
  }

  /** Seconds by which audio that begins at `start` would be late. */
  lateness(start: number): number {
    return this.#offset === undefined ? 0 : start - (this.#offset + this.#written);
  }

  /** Another stream begins. */
  restart(): void {
    this.#offset = undefined;
    this.#written = 0;
  }
}
