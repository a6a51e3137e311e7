import { close, constants, open, read, type Stats } from "node:fs";
import { Socket } from "node:net";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { isMainThread } from "node:worker_threads";

const PIECE_BYTES = 64 * 1024;
/** Files of the process's own descriptors: what shells put in place of `<(command)`, and standard input by its name. */
const DESCRIPTOR = /^\/(?:dev\/(?:stdin|fd\/\d+)|proc\/(?:self|\d+)\/fd\/\d+)$/;
const STANDARD_INPUT = /^\/(?:dev\/(?:stdin|fd\/0)|proc\/self\/fd\/0)$/;

/** Whether a path of this kind is read as a stream: pipes, and standard input where that is a socket, as Node.js has it. */
export function isPipe(path: string, stats: Stats): boolean {
  return stats.isFIFO() || (stats.isSocket() && STANDARD_INPUT.test(path) && isMainThread);
}

/**
 * The bytes of a named pipe, of process substitution (`/dev/fd/63`) or of standard input by its name, to their end.
 * Nothing here occupies a thread while it waits, so that a request which is cancelled, or a process which ends, does
 * not wait for whoever should have written.
 * @throws a system error when the pipe cannot be opened
 */
export async function openPipe(path: string, stats: Stats): Promise<Readable> {
  if (!stats.isFIFO()) return process.stdin;
  const descriptor = await promisify(open)(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return new PipeBytes(descriptor, DESCRIPTOR.test(path));
}

/**
 * What lies in the pipe is read at once; its end is where nobody has it open for writing. Only then the descriptor goes
 * to the event loop: for a pipe whose writers had all gone when it was opened, that would never report the end.
 */
class PipeBytes extends Readable {
  #reading: Promise<void> | undefined;
  #socket: Socket | undefined;

  /** @param begun whether a pipe that nobody writes to has ended, rather than not begun */
  constructor(
    private readonly descriptor: number,
    private begun: boolean,
  ) {
    super({ highWaterMark: PIECE_BYTES });
  }

  override _read(): void {
    if (this.#socket) this.#socket.resume();
    else this.#reading = this.#readOn().catch((error: Error) => void this.destroy(error));
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const end = () => {
      if (this.#socket) this.#socket.destroy();
      else close(this.descriptor, () => {});
      callback(error);
    };
    // A descriptor's number may be another file's as soon as it is closed: not under a read.
    if (this.#reading) this.#reading.finally(end);
    else end();
  }

  async #readOn(): Promise<void> {
    const piece = await readNow(this.descriptor);
    if (this.destroyed) return;
    if (piece === undefined || (piece.byteLength === 0 && !this.begun)) return this.#wait();
    this.begun = true;
    this.push(piece.byteLength === 0 ? null : piece);
  }

  #wait(): void {
    this.#socket = new Socket({ fd: this.descriptor, readable: true, writable: false })
      .on("data", (piece: Buffer) => {
        if (!this.push(piece)) this.#socket?.pause();
      })
      .on("end", () => this.push(null))
      .on("error", (error) => this.destroy(error));
  }
}

/** Between 1 and {@link PIECE_BYTES} bytes; none where nobody writes; undefined where some may still come. */
async function readNow(descriptor: number): Promise<Buffer | undefined> {
  try {
    const { bytesRead, buffer } = await promisify(read)(
      descriptor,
      Buffer.allocUnsafe(PIECE_BYTES),
      0,
      PIECE_BYTES,
      null,
    );
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return undefined;
    throw error;
  }
}
