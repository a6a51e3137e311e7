import type { LiveEvent } from "../../../index.js";
import type { PhoneLeg } from "../../../service/telephony/phone-call.js";
import type { SocketFailure } from "../failures.js";
import { LegClock } from "./leg-clock.js";

/** Milliseconds without audio after which what was said is taken for complete: nothing is sent where nobody is heard. */
const QUIET = 1000;
/** Seconds of silence that are written at once. */
const PIECE = 1;

/** How a party's audio gets into its stream. */
export interface PartyMeans {
  /** Seconds by which audio may be late without a gap before it. */
  tolerance: number;
  write(audio: Uint8Array): Promise<void>;
  flush(): Promise<void>;
  fail(reason: unknown): void;
}

/** What samples are. */
export interface PhoneAudio {
  bytesPerSecond: number;
  /** Byte of silence. */
  silence: number;
}

/** A party of a phone call: writes its audio where it belongs on the call's clock, and tells the call what it says. */
export class Party {
  readonly leg: PhoneLeg;
  readonly clock: LegClock;
  readonly #means: PartyMeans;
  #base = 0;
  #received = 0;
  #processed = 0;
  #quiet: NodeJS.Timeout | undefined;

  constructor(leg: PhoneLeg, means: PartyMeans) {
    this.leg = leg;
    this.#means = means;
    this.clock = new LegClock(means.tolerance);
    this.#base = leg.firstUtterance();
  }

  /** Writes audio that was said from `start` on, and silence before it where some is missing. */
  async hear(audio: Uint8Array, start: number, { bytesPerSecond, silence }: PhoneAudio): Promise<void> {
    clearTimeout(this.#quiet);
    let missing = this.clock.place(start, audio.length / bytesPerSecond);
    for (; missing > 0; missing -= PIECE) {
      // Whole samples, of two bytes at most.
      const bytes = 2 * Math.round((Math.min(missing, PIECE) * bytesPerSecond) / 2);
      if (bytes > 0) await this.#means.write(new Uint8Array(bytes).fill(silence));
    }
    await this.#means.write(audio);
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#means.flush().catch(this.#means.fail), QUIET).unref();
  }

  take(event: LiveEvent): void {
    const { leg } = this;
    if (event.type === "final") leg.final(event, this.clock.offset, this.#base);
    else if (event.type === "partial") leg.partial(event, this.clock.offset, this.#base);
    else if (event.type === "warning")
      leg.tell({ type: "warning", channel: leg.channel, message: event.message });
    else if (event.type === "done") {
      this.#received += event.stats.received;
      this.#processed += event.stats.processed;
    }
  }

  /** Another stream begins: the audio is of another kind. */
  restart(): void {
    this.clock.restart();
    this.#base = this.leg.firstUtterance();
  }

  /** @param failure why it could not go on @param left of a stream that has not ended */
  end(failure?: SocketFailure, left: { received: number; processed: number } = NOTHING): void {
    clearTimeout(this.#quiet);
    this.leg.end({
      received: this.#received + left.received,
      processed: this.#processed + left.processed,
      error: failure && { code: failure.reason, message: failure.message },
    });
  }

  /** Nothing more is said. */
  stop(): void {
    clearTimeout(this.#quiet);
  }
}

const NOTHING = { received: 0, processed: 0 };
