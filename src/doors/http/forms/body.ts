import type { IncomingMessage } from "node:http";
import { TranscriptionError } from "../../../index.js";
import { type Call, ClientGone } from "../../../service/call/call.js";
import { type ServerSettings, variableOf } from "../../../service/settings.js";
import { notArrived } from "../../../service/upload.js";
import { Refusal } from "../failures.js";
import { LEAST_RATE, MOST_BESIDE_FILE } from "./limits.js";

/**
 * The body of a request as it arrives. Each piece is asked for when the one before has been dealt with, so that a slow disk
 * slows the client down. Leaves the rest unread.
 * @throws the reason of the call's signal when that fires, be it that too little has come for too long; ClientGone;
 *   Refusal REQUEST_TOO_LARGE
 */
export async function* bodyOf(
  request: IncomingMessage,
  call: Call,
  settings: ServerSettings,
): AsyncGenerator<Buffer, void> {
  const { maxUploadBytes, uploadTimeout } = settings;
  call.markReading();
  call.expireAfter(uploadTimeout, notArrived(uploadTimeout));
  const chunks = request.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  const pace = new Pace(call, settings.idleTimeout);
  let left = maxUploadBytes + MOST_BESIDE_FILE;
  try {
    for (;;) {
      const next = await pace.waitFor(call.race(chunks.next().catch(isGone)));
      if (next.done) break;
      left -= next.value.byteLength;
      if (left < 0)
        throw new Refusal(
          "REQUEST_TOO_LARGE",
          `The request is larger than a recording may be (${variableOf("maxUploadBytes")}, ${maxUploadBytes} bytes)`,
        );
      yield next.value;
    }
  } finally {
    pace.end();
  }
  call.markReceived();
}

/** A body that ends early has no other cause. */
function isGone(): never {
  throw new ClientGone("The client is gone");
}

/** Fails a call whose client sends nothing, or next to nothing, where it is waited for. */
class Pace {
  readonly #call: Call;
  readonly #seconds: number;
  #timer: NodeJS.Timeout | undefined;
  /** Since the last time that enough had come: milliseconds waited, and bytes. */
  #waited = 0;
  #bytes = 0;

  /** @param seconds in which so much has to come; `Infinity`: as long as it likes */
  constructor(call: Call, seconds: number) {
    this.#call = call;
    this.#seconds = seconds;
  }

  async waitFor(arriving: Promise<IteratorResult<Buffer>>): Promise<IteratorResult<Buffer>> {
    if (!Number.isFinite(this.#seconds)) return arriving;
    const limit = this.#seconds * 1000;
    const began = performance.now();
    this.#timer = setTimeout(() => this.#fail("has sent nothing"), limit);
    const next = await arriving;
    clearTimeout(this.#timer);
    this.#waited += performance.now() - began;
    this.#bytes += next.value?.byteLength ?? 0;
    if (this.#bytes >= LEAST_RATE * this.#seconds) this.#waited = this.#bytes = 0;
    else if (this.#waited > limit) this.#fail(`sends less than ${LEAST_RATE} bytes a second`);
    return next;
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #fail(what: string): void {
    const message = `The client ${what} for ${variableOf("idleTimeout")} (${this.#seconds} s)`;
    this.#call.fail(new TranscriptionError("DEADLINE_EXCEEDED", message));
  }
}
