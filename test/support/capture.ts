import { Writable } from "node:stream";

/** A stream that keeps what is written to it, and may pass for a terminal. */
export class Capture extends Writable {
  text = "";
  readonly isTTY: boolean;
  readonly columns = 80;

  constructor({ isTTY = false } = {}) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
  }

  override _write(chunk: string | Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.text += chunk.toString();
    done();
  }
}
