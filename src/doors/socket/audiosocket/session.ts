import type { Socket } from "node:net";
import { type LiveEvent, TranscriptionError } from "../../../index.js";
import type { SocketFailure } from "../failures.js";
import { type Caller, LiveSession } from "../session.js";
import { Party } from "../telephony/party.js";
import { DTMF, ERROR, type Frame, HANG_UP, RATES, UUID, uuidText } from "./frames.js";
import { Wire, type WireMessage } from "./wire.js";

/** Seconds by which audio may be late without a gap before it: there is no other clock than its coming. */
const TOLERANCE = 1;
/** What Asterisk says with an error in whose course nothing is wrong. */
const CALLER_HUNG_UP = 0x01;
const SAMPLE_BYTES = 2;
const UUID_BYTES = 16;

/**
 * One party of a phone call whose audio Asterisk sends
 * (https://docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket). Parties with the same UUID are of one call.
 */
export class AudioSocketSession extends LiveSession<Wire, WireMessage> {
  readonly #peer: string;
  #party: Party | undefined;
  /** Hz of the stream that is open. */
  #rate: number | undefined;
  /** Half a sample. */
  #half: Buffer = Buffer.alloc(0);
  /** Seconds in which audio that had come was not listened to, since it was last on time. */
  #held = 0;
  #finishing: Promise<void> | undefined;

  constructor(caller: Caller, socket: Socket) {
    super(caller, (events, idleTimeout) => new Wire(socket, idleTimeout, events));
    this.#peer = caller.call.peer;
  }

  protected override async onMessage({ kind, payload }: Frame, hasMore: boolean): Promise<void> {
    if (kind === HANG_UP) return this.#finish();
    if (kind === UUID) return this.#join(payload);
    const party = this.#party;
    // Pages of browsers can have them speak HTTP to any port of this machine, whose body would be messages else.
    if (!party) throw wrong("the UUID of the call first", `a message of the kind 0x${kind.toString(16)}`);
    const { leg } = party;
    const { channel } = leg;
    const rate = RATES.get(kind);
    if (rate !== undefined) return this.#hear(party, payload, rate, hasMore);
    if (kind === DTMF) return leg.tell({ type: "dtmf", channel, digit: payload.toString("latin1", 0, 1) });
    // Later versions may have more.
    if (kind !== ERROR) return;
    if (payload[0] !== CALLER_HUNG_UP) {
      const message = `Asterisk reports the error 0x${payload.toString("hex", 0, 8)}`;
      leg.tell({ type: "warning", channel, message });
    }
    return this.#finish();
  }

  async #join(payload: Buffer): Promise<void> {
    if (payload.length !== UUID_BYTES) throw wrong("a UUID of 16 bytes", `${payload.length} bytes`);
    if (this.#party) throw wrong("one UUID", "another");
    const leg = this.service.phoneCalls.join(uuidText(payload), "audiosocket", { peer: this.#peer });
    this.#party = new Party(leg, {
      tolerance: TOLERANCE,
      write: (audio) => this.write(audio),
      flush: () => this.flush(),
      fail: (reason) => this.fail(reason),
    });
  }

  async #hear(party: Party, payload: Buffer, rate: number, hasMore: boolean): Promise<void> {
    const came = party.leg.call.elapsed;
    if (rate !== this.#rate) await this.#begin(party, rate);
    const all = Buffer.concat([this.#half, payload]);
    const whole = all.length - (all.length % SAMPLE_BYTES);
    this.#half = all.subarray(whole);
    const bytesPerSecond = SAMPLE_BYTES * rate;
    // It ends when it comes, but for what has waited here.
    const start = came - whole / bytesPerSecond;
    const lateness = party.clock.lateness(start);
    if (lateness <= 0) this.#held = 0;
    else if (hasMore) this.#held = Math.max(this.#held, lateness);
    await party.hear(all.subarray(0, whole), start - this.#held, { bytesPerSecond, silence: 0 });
    this.#held += party.leg.call.elapsed - came;
  }

  async #begin(party: Party, rate: number): Promise<void> {
    if (this.#rate !== undefined) {
      await this.#end();
      party.restart();
    }
    await this.open({ encoding: "s16le", sampleRate: rate, words: true });
    this.#rate = rate;
    this.#held = 0;
  }

  async #end(): Promise<void> {
    // Which is then told to be left out.
    if (this.#half.length > 0) await this.write(this.#half);
    this.#half = Buffer.alloc(0);
    await this.end();
  }

  protected override onEvent(event: LiveEvent): void {
    this.#party?.take(event);
  }

  /** What was said is heard to its end, whether the other side waits for that or not. */
  #finish(): Promise<void> {
    this.#finishing ??= (async () => {
      this.peer.ignore();
      this.#party?.stop();
      await this.#end();
      this.complete();
    })();
    return this.#finishing;
  }

  protected override async outlive(): Promise<void> {
    if (!this.isOver) await this.#finish();
  }

  protected override onOver(failure?: SocketFailure): void {
    this.#party?.end(failure, failure && this.progressOf(0));
  }

  protected override tell(): void {
    this.peer.close();
  }
}

function wrong(expected: string, received: string): TranscriptionError {
  return new TranscriptionError("INVALID_ARGUMENT", `Expected ${expected} but received ${received}`);
}
