import type { ServiceDefinition } from "@grpc/grpc-js";
import { type Segment, TranscriptionError } from "../../../index.js";
import { loadDefinitions, serviceIn, V2_SERVICE } from "../definitions.js";
import type { SentResult } from "./results.js";

/** Bytes of a message that clients of gRPC take unless they are told otherwise. */
const USUAL = 4 * 1024 ** 2;
/** Bytes of a word besides its text: three numbers of 9, tags and lengths. */
const WORD = 31;
/** And of its speaker besides the id: a number of 9, a tag and a length. */
const SPEAKER = 11;

const FIELD = "config.max_result_bytes";

/** The result is larger than its client takes, whatever is left out of it. */
export class ResultTooLarge extends TranscriptionError {
  /** @param most bytes that the client takes */
  constructor(most: number) {
    super(
      "AUDIO_TOO_LARGE",
      `The result is larger than the ${most} bytes that the client takes: raise its limit of received messages and ` +
        `${FIELD}, or use TranscribeUploadEvents with config.events_only`,
      { option: FIELD },
    );
  }
}

/** How large a result may be. */
export class ResultSize {
  readonly #most: number;
  #bytes = 0;

  /** @param asked of the request; 0 for none @param most bytes that the server sends */
  constructor(asked: number, most: number) {
    this.#most = Math.min(asked > 0 ? asked : USUAL, most);
  }

  /** Counts a segment that is finished. @throws ResultTooLarge when there is no hope any more */
  add({ text, words, speaker }: Segment): void {
    const each = WORD + (speaker ? SPEAKER + speaker.length : 0);
    this.#bytes +=
      words?.reduce((bytes, word) => bytes + each + Buffer.byteLength(word.text), 0) ??
      Buffer.byteLength(text);
    if (this.#bytes > this.#most) throw new ResultTooLarge(this.#most);
  }

  /** `result`, without what stands in it twice if it has to be. @throws ResultTooLarge */
  fit(result: SentResult): SentResult {
    if (bytesOf(result) <= this.#most) return result;
    const warn = (what: string): string[] => [
      ...result.warnings,
      `The result is larger than ${this.#most} bytes, which is why ${what}; ${FIELD} raises that`,
    ];
    const plain = result.segments.map((segment) => ({ ...segment, tokens: [] }));
    const tokenless = { ...result, segments: plain, warnings: warn("it is without tokens") };
    if (bytesOf(tokenless) <= this.#most) return tokenless;
    const channels = result.channels.map((channel) => ({ ...channel, text: "" }));
    const untitled = {
      ...tokenless,
      text: "",
      channels,
      warnings: warn("its text is in its segments alone"),
    };
    if (bytesOf(untitled) <= this.#most) return untitled;
    const segments = plain.map((segment) => (segment.words.length > 0 ? { ...segment, text: "" } : segment));
    const bare = { ...untitled, segments, warnings: warn("its text is in its words alone") };
    if (bytesOf(bare) <= this.#most) return bare;
    throw new ResultTooLarge(this.#most);
  }
}

let service: ServiceDefinition | undefined;

function bytesOf(result: SentResult): number {
  service ??= serviceIn(loadDefinitions(), V2_SERVICE);
  return service.Transcribe!.responseSerialize(result).byteLength;
}
