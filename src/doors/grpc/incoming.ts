import type { Readable } from "node:stream";
import type { Call } from "../../service/call/call.js";
import { letGo } from "./messages/message-reader.js";

/**
 * The messages of a stream as they arrive. Each is let go when it has been dealt with, so that a slow disk slows the client
 * down. Leaves the stream open, and as it is when it is left: Node's own iterator destroys a stream that is told to fail
 * while it waits, and with it what was written and is not sent yet.
 * @throws the reason of the call's signal when that fires, be it that no message has come for too long
 */
export async function* incoming<T extends object>(stream: Readable, call: Call): AsyncGenerator<T, void> {
  let wake = () => {};
  const onNews = () => wake();
  stream.on("readable", onNews).on("end", onNews);
  try {
    for (;;) {
      call.signal.throwIfAborted();
      const news = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const message: T | null = stream.read();
      if (message !== null) {
        yield message;
        letGo(message);
      } else if (stream.readableEnded) return;
      else await call.race(news);
    }
  } finally {
    stream.off("readable", onNews).off("end", onNews);
  }
}
