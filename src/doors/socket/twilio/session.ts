import { type LiveEvent, TranscriptionError } from "../../../index.js";
import type { SocketFailure } from "../failures.js";
import { type Fields, isObject, languageOf, readObject, textOf } from "../fields.js";
import type { Connection, StreamOptions } from "../session.js";
import { LONGEST_GAP } from "../telephony/leg-clock.js";
import { Party, type PhoneAudio } from "../telephony/party.js";
import { WebSocketSession } from "../websocket-session.js";

/** Channels of a call's tracks: what the caller says to Twilio, and what he hears. */
const CHANNELS: Readonly<Record<string, number>> = { inbound: 0, outbound: 1 };
/** Twilio's audio: mu-law at 8 kHz. */
const AUDIO: PhoneAudio = { bytesPerSecond: 8000, silence: 0xff };
const SAMPLE_RATE = 8000;
/** Seconds by which its own timestamps may differ from what was sent. */
const TOLERANCE = 0.1;
const ID = /^[A-Za-z0-9_-]{1,64}$/;

/** A media stream of a phone call (https://www.twilio.com/docs/voice/media-streams/websocket-messages). */
export class TwilioSession extends WebSocketSession {
  readonly #parties = new Map<string, Party>();
  /** Seconds on the call's clock at which the stream began. */
  #base = 0;
  #finishing: Promise<void> | undefined;

  constructor(connection: Connection) {
    super(connection, { drains: true });
  }

  protected override async onText(text: string): Promise<void> {
    const message = readObject(text, "a message of Twilio's: a JSON object with an event");
    switch (message.event) {
      case "start":
        return this.#start(isObject(message.start) ? message.start : {}, textOf(message.streamSid));
      case "media":
        return this.#hear(isObject(message.media) ? message.media : {});
      case "dtmf":
        return this.#tellDigit(isObject(message.dtmf) ? message.dtmf : {});
      case "mark":
        return this.#tellMark(isObject(message.mark) ? message.mark : {});
      case "stop":
        return this.#finish();
    }
    // `connected`, and whatever there will be.
  }

  protected override async onBinary(): Promise<void> {
    throw wrong("message", "text messages", "bytes");
  }

  async #start(start: Fields, streamId: string | undefined): Promise<void> {
    if (this.#parties.size > 0) throw wrong("event", "one start", "another");
    const id = textOf(start.callSid) ?? textOf(start.streamSid) ?? streamId ?? "";
    if (!ID.test(id))
      throw wrong("start.callSid", "an id of at most 64 letters and digits", id.slice(0, 100));
    requireFormat(isObject(start.mediaFormat) ? start.mediaFormat : {});
    const tracks = Array.isArray(start.tracks) ? [...new Set<unknown>(start.tracks)] : ["inbound"];
    if (tracks.length === 0) throw wrong("start.tracks", "inbound, outbound or both", "nothing");
    const { model, ...options } = optionsOf(isObject(start.customParameters) ? start.customParameters : {});
    for (const track of tracks) {
      const channel = CHANNELS[String(track)];
      if (channel === undefined) throw wrong("start.tracks", "inbound and outbound", String(track));
      const { peer } = this.call;
      const name = String(track);
      const leg = this.service.phoneCalls.join(id, "twilio", { channel, name, peer });
      this.#base = Math.max(this.#base, leg.call.elapsed);
      const party = new Party(leg, {
        tolerance: TOLERANCE,
        write: (audio) => this.write(audio, channel),
        flush: () => this.flush(channel),
        fail: (reason) => this.fail(reason),
      });
      this.#parties.set(name, party);
      await this.open(
        { ...options, encoding: "mulaw", sampleRate: SAMPLE_RATE, words: true },
        model,
        channel,
      );
    }
  }

  async #hear({ payload, timestamp, track = "inbound" }: Fields): Promise<void> {
    const party = this.#parties.get(String(track));
    if (!party) throw wrong("media.track", "a track that start has named", String(track));
    if (typeof payload !== "string") throw wrong("media.payload", "base64", typeof payload);
    const audio = Buffer.from(payload, "base64");
    const time = Number(timestamp) / 1000;
    if (!/^\d{1,8}$/.test(String(timestamp)))
      throw wrong("media.timestamp", "milliseconds within a day", String(timestamp));
    const start = this.#base + time;
    if (party.clock.lateness(start) > LONGEST_GAP)
      throw wrong("media.timestamp", `a gap of at most ${LONGEST_GAP} s`, String(timestamp));
    await party.hear(audio, start, AUDIO);
  }

  #tellDigit({ digit, track = "inbound" }: Fields): void {
    // Of digits it says inbound_track, of audio inbound.
    const leg = this.#parties.get(String(track).replace(/_track$/, ""))?.leg;
    leg?.tell({ type: "dtmf", channel: leg.channel, digit: String(digit).slice(0, 8) });
  }

  #tellMark({ name }: Fields): void {
    const [party] = this.#parties.values();
    party?.leg.tell({ type: "mark", name: String(name).slice(0, 200) });
  }

  protected override onEvent(event: LiveEvent, track: number): void {
    for (const party of this.#parties.values()) if (party.leg.channel === track) party.take(event);
  }

  /** What was said is heard to its end, whether the other side waits for that or not. */
  #finish(): Promise<void> {
    this.#finishing ??= (async () => {
      this.peer.ignore();
      for (const party of this.#parties.values()) party.stop();
      await this.end();
      this.complete();
    })();
    return this.#finishing;
  }

  protected override async outlive(): Promise<void> {
    if (!this.isOver) await this.#finish();
  }

  protected override onOver(failure?: SocketFailure): void {
    for (const party of this.#parties.values())
      party.end(failure, failure && this.progressOf(party.leg.channel));
  }

  protected override tell({ closeCode, message }: SocketFailure): void {
    this.peer.close(closeCode, message);
  }
}

/** @throws TranscriptionError INVALID_ARGUMENT */
function requireFormat({ channels = 1, encoding = "audio/x-mulaw", sampleRate = SAMPLE_RATE }: Fields): void {
  const isOurs =
    /^audio\/(x-)?mulaw$/i.test(String(encoding)) &&
    Number(sampleRate) === SAMPLE_RATE &&
    Number(channels) === 1;
  if (isOurs) return;
  const given = `${encoding} at ${sampleRate} Hz with ${channels} channels`;
  throw wrong("start.mediaFormat", `audio/x-mulaw at ${SAMPLE_RATE} Hz with 1 channel`, given.slice(0, 200));
}

/** What a `<Parameter>` of the stream may say. @throws TranscriptionError INVALID_ARGUMENT */
function optionsOf(parameters: Fields): StreamOptions & { model?: string } {
  const language = languageOf(parameters.language, "language");
  const [model, prompt] = [textOf(parameters.model), textOf(parameters.prompt)];
  const hotwords = (textOf(parameters.keywords) ?? "")
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
  return {
    ...(language !== undefined && { language }),
    ...(model !== undefined && { model }),
    ...(prompt !== undefined && { initialPrompt: prompt }),
    ...(hotwords.length > 0 && { hotwords }),
  };
}

function wrong(option: string, expected: string, received: string): TranscriptionError {
  const message = `Expected ${expected} for ${option} but received ${received.slice(0, 200) || "nothing"}`;
  return new TranscriptionError("INVALID_ARGUMENT", message, { option });
}
