import { type LiveEvent, TranscriptionError } from "../../../index.js";
import { speakersIfPossible } from "../../../service/live.js";
import type { SocketFailure } from "../failures.js";
import { WebSocketSession } from "../websocket-session.js";
import { type Asked, readFirstMessage } from "./first-message.js";
import { Segments } from "./segments.js";

const END_OF_AUDIO = "END_OF_AUDIO";
const END_BYTES = Buffer.from(END_OF_AUDIO);
/** Name under which text is sent that later text replaces. */
const TEXT = "text";
/** Its clients keep completed segments, and write their subtitles, for this one alone. */
const BACKEND = "faster_whisper";

const NO_SPEAKERS =
  "The server has no model that tells speakers apart while they speak: enable_diarization is left out";

/**
 * Milliseconds without audio after which what has been said is taken for complete: a client that has sent all of a file
 * waits for the text to settle, and is gone as soon as it says that its audio has ended.
 */
const QUIET = 2000;

/** A client of WhisperLive (https://github.com/collabora/WhisperLive), as its version 0.9 speaks. */
export class WhisperLiveSession extends WebSocketSession {
  #asked: Asked | undefined;
  #segments: Segments | undefined;
  /** The client waits to be told. */
  #awaitsLanguage = false;
  #quiet: NodeJS.Timeout | undefined;

  protected override async onText(text: string): Promise<void> {
    if (!this.#asked) return this.#begin(text);
    // The app for iOS sends it so.
    if (text === END_OF_AUDIO) return this.#finish();
    this.#say({ status: "WARNING", message: "Expected audio in binary messages but received text" });
  }

  protected override async onBinary(bytes: Buffer): Promise<void> {
    if (!this.#asked) {
      const message = "Expected a text message with uid, language, task and model first but received bytes";
      throw new TranscriptionError("INVALID_ARGUMENT", message);
    }
    if (bytes.equals(END_BYTES)) return this.#finish();
    await this.write(bytes);
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => {
      if (!this.isOver) this.flush().catch((error: unknown) => this.fail(error));
    }, QUIET);
    this.#quiet.unref();
  }

  async #begin(text: string): Promise<void> {
    const asked = readFirstMessage(text);
    this.#asked = asked;
    this.#awaitsLanguage = asked.detectsLanguage;
    this.#segments = new Segments(asked.lastSegments, asked.words);
    const { mostSpeakers, stream, tellsSpeakers } = asked;
    const speakers = tellsSpeakers ? await speakersIfPossible(this.service.settings, 1, mostSpeakers) : {};
    await this.open({ ...stream, ...speakers }, asked.model);
    this.#say({ message: "SERVER_READY", backend: BACKEND });
    // Nothing is detected where the server has a language of its own.
    const { language } = this.service.settings;
    if (this.service.models.main.languages.includes(language)) this.#tellLanguage(language, 1);
    if (tellsSpeakers && !speakers.diarize) this.#say({ status: "WARNING", message: NO_SPEAKERS });
    for (const message of asked.warnings) this.#say({ status: "WARNING", message });
  }

  protected override onEvent(event: LiveEvent): void {
    if (event.type === "language") this.#tellLanguage(event.language, event.probability);
    else if (event.type === "partial") {
      if (this.#awaitsLanguage && this.#asked?.isExtension) return;
      const segments = this.#segments?.partial(event);
      if (segments) this.peer.offer(TEXT, this.#answer({ segments }));
    } else if (event.type === "final") {
      this.#tellLanguage(event.language, 1);
      for (const segments of this.#segments?.final(event) ?? [])
        this.peer.send(this.#answer({ segments }), TEXT);
    } else if (event.type === "warning") {
      this.#say({ status: "WARNING", message: event.message });
    }
  }

  /** Once, and before anything settled: clients that wait for it take what comes then for text. */
  #tellLanguage(language: string, probability: number): void {
    if (!this.#awaitsLanguage) return;
    this.#awaitsLanguage = false;
    this.#say({ language, language_prob: probability });
  }

  async #finish(): Promise<void> {
    clearTimeout(this.#quiet);
    this.peer.ignore();
    await this.end();
    this.complete();
  }

  protected override tell({ reason, message, closeCode }: SocketFailure): void {
    if (reason === "QUEUE_FULL") {
      const minutes = Math.max(1, Math.ceil(this.service.workers.retryAfter / 60));
      this.#say({ status: "WAIT", message: minutes });
    } else if (this.#segments && (reason === "UNAVAILABLE" || reason === "DEADLINE_EXCEEDED")) {
      this.#say({ message: "DISCONNECT" });
    } else {
      this.#say({ status: "ERROR", message });
    }
    this.peer.close(closeCode, message);
  }

  #say(message: object): void {
    this.peer.send(this.#answer(message));
  }

  /** Clients drop what does not bear their id. */
  #answer(message: object): object {
    return { uid: this.#asked?.uid ?? null, ...message };
  }
}
