import { type Segment, TranscriptionError } from "../../../index.js";
import { variableOf } from "../../../service/settings.js";
import { EncodedResult } from "./encoded-result.js";
import type { SentResult } from "./results.js";

/** Bytes of a message that clients of gRPC take unless they are told otherwise. */
const USUAL = 4 * 1024 ** 2;
/** Bytes of a word besides its text: three numbers of 9, tags and lengths. */
const WORD = 31;
/** And of its speaker besides the id: a number of 9, a tag and a length. */
const SPEAKER = 11;

const FIELD = "config.max_result_bytes";
const SETTING = variableOf("maxSendMessageLength");

/** The result is larger than its client takes, or its server sends, whatever is left out of it. */
export class ResultTooLarge extends TranscriptionError {
  /** @param most bytes @param isClients whether it is the client that takes no more */
  constructor(most: number, isClients: boolean) {
    const events = "use TranscribeUploadEvents with config.events_only";
    super(
      "AUDIO_TOO_LARGE",
      isClients
        ? `The result is larger than the ${most} bytes that the client takes: raise its limit of received messages and ${FIELD}, or ${events}`
        : `The result is larger than the ${most} bytes that the server sends (${SETTING}): ${events}`,
      isClients ? { option: FIELD } : {},
    );
  }
}

/** How large the message with a result may be. */
export class ResultSize {
  readonly #most: number;
  readonly #isClients: boolean;
  readonly #isInEvent: boolean;
  #bytes = 0;

  /**
   * @param asked of the request; 0 for none
   * @param most bytes that the server sends
   * @param isInEvent whether the result is sent in an event, which counts
   * @throws TranscriptionError INVALID_ARGUMENT for fewer than none
   */
  constructor(asked: number, most: number, isInEvent = false) {
    if (asked < 0) {
      const message = `Expected 0 or a number of bytes for ${FIELD} but received ${asked}`;
      throw new TranscriptionError("INVALID_ARGUMENT", message, { option: FIELD });
    }
    const taken = asked > 0 ? asked : USUAL;
    this.#most = Math.min(taken, most);
    this.#isClients = taken <= most;
    this.#isInEvent = isInEvent;
  }

  /** Counts a segment that is finished. @throws ResultTooLarge when there is no hope any more */
  add({ text, words, speaker }: Segment): void {
    const each = WORD + (speaker ? SPEAKER + speaker.length : 0);
    this.#bytes +=
      words?.reduce((bytes, word) => bytes + each + Buffer.byteLength(word.text), 0) ??
      Buffer.byteLength(text);
    if (this.#bytes > this.#most) throw this.#refusal();
  }

  /** `result`, without what stands in it twice if it has to be. @throws ResultTooLarge */
  fit(result: SentResult): EncodedResult {
    for (const smaller of this.#attempts(result)) {
      const encoded = EncodedResult.of(smaller);
      const length = this.#isInEvent ? encoded.eventLength : encoded.bytes.length;
      if (length <= this.#most) return encoded;
    }
    throw this.#refusal();
  }

  #refusal(): ResultTooLarge {
    return new ResultTooLarge(this.#most, this.#isClients);
  }

  /** `result`, and what is left of it when ever more is left out. */
  *#attempts(result: SentResult): Generator<SentResult> {
    yield result;
    const remedy = this.#isClients ? `${FIELD} raises that` : `${SETTING} allows no more`;
    const warn = (what: string): string[] => [
      ...result.warnings,
      `The result is larger than ${this.#most} bytes, which is why ${what}; ${remedy}`,
    ];
    const plain = result.segments.map((segment) => ({ ...segment, tokens: [] }));
    const tokenless = { ...result, segments: plain, warnings: warn("it is without tokens") };
    if (result.segments.some(({ tokens }) => tokens.length > 0)) yield tokenless;
    const channels = result.channels.map((channel) => ({ ...channel, text: "" }));
    const untitled = {
      ...tokenless,
      text: "",
      channels,
      warnings: warn("its text is in its segments alone"),
    };
    yield untitled;
    const segments = plain.map((segment) => (segment.words.length > 0 ? { ...segment, text: "" } : segment));
    yield { ...untitled, segments, warnings: warn("its text is in its words alone") };
  }
}
