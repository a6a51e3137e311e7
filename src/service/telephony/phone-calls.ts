import { TranscriptionError } from "../../index.js";
import type { ServerSettings } from "../settings.js";
import { type CallSource, PhoneCall, type PhoneLeg } from "./phone-call.js";

/** Channels of a call: its two parties. */
const CHANNELS = [0, 1] as const;
/** Calls that have ended and are remembered, whatever their age. */
const MOST_ENDED = 10_000;
/** Milliseconds between looks for those to forget. */
const LOOK_EVERY = 10_000;

/** A party that comes in. */
export interface ComingLeg {
  /** Which channel it is to be; undefined: the first that is free. */
  channel?: number;
  /** What the protocol calls it. */
  name?: string;
  /** Where it comes from. */
  peer: string;
}

/** The phone calls of all doors, in memory: those that are on, and for a while those that are over. */
export class PhoneCalls {
  readonly #settings: Pick<ServerSettings, "callsTtl">;
  readonly #now: () => number;
  /** By their ids, oldest first. */
  readonly #calls = new Map<string, PhoneCall>();
  #timer: NodeJS.Timeout | undefined;

  /** @param now seconds on some clock */
  constructor(settings: Pick<ServerSettings, "callsTtl">, now = () => performance.now() / 1000) {
    this.#settings = settings;
    this.#now = now;
  }

  /**
   * A party of a call comes in. Who brings the id of a call that is on joins it; one that has ended makes room for another
   * of its name.
   * @throws TranscriptionError INVALID_ARGUMENT where somebody is there already
   */
  join(id: string, source: CallSource, { channel, name, peer }: ComingLeg): PhoneLeg {
    let call = this.#calls.get(id);
    if (!call || call.isEnded) {
      this.#calls.delete(id);
      call = new PhoneCall(id, source, this.#now);
    }
    const free = channel ?? CHANNELS.find((each) => call.isFree(each));
    if (free === undefined || !call.isFree(free)) {
      const message = `Expected at most ${CHANNELS.length} parties of the call ${id}, each on a channel of its own, but received another`;
      throw new TranscriptionError("INVALID_ARGUMENT", message);
    }
    this.#calls.set(id, call);
    this.#timer ??= setInterval(() => this.#forget(), LOOK_EVERY).unref();
    return call.begin(free, name, peer);
  }

  get(id: string): PhoneCall | undefined {
    this.#forget();
    return this.#calls.get(id);
  }

  /** Newest first. */
  list(): PhoneCall[] {
    this.#forget();
    return [...this.#calls.values()].reverse();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #forget(): void {
    const { callsTtl } = this.#settings;
    let ended = 0;
    for (const call of this.#calls.values()) if (call.isEnded) ended++;
    for (const [id, { endedAt }] of this.#calls) {
      if (endedAt === undefined) continue;
      if (ended <= MOST_ENDED && Date.now() - endedAt < callsTtl * 1000) continue;
      this.#calls.delete(id);
      ended--;
    }
  }
}
