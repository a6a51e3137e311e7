import { setTimeout as sleep } from "node:timers/promises";
import { type LiveEvent, TranscriptionError } from "../../../index.js";
import type { SocketFailure } from "../failures.js";
import { isObject, numberIn, readObject } from "../fields.js";
import type { StreamOptions } from "../session.js";
import { WebSocketSession } from "../websocket-session.js";
import { Results } from "./results.js";

/** Hz where a client does not say. */
const SAMPLE_RATE = 8000;
/** Seconds of audio that may wait when a piece is answered: more than there is between two passes of the model. */
const MOST_LAG = 2.5;
/** Milliseconds between two looks. */
const LOOK_EVERY = 10;
const EXPECTED = 'a JSON object with config, eof or reset, such as {"eof" : 1}';

/**
 * A client of Vosk's server (https://github.com/alphacep/vosk-server). Each binary message has one answer, which says what
 * is known by then.
 */
export class VoskSession extends WebSocketSession {
  readonly #results = new Results();
  #config: StreamOptions = {};
  #words = true;
  #alternatives = 0;
  #isOpen = false;

  protected override async onText(text: string): Promise<void> {
    const fields = readObject(text, EXPECTED);
    if (isObject(fields.config)) return this.#configure(fields.config);
    if (fields.eof !== undefined) return this.#finish();
    if (fields.reset !== undefined) {
      await this.flush();
      this.tellRest();
      return;
    }
    throw new TranscriptionError("INVALID_ARGUMENT", `Expected ${EXPECTED} but received another`);
  }

  protected override async onBinary(bytes: Buffer): Promise<void> {
    if (!this.#isOpen) {
      this.#isOpen = true;
      await this.open({ sampleRate: SAMPLE_RATE, words: true, ...this.#config });
    }
    await this.write(bytes);
    // Whoever waits for each answer before it goes on expects it to be about what it has sent.
    while (this.lag > MOST_LAG && !this.isOver) await sleep(LOOK_EVERY);
    this.peer.send(this.#results.answer(this.#looks));
  }

  protected override onEvent(event: LiveEvent): void {
    this.#results.take(event);
  }

  /** What is about sound counts until there is some, what is about answers at any time. */
  #configure({ sample_rate, phrase_list, words, max_alternatives }: Readonly<Record<string, unknown>>): void {
    const sampleRate = numberIn(sample_rate, 0, Number.MAX_SAFE_INTEGER);
    const hotwords = Array.isArray(phrase_list)
      ? phrase_list.filter((phrase) => typeof phrase === "string" && phrase !== "[unk]")
      : [];
    this.#config = {
      ...this.#config,
      ...(sampleRate !== undefined && { sampleRate: Math.round(sampleRate) }),
      ...(hotwords.length > 0 && { hotwords }),
    };
    if (words !== undefined) this.#words = words === true || words === 1;
    this.#alternatives = numberIn(max_alternatives, 0, 1) ?? this.#alternatives;
  }

  async #finish(): Promise<void> {
    this.peer.ignore();
    await this.end();
    this.tellRest();
    this.complete();
  }

  protected override tellRest(): void {
    this.#results.endAll();
    this.peer.send(this.#results.result(this.#looks));
  }

  get #looks() {
    return { words: this.#words, alternatives: this.#alternatives };
  }

  /** Nothing in the protocol says what is wrong. */
  protected override tell({ closeCode, message }: SocketFailure): void {
    this.peer.close(closeCode, message);
  }
}
