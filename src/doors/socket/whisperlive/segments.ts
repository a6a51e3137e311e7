import type { LiveFinal, LivePartial } from "../../../index.js";

/** A segment as WhisperLive has it: times are strings of seconds with three decimals. */
export interface Segment {
  start: string;
  end: string;
  text: string;
  completed: boolean;
  speaker?: string;
  words?: { word: string; start: string; end: string; probability: number }[];
}

/**
 * The transcript as messages show it: the last completed segments, then at most one that is not. Completed ones never
 * change, and none begins before the one before it ends: clients drop those.
 */
export class Segments {
  readonly #last: number;
  readonly #words: boolean;
  readonly #completed: Segment[] = [];
  #end = 0;
  /** Text of the segment that was shown last as not completed. */
  #shown: string | undefined;

  /** @param last how many completed ones a message has @param words whether they have words */
  constructor(last: number, words: boolean) {
    this.#last = last;
    this.#words = words;
  }

  /** @returns the segments of a message; undefined: there is nothing to show */
  partial({ start, end, text }: LivePartial): Segment[] | undefined {
    if (text === "") {
      this.#shown = undefined;
      return this.#completed.length > 0 ? this.#completed.slice() : undefined;
    }
    return this.#unsettled(this.#segment(start, end, text, false));
  }

  /**
   * @returns the segments of messages to send one after the other. A client that writes subtitles takes what it was shown
   *   last as not completed for the rest of the text, unless it is the same as the last completed: so that is shown first.
   */
  final({ start, end, speaker, text, words }: LiveFinal): Segment[][] {
    const completed = this.#segment(start, end, text, true);
    if (speaker != null) completed.speaker = speaker;
    const before =
      this.#shown === completed.text ? [] : [this.#unsettled({ ...completed, completed: false })];
    if (this.#words && words) {
      completed.words = words.map((word) => ({
        word: ` ${word.text}`,
        start: seconds(word.start),
        end: seconds(word.end),
        probability: word.confidence,
      }));
    }
    this.#end = Number(completed.end);
    this.#completed.push(completed);
    if (this.#completed.length > this.#last) this.#completed.shift();
    return [...before, this.#completed.slice()];
  }

  #unsettled(segment: Segment): Segment[] {
    this.#shown = segment.text;
    return [...this.#completed, segment];
  }

  #segment(start: number, end: number, text: string, completed: boolean): Segment {
    const from = Math.max(start, this.#end);
    // Whisper's texts begin with a blank, and clients tell segments of the same text apart by it.
    return { start: seconds(from), end: seconds(Math.max(from, end)), text: ` ${text}`, completed };
  }
}

function seconds(time: number): string {
  return time.toFixed(3);
}
