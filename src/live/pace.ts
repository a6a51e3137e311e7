/** Seconds of audio that arrive ahead of the clock from which on somebody sends a recording, not speech. */
const AHEAD = 2;
/** Seconds of audio that wait, of speech, from which on the stream is behind. */
const BEHIND = 4;
/** Seconds of audio that wait below which it has caught up. */
const CAUGHT_UP = 1;

/**
 * Tells a stream that is behind speech from one that is sent faster than anybody speaks. The first has to do less, the
 * second has time: what is made of it must not depend on how busy the machine is.
 */
export class Pace {
  readonly #now: () => number;
  /** Where the clock and the audio were when the stream last had nothing waiting. */
  #since: number;
  #received = 0;
  #from = 0;
  #isAhead = false;

  /** @param now a clock, in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#since = now();
  }

  /** @param received @param waiting seconds of audio, in all and of those the ones that wait */
  note(received: number, waiting: number): void {
    const now = this.#now();
    this.#received = received;
    if (received - this.#from - (now - this.#since) / 1000 > AHEAD) this.#isAhead = true;
    if (waiting >= CAUGHT_UP) return;
    this.#isAhead = false;
    this.#since = now;
    this.#from = this.#received;
  }

  /** Whether a stream with so many seconds of audio waiting should do less. */
  isBehind(waiting: number): boolean {
    return waiting > BEHIND && !this.#isAhead;
  }
}
