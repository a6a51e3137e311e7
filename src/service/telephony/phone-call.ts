import type { LiveFinal, LivePartial, Word } from "../../index.js";

/** Digits, marks and warnings of a call that are kept: they are in memory as long as the call, and cost who sends them nothing. */
export const MOST_TOLD = 1000;

/** What a phone call comes by. */
export const CALL_SOURCES = ["audiosocket", "twilio"] as const;
export type CallSource = (typeof CALL_SOURCES)[number];

/** Text of a party that does not change any more. Times are seconds on the call's clock. */
export interface CallSegment {
  /** From 0 in the call, in order of emission. */
  id: number;
  channel: number;
  /** From 0 in its channel. */
  utterance: number;
  start: number;
  end: number;
  text: string;
  confidence: number;
  language: string;
  words: Word[];
  /** False where the utterance goes on. */
  endOfUtterance: boolean;
}

/** Something that has happened in a call, which is kept as long as the call. */
export type CallEvent =
  | { type: "started" }
  | { type: "leg_started"; channel: number; name: string | undefined }
  | { type: "segment"; segment: CallSegment }
  | { type: "dtmf"; channel: number; digit: string }
  | { type: "mark"; name: string }
  | { type: "warning"; channel: number; message: string }
  | ({ type: "leg_ended"; channel: number } & LegEnd)
  | { type: "ended" };

/** One by its number, from 1. */
export type KeptCallEvent = CallEvent & { number: number; at: number };

/** Text under way: of each channel, later text takes its place. */
export interface CallPartial {
  type: "partial";
  channel: number;
  utterance: number;
  text: string;
  stableLength: number;
  start: number;
  end: number;
}

/** What its source has to say beside audio. */
type ToldEvent = Extract<CallEvent, { type: "dtmf" | "mark" | "warning" }>;

/** What became of a leg. Seconds of audio. */
export interface LegEnd {
  received: number;
  /** As much, unless there is an error. */
  processed: number;
  error: { code: string; message: string } | undefined;
}

/** A party's way to the server. */
export interface LegState {
  channel: number;
  /** What the protocol calls it. */
  name: string | undefined;
  /** Where it comes from. */
  peer: string;
  /** Milliseconds since 1970. */
  startedAt: number;
  endedAt: number | undefined;
  end: LegEnd | undefined;
}

/** Whom a call tells that there is news. */
interface Follower {
  wake(): void;
  partials: Map<number, CallPartial>;
}

/** A phone call: its parties, each a channel, and what they say, on one clock that begins with the first of them. */
export class PhoneCall {
  readonly createdAt = Date.now();
  readonly #startedAt: number;
  readonly #now: () => number;
  readonly #legs: LegState[] = [];
  readonly #events: KeptCallEvent[] = [];
  readonly #partials = new Map<number, CallPartial>();
  readonly #followers = new Set<Follower>();
  readonly #utterances = new Map<number, number>();
  #segments = 0;
  #told = 0;
  endedAt: number | undefined;

  /**
   * @param id by which it is asked for: what its source calls it
   * @param now seconds on some clock
   */
  constructor(
    readonly id: string,
    readonly source: CallSource,
    now: () => number,
  ) {
    this.#now = now;
    this.#startedAt = now();
    this.#keep({ type: "started" });
  }

  /** Seconds since it began. */
  get elapsed(): number {
    return this.#now() - this.#startedAt;
  }

  get isEnded(): boolean {
    return this.endedAt !== undefined;
  }

  /** In order of their beginning. */
  get legs(): readonly LegState[] {
    return this.#legs;
  }

  /** Text so far, in order of emission. */
  get segments(): CallSegment[] {
    return this.#events.flatMap((event) => (event.type === "segment" ? [event.segment] : []));
  }

  /** Whether nobody speaks on a channel now. */
  isFree(channel: number): boolean {
    return this.#legs.every((leg) => leg.channel !== channel || leg.endedAt !== undefined);
  }

  /** A party comes in, on a channel that is free. */
  begin(channel: number, name: string | undefined, peer: string): PhoneLeg {
    const state: LegState = {
      channel,
      name,
      peer,
      startedAt: Date.now(),
      endedAt: undefined,
      end: undefined,
    };
    this.#legs.push(state);
    this.#keep({ type: "leg_started", channel, name });
    const firstUtterance = () => this.#utterances.get(channel) ?? 0;
    return {
      call: this,
      channel,
      firstUtterance,
      final: (final, offset, base) => this.#final(final, channel, offset, base),
      partial: (partial, offset, base) => this.#partial(partial, channel, offset, base),
      tell: (event) => this.#tell(event, channel),
      end: (end) => {
        if (state.endedAt !== undefined) return;
        state.endedAt = Date.now();
        state.end = end;
        this.#forgetPartial(channel);
        this.#keep({ type: "leg_ended", channel, ...end });
        if (this.#legs.some(({ endedAt }) => endedAt === undefined)) return;
        this.endedAt = Date.now();
        this.#keep({ type: "ended" });
      },
    };
  }

  /**
   * What has happened after the event `after`, and what happens, until the call has ended. Of text under way the newest of
   * each channel.
   */
  async *follow(after: number, signal: AbortSignal): AsyncGenerator<KeptCallEvent | CallPartial, void> {
    // A call of the same name may have had more.
    let seen = after > this.#events.length ? 0 : after;
    let wake = (): void => {};
    const follower: Follower = { wake: () => wake(), partials: new Map(this.#partials) };
    this.#followers.add(follower);
    const stop = () => wake();
    signal.addEventListener("abort", stop);
    try {
      while (!signal.aborted) {
        const event = this.#events[seen];
        if (event) {
          seen++;
          yield event;
          continue;
        }
        if (this.isEnded) return;
        const [partial] = follower.partials.values();
        if (partial) {
          follower.partials.delete(partial.channel);
          yield partial;
          continue;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener("abort", stop);
      this.#followers.delete(follower);
    }
  }

  #final(final: LiveFinal, channel: number, offset: number, base: number): void {
    const utterance = base + final.utterance;
    this.#utterances.set(channel, utterance + 1);
    const { confidence, end, endOfUtterance, language, start, text, words = [] } = final;
    const segment: CallSegment = {
      id: this.#segments++,
      channel,
      utterance,
      start: rounded(start + offset),
      end: rounded(end + offset),
      text,
      confidence,
      language,
      words: words.map((word) => ({
        ...word,
        start: rounded(word.start + offset),
        end: rounded(word.end + offset),
      })),
      endOfUtterance,
    };
    this.#forgetPartial(channel);
    this.#keep({ type: "segment", segment });
  }

  #tell(event: ToldEvent, channel: number): void {
    if (this.isEnded || this.#told > MOST_TOLD) return;
    this.#told++;
    const message = `${MOST_TOLD} digits, marks and warnings have come: what comes from now on is not kept`;
    this.#keep(this.#told > MOST_TOLD ? { type: "warning", channel, message } : event);
  }

  #partial(partial: LivePartial, channel: number, offset: number, base: number): void {
    const { end, stableLength, start, text, utterance } = partial;
    const shown: CallPartial = {
      type: "partial",
      channel,
      utterance: base + utterance,
      text,
      stableLength,
      start: rounded(start + offset),
      end: rounded(end + offset),
    };
    this.#partials.set(channel, shown);
    for (const follower of this.#followers) {
      follower.partials.set(channel, shown);
      follower.wake();
    }
  }

  /** Nothing is under way there any more. */
  #forgetPartial(channel: number): void {
    this.#partials.delete(channel);
    for (const { partials } of this.#followers) partials.delete(channel);
  }

  #keep(event: CallEvent): void {
    this.#events.push({ ...event, number: this.#events.length + 1, at: Date.now() });
    for (const { wake } of this.#followers) wake();
  }
}

/** What a door tells of a party. */
export interface PhoneLeg {
  readonly call: PhoneCall;
  readonly channel: number;
  /** Number that the first utterance of another stream of it has. */
  firstUtterance(): number;
  /**
   * @param offset seconds on the call's clock at which the stream that it comes from began
   * @param base number of that stream's first utterance
   */
  final(final: LiveFinal, offset: number, base: number): void;
  partial(partial: LivePartial, offset: number, base: number): void;
  /** Of all parties {@link MOST_TOLD} are kept. */
  tell(event: ToldEvent): void;
  /** The party has left; again: nothing. */
  end(end: LegEnd): void;
}

/** Thousandths. */
function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
