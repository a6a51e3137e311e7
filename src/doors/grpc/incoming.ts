import type { Readable } from "node:stream";
import type { Call } from "../../service/call/call.js";
import { letGo } from "./messages/message-reader.js";

/**
 * The messages of a stream as they arrive. Each is let go when it has been dealt with, so that a slow disk slows the client
 * down. Leaves the stream open.
 * @throws the reason of the call's signal when that fires, be it that no message has come for too long
 */
export async function* incoming<T extends object>(stream: Readable, call: Call): AsyncGenerator<T, void> {
  const messages = stream.iterator({ destroyOnReturn: false }) as AsyncIterator<T>;
  for (;;) {
    const next = await call.race(messages.next());
    if (next.done) return;
    yield next.value;
    letGo(next.value);
  }
}
