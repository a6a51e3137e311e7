import { type LiveEvent, TranscriptionError } from "../../../index.js";
import { failureOf, type SocketFailure } from "../failures.js";
import { type Fields, isObject, readObject, textOf } from "../fields.js";
import type { Connection } from "../session.js";
import { WebSocketSession } from "../websocket-session.js";
import {
  type Configuration,
  defaultConfiguration,
  SOUNDS,
  sessionOf,
  streamOptionsOf,
  withBetaSession,
  withSession,
} from "./configuration.js";
import { newId } from "./ids.js";
import { Item } from "./item.js";

/** How a client presents itself. */
export interface Greeting {
  /** It speaks as the beta of OpenAI's API does. */
  isBeta: boolean;
  /** The model that it asks for; undefined: any. */
  model: string | undefined;
}

/** Milliseconds of audio that a client may commit at least. */
const LEAST = 100;
const TRANSCRIPTION = "conversation.item.input_audio_transcription";

/** A session of OpenAI's Realtime API that transcribes (https://platform.openai.com/docs/guides/realtime-transcription). */
export class RealtimeSession extends WebSocketSession {
  readonly #id = newId("sess");
  #isBeta: boolean;
  #configuration: Configuration;
  /** Audio is written to a stream. */
  #isOpen = false;
  /** Milliseconds of streams that have ended. */
  #before = 0;
  /** Milliseconds in all, and when the last item was committed. */
  #appended = 0;
  #committedAt = 0;
  #item: Item | undefined;
  #lastItem: string | null = null;
  /** What is told now belongs to audio that was cleared. */
  #isDiscarding = false;

  constructor(connection: Connection, { isBeta, model }: Greeting) {
    // There is nothing to say while nobody speaks: who answers pings is there.
    super(connection, { pongsCount: true });
    this.#isBeta = isBeta;
    this.#configuration = defaultConfiguration(model ?? this.service.models.main.model.name);
    this.#send(isBeta ? "transcription_session.created" : "session.created", { session: this.#session });
  }

  protected override async onText(text: string): Promise<void> {
    let event: Fields = {};
    try {
      event = readObject(text, "an event: a JSON object with a type");
      await this.#take(event);
    } catch (error) {
      // What is wrong with an event is told, and the session goes on.
      const failure = failureOf(error, this.call.id);
      if (failure.reason !== "INVALID_ARGUMENT" || this.isOver) throw error;
      this.#tellError(failure, textOf(event.event_id));
    }
  }

  protected override async onBinary(): Promise<void> {
    const message = "Expected JSON in a text message but received bytes";
    this.#tellError(failureOf(new TranscriptionError("INVALID_ARGUMENT", message), this.call.id));
  }

  async #take(event: Fields): Promise<void> {
    switch (event.type) {
      case "session.update":
        return this.#update(event.session, withSession, "session.updated", false);
      case "transcription_session.update":
        return this.#update(event.session, withBetaSession, "transcription_session.updated", true);
      case "input_audio_buffer.append":
        return this.#append(event.audio);
      case "input_audio_buffer.commit":
        return this.#commit();
      case "input_audio_buffer.clear":
        return this.#clear();
      default: {
        const known =
          "session.update, transcription_session.update, input_audio_buffer.append, .commit or .clear";
        const given = typeof event.type === "string" ? JSON.stringify(event.type.slice(0, 100)) : "another";
        throw invalid("type", `Expected ${known} for type but received ${given}`);
      }
    }
  }

  async #update(
    session: unknown,
    change: (current: Configuration, session: Fields) => Configuration,
    answer: string,
    isBeta: boolean,
  ): Promise<void> {
    if (!isObject(session)) throw invalid("session", "Expected an object for session");
    const next = change(this.#configuration, session);
    const isOther = soundOf(next) !== soundOf(this.#configuration);
    // What was said by then is told as it was asked for.
    if (this.#isOpen && isOther) await this.#endStream();
    this.#configuration = next;
    this.#isBeta = isBeta;
    this.#send(answer, { session: this.#session });
  }

  async #append(audio: unknown): Promise<void> {
    if (typeof audio !== "string") throw invalid("audio", "Expected a string in base64 for audio");
    const bytes = Buffer.from(audio, "base64");
    if (bytes.length !== Math.floor((audio.replace(/={1,2}$/, "").length * 3) / 4))
      throw invalid("audio", "Expected base64 for audio but received other characters");
    if (!this.#isOpen) {
      await this.open(streamOptionsOf(this.#configuration), this.#configuration.model);
      this.#isOpen = true;
    }
    this.#appended += bytes.length / SOUNDS[this.#configuration.format].bytes;
    await this.write(bytes);
  }

  async #commit(): Promise<void> {
    const waiting = this.#appended - this.#committedAt;
    if (waiting < LEAST) {
      const message =
        "Error committing input audio buffer: buffer too small. " +
        `Expected at least ${LEAST}ms of audio, but buffer only has ${waiting.toFixed(2)}ms of audio.`;
      this.#tellError({ reason: "INVALID_ARGUMENT", message, closeCode: 0, param: undefined }, undefined, {
        code: "input_audio_buffer_commit_empty",
      });
      return;
    }
    this.#item ??= new Item(this.#committedAt);
    const item = this.#item;
    this.#tellCommitted(item);
    this.#tellDelta(item, this.#held.splice(0).join(""));
    await this.flush();
    // Silence ends what is said, too, and has told it by then.
    this.#complete(item, waiting / 1000);
    this.#committedAt = this.#appended;
  }

  /** What was said and was not told yet is forgotten. */
  async #clear(): Promise<void> {
    this.#isDiscarding = true;
    await this.flush();
    this.#isDiscarding = false;
    this.#item = undefined;
    this.#held.length = 0;
    this.#committedAt = this.#appended;
    this.#send("input_audio_buffer.cleared");
  }

  /** Deltas of an item that the client has not heard of: it commits it itself. */
  readonly #held: string[] = [];

  protected override onEvent(event: LiveEvent): void {
    if (this.#isDiscarding) return;
    const isManual = this.#configuration.turnDetection === null;
    switch (event.type) {
      case "speech-start":
        if (isManual) this.#item ??= new Item(this.#committedAt);
        // What is found in audio that the client has committed is of the item that it was committed as.
        else if (!this.#item?.isCommitted) this.#begin(event.time);
        return;
      case "partial":
        if (this.#item && !isManual) this.#tellDelta(this.#item, this.#item.partial(event));
        return;
      case "final": {
        this.#item ??= new Item(this.#before + event.start * 1000);
        const item = this.#item;
        if (isManual) {
          const delta = item.final(event);
          if (item.isCommitted) this.#tellDelta(item, delta);
          else this.#held.push(delta);
          return;
        }
        if (event.endOfUtterance) this.#stop(item, event.end);
        this.#tellDelta(item, item.final(event));
        if (event.endOfUtterance) this.#finish(item, event.end);
        return;
      }
      case "speech-end":
        if (isManual || !this.#item) return;
        // Nothing was understood.
        this.#stop(this.#item, event.time);
        this.#finish(this.#item, event.time);
    }
  }

  #begin(time: number): void {
    const { turnDetection } = this.#configuration;
    const start = Math.max(0, this.#before + time * 1000 - (turnDetection?.prefixPadding ?? 0));
    this.#item = new Item(start);
    const audio_start_ms = Math.round(start);
    this.#send("input_audio_buffer.speech_started", { audio_start_ms, item_id: this.#item.id });
  }

  #stop(item: Item, time: number): void {
    if (item.isCommitted) return;
    const audio_end_ms = Math.round(this.#before + time * 1000);
    this.#send("input_audio_buffer.speech_stopped", { audio_end_ms, item_id: item.id });
    this.#tellCommitted(item);
  }

  #finish(item: Item, time: number): void {
    this.#committedAt = this.#before + time * 1000;
    this.#complete(item, Math.max(0, (this.#committedAt - item.start) / 1000));
  }

  #tellCommitted({ id }: Item): void {
    const previous_item_id = this.#lastItem;
    this.#item!.isCommitted = true;
    this.#lastItem = id;
    this.#send("input_audio_buffer.committed", { item_id: id, previous_item_id });
    const content = [{ type: "input_audio", transcript: null }];
    const item = { id, object: "realtime.item", type: "message", status: "completed", role: "user", content };
    for (const kind of this.#isBeta ? ["created"] : ["added", "done"])
      this.#send(`conversation.item.${kind}`, { previous_item_id, item });
  }

  #tellDelta({ id }: Item, delta: string): void {
    if (delta !== "") this.#send(`${TRANSCRIPTION}.delta`, { item_id: id, content_index: 0, delta });
  }

  #complete(item: Item, seconds: number): void {
    if (this.#item !== item) return;
    this.#item = undefined;
    this.#send(`${TRANSCRIPTION}.completed`, {
      item_id: item.id,
      content_index: 0,
      transcript: item.transcript,
      usage: { type: "duration", seconds },
    });
  }

  async #endStream(): Promise<void> {
    await this.end();
    this.#isOpen = false;
    this.#before = this.#appended;
  }

  /** What the client would have committed. */
  protected override tellRest(): void {
    const item = this.#item;
    if (!item) return;
    if (!item.isCommitted) this.#tellCommitted(item);
    this.#tellDelta(item, this.#held.splice(0).join(""));
    this.#complete(item, Math.max(0, (this.#appended - item.start) / 1000));
  }

  protected override tell(failure: SocketFailure): void {
    this.#tellError(failure);
    this.peer.close(failure.closeCode, failure.message);
  }

  /** @param eventId what the client calls the event that is wrong */
  #tellError({ message, param, reason }: SocketFailure, eventId?: string, { code = "" } = {}): void {
    const isTheirs = reason === "INVALID_ARGUMENT";
    const error = {
      type: isTheirs
        ? "invalid_request_error"
        : reason === "QUEUE_FULL"
          ? "rate_limit_error"
          : "server_error",
      code: code || (isTheirs ? "invalid_value" : reason),
      message,
      param: param ?? null,
      event_id: eventId ?? null,
    };
    this.#send("error", { error });
  }

  get #session(): object {
    return sessionOf(this.#id, this.#configuration, this.#isBeta);
  }

  #send(type: string, fields: object = {}): void {
    this.peer.send({ type, event_id: newId("event"), ...fields });
  }
}

/** What a stream is opened with, to compare it. */
function soundOf(configuration: Configuration): string {
  return JSON.stringify([streamOptionsOf(configuration), configuration.model]);
}

function invalid(option: string, message: string): TranscriptionError {
  return new TranscriptionError("INVALID_ARGUMENT", message, { option });
}
