import { Duplex } from "node:stream";
import type { LiveStream } from "../types/live.js";

/**
 * A live stream as a stream of Node.js: bytes go in, as they do into `write`, and `LiveEvent` objects come out. Its end is
 * that of the audio; destroying it cancels the stream. The events of `stream` are read by it.
 */
export function liveDuplex(stream: LiveStream): Duplex {
  const events = stream[Symbol.asyncIterator]();
  const told = (work: Promise<unknown>, callback: (error?: Error | null) => void): void => {
    work.then(
      () => callback(),
      (error: Error) => callback(error),
    );
  };
  return new Duplex({
    readableObjectMode: true,
    decodeStrings: false,
    write: (chunk, _encoding, callback) => told(stream.write(chunk), callback),
    // The reader goes on until `done`.
    final: (callback) => {
      stream.end().catch(() => {});
      callback();
    },
    read() {
      events.next().then(
        ({ done, value }) => this.push(done ? null : value),
        (error: Error) => this.destroy(error),
      );
    },
    destroy: (error, callback) => {
      stream.close().then(() => callback(error), callback);
    },
  });
}
