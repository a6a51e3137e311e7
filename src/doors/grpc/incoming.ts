import type { Readable } from "node:stream";
import { TranscriptionError } from "../../index.js";
import type { Call } from "../../service/call/call.js";
import { variableOf } from "../../service/settings.js";
import { letGo } from "./messages/message-reader.js";

/**
 * The messages of a stream as they arrive. The next one is asked for when this one has been dealt with, so that a slow
 * disk slows the client down, and its memory is given back then. Leaves the stream open.
 * @param idleTimeout seconds to wait for a message
 * @throws TranscriptionError DEADLINE_EXCEEDED when none arrives; the reason of the call's signal when that fires
 */
export async function* incoming<T>(
  stream: Readable,
  call: Call,
  idleTimeout: number,
): AsyncGenerator<T, void> {
  const messages = stream.iterator({ destroyOnReturn: false }) as AsyncIterator<T>;
  for (;;) {
    const next = await withPatience(call.race(messages.next()), idleTimeout);
    if (next.done) return;
    yield next.value;
    letGo(next.value as object);
  }
}

async function withPatience<T>(work: Promise<T>, seconds: number): Promise<T> {
  if (!Number.isFinite(seconds)) return work;
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    const message = `No data arrived for ${variableOf("idleTimeout")} (${seconds} s)`;
    timer = setTimeout(() => reject(new TranscriptionError("DEADLINE_EXCEEDED", message)), seconds * 1000);
  });
  return Promise.race([work, expired]).finally(() => clearTimeout(timer));
}
