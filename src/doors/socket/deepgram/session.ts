import { createHash, randomUUID } from "node:crypto";
import {
  type LiveEvent,
  type LiveFinal,
  type LivePartial,
  TranscriptionError,
  type Word,
} from "../../../index.js";
import { deepgramModel, deepgramSpeaker, deepgramWord } from "../../../service/deepgram.js";
import { speakersIfPossible } from "../../../service/live.js";
import type { SocketFailure } from "../failures.js";
import { readObject } from "../fields.js";
import type { Connection } from "../session.js";
import { WebSocketSession } from "../websocket-session.js";
import { Mixer } from "./mixer.js";
import type { Listening } from "./query.js";

const EXPECTED = "audio, or a JSON object with the type KeepAlive, Finalize or CloseStream";

/** What is known of a channel. */
interface ChannelState {
  isSpeaking: boolean;
  /** Seconds, end of the last word after which nothing was told yet. */
  lastWordEnd: number | undefined;
}

/** A client of Deepgram's live API (https://developers.deepgram.com/reference/speech-to-text/listen-streaming). */
export class DeepgramSession extends WebSocketSession {
  readonly #listening: Listening;
  readonly #id = randomUUID();
  readonly #created = new Date().toISOString();
  readonly #hash = createHash("sha256");
  readonly #mixer: Mixer | undefined;
  readonly #channels: ChannelState[];
  #opening: Promise<void> | undefined;
  /** Finals of what the client has ended, and how many there were. */
  #isFinalizing = false;
  #finalized = 0;

  constructor(connection: Connection, listening: Listening) {
    super(connection);
    this.#listening = listening;
    this.#mixer = listening.mixed > 1 ? new Mixer(listening.mixed) : undefined;
    this.#channels = Array.from({ length: listening.channels }, () => ({
      isSpeaking: false,
      lastWordEnd: undefined,
    }));
    this.#opening = this.#begin(listening);
    this.#opening.catch((error: unknown) => this.fail(error));
  }

  protected override async onText(text: string): Promise<void> {
    await this.#opening;
    const { type } = readObject(text, EXPECTED);
    switch (type) {
      case "KeepAlive":
        return;
      case "Finalize":
        return this.#finalize();
      case "CloseStream":
        return this.#close();
      default: {
        const message = `Expected ${EXPECTED} but received another type`;
        throw new TranscriptionError("INVALID_ARGUMENT", message, { option: "type" });
      }
    }
  }

  protected override async onBinary(bytes: Buffer): Promise<void> {
    await this.#opening;
    this.#hash.update(bytes);
    await this.write(this.#mixer ? this.#mixer.mix(bytes) : bytes);
    this.#tellUtteranceEnds(this.processed);
  }

  protected override onEvent(event: LiveEvent): void {
    switch (event.type) {
      case "speech-start": {
        const { channel, time } = event;
        this.#channels[channel]!.isSpeaking = true;
        if (this.#listening.tellsSpeech)
          this.peer.send({ type: "SpeechStarted", channel: this.#indexOf(channel), timestamp: time });
        return;
      }
      case "partial":
        if (event.text !== "") this.peer.offer(`${event.channel}`, this.#results(event, []));
        return;
      case "final": {
        this.#channels[event.channel]!.lastWordEnd = event.end;
        if (this.#isFinalizing) this.#finalized++;
        this.peer.send(this.#results(event, event.words ?? []), `${event.channel}`);
        return;
      }
      case "speech-end":
        this.#channels[event.channel]!.isSpeaking = false;
    }
  }

  async #begin({ channels, model, stream, tellsSpeakers }: Listening): Promise<void> {
    const speakers = tellsSpeakers ? await speakersIfPossible(this.service.settings, channels) : {};
    await this.open({ ...stream, ...speakers }, model);
  }

  /** What has been said is told now; there will be more. */
  async #finalize(): Promise<void> {
    this.#isFinalizing = true;
    this.#finalized = 0;
    await this.flush();
    this.#isFinalizing = false;
    // Clients wait for one that says so.
    if (this.#finalized === 0) this.peer.send(this.#message(0, this.processed, 0, NOTHING, true, true));
  }

  async #close(): Promise<void> {
    this.peer.ignore();
    const [stats] = await this.end();
    const received = stats?.received ?? 0;
    this.#tellUtteranceEnds(Number.POSITIVE_INFINITY);
    const { channels } = this.#listening;
    const { model_info, model_uuid } = this.#modelFacts;
    this.peer.send({
      type: "Metadata",
      transaction_key: "deprecated",
      request_id: this.#id,
      sha256: this.#hash.digest("hex"),
      created: this.#created,
      duration: received,
      channels,
      models: [model_uuid],
      model_info: { [model_uuid]: model_info },
    });
    this.complete();
  }

  /** @param now seconds of audio that were listened to */
  #tellUtteranceEnds(now: number): void {
    const { utteranceEnd } = this.#listening;
    if (utteranceEnd === undefined) return;
    for (const [channel, state] of this.#channels.entries()) {
      const { isSpeaking, lastWordEnd } = state;
      if (isSpeaking || lastWordEnd === undefined || now < lastWordEnd + utteranceEnd) continue;
      state.lastWordEnd = undefined;
      this.peer.send({ type: "UtteranceEnd", channel: this.#indexOf(channel), last_word_end: lastWordEnd });
    }
  }

  #results(event: LiveFinal | LivePartial, words: readonly Word[]): object {
    const { channel, end, start, text } = event;
    const isFinal = event.type === "final";
    const alternative = {
      transcript: text,
      confidence: isFinal ? event.confidence : 0,
      words: words.map(wordOf),
      ...(isFinal && { languages: [event.language] }),
    };
    const isEnd = isFinal && event.endOfUtterance;
    return this.#message(channel, start, end - start, alternative, isFinal, isEnd);
  }

  #message(
    channel: number,
    start: number,
    duration: number,
    alternative: object,
    is_final: boolean,
    speech_final: boolean,
  ): object {
    return {
      type: "Results",
      channel_index: this.#indexOf(channel),
      duration,
      start,
      is_final,
      speech_final,
      from_finalize: is_final && (this.#isFinalizing || alternative === NOTHING),
      channel: { alternatives: [alternative] },
      metadata: { request_id: this.#id, ...this.#modelFacts },
    };
  }

  #indexOf(channel: number): [number, number] {
    return [channel, this.#listening.channels];
  }

  get #modelFacts() {
    return deepgramModel(this.model);
  }

  /** The reason of the closing frame says what is wrong, in Deepgram's words where it has some. */
  protected override tell({ closeCode, message, reason }: SocketFailure): void {
    const isIdle = reason === "DEADLINE_EXCEEDED";
    this.peer.close(isIdle ? 1011 : closeCode, isIdle ? `NET-0001: ${message}` : message);
  }
}

function wordOf(word: Word): object {
  const { speaker } = word;
  return { ...deepgramWord(word), ...(speaker != null && { speaker: deepgramSpeaker(speaker) }) };
}

const NOTHING = { transcript: "", confidence: 0, words: [] };
