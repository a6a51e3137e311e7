import { type LiveStats, TranscriptionError } from "../../../index.js";
import { type Call, Unavailable } from "../../../service/call/call.js";
import type { LiveSession } from "../../../service/live.js";
import type { Service } from "../../../service/service.js";
import { incoming } from "../incoming.js";
import { LiveEvents, type LiveRpc } from "./live-events.js";
import { toLiveOptions } from "./live-options.js";
import type { LiveConfig, LiveRequest } from "./messages.js";
import { inLiveRequest } from "./request-errors.js";

/** Bytes of a message's audio. */
const MAX_AUDIO = 1024 ** 2;

/** One call of TranscribeLive: what it brings goes into a stream, whose events are sent. */
export class LiveCall {
  readonly events: LiveEvents;
  readonly #service: Service;
  readonly #call: Call;
  readonly #rpc: LiveRpc;
  #stream: LiveSession | undefined;
  #telling: Promise<void> = Promise.resolve();

  constructor(service: Service, call: Call, rpc: LiveRpc) {
    this.#service = service;
    this.#call = call;
    this.#rpc = rpc;
    this.events = new LiveEvents(rpc, call);
  }

  /**
   * Goes on until the client has sent everything and all of it is told.
   * @throws TranscriptionError INVALID_ARGUMENT for messages in another order; what the stream fails with
   */
  async run(): Promise<LiveStats> {
    // It takes as long as somebody speaks; who is silent is noticed by the stream.
    this.#call.expireAfter(Number.POSITIVE_INFINITY, "");
    for await (const request of incoming<LiveRequest>(this.#rpc, this.#call)) await this.#take(request);
    // Who is gone looks for a moment as if he had sent everything.
    await this.#call.race(this.#call.received);
    if (!this.#stream) throw misplaced("config", "the configuration in the first message", "no message");
    const stats = await this.#stream.end();
    await this.#telling;
    return stats;
  }

  /** The server stops: what has been said so far is told first. */
  async windUp(): Promise<void> {
    await this.#stream?.end().catch(() => {});
    await this.#telling;
    this.#call.fail(new Unavailable("The server is shutting down"));
  }

  async #take({ payload, audio, config }: LiveRequest): Promise<void> {
    const stream = this.#stream;
    if (payload === "config" && config) {
      if (stream) throw misplaced("config", "audio after the configuration", "a second configuration");
      await this.#open(config);
      return;
    }
    if (!stream) throw misplaced("config", "the configuration in the first message", payload ?? "nothing");
    if (payload === "audio" && audio) {
      if (audio.length > MAX_AUDIO) {
        const message = `Expected at most ${MAX_AUDIO} bytes of audio in a message but received ${audio.length}`;
        throw new TranscriptionError("INVALID_ARGUMENT", message, { option: "audio" });
      }
      this.#call.bytes += audio.length;
      await stream.write(audio);
    } else if (payload === "flush") await stream.flush();
    else if (payload === "keep_alive") stream.keepAlive();
    else throw misplaced("payload", "audio, flush or keep_alive", "a message with neither");
  }

  async #open(config: LiveConfig): Promise<void> {
    try {
      const keeping = { record: config.record, again: config.transcribe_again };
      const model = config.model || undefined;
      this.#stream = await this.#service.live(this.#call, toLiveOptions(config), model, keeping);
    } catch (error) {
      throw inLiveRequest(error);
    }
    this.#telling = this.#tell(this.#stream);
    // Whoever waits for messages of the client has to hear of it.
    this.#telling.catch((reason: Error) => this.#call.fail(reason));
  }

  async #tell(stream: LiveSession): Promise<void> {
    try {
      for await (const event of stream) this.events.send(event, stream);
    } catch (error) {
      throw inLiveRequest(error);
    }
  }
}

function misplaced(field: string, expected: string, received: string): TranscriptionError {
  const message = `Expected ${expected} but received ${received}`;
  return new TranscriptionError("INVALID_ARGUMENT", message, { option: field });
}
