/** Kinds of messages (https://docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket). */
export const HANG_UP = 0x00;
export const UUID = 0x01;
export const DTMF = 0x03;
export const ERROR = 0xff;

/** Hz of 16-bit little-endian samples by the kind of the message that they come in. */
export const RATES: ReadonlyMap<number, number> = new Map([
  [0x10, 8000],
  [0x11, 12_000],
  [0x12, 16_000],
  [0x13, 24_000],
  [0x14, 32_000],
  [0x15, 44_100],
  [0x16, 48_000],
  [0x17, 96_000],
  [0x18, 192_000],
]);

/** One message. */
export interface Frame {
  kind: number;
  payload: Buffer;
}

/** Kind, and length of the payload, big-endian. */
const HEADER_BYTES = 3;

/** Messages out of bytes that may be cut anywhere. It holds one at most, of 64 KiB. */
export class FrameReader {
  /** Of a message that has not come whole. */
  #pieces: Buffer[] = [];
  #length = 0;
  /** Bytes without which nothing more is known of it. */
  #needed = HEADER_BYTES;

  /** Messages that are whole now. */
  push(bytes: Buffer): Frame[] {
    this.#pieces.push(bytes);
    this.#length += bytes.length;
    if (this.#length < this.#needed) return [];
    const all = Buffer.concat(this.#pieces);
    const frames: Frame[] = [];
    let at = 0;
    this.#needed = HEADER_BYTES;
    while (all.length - at >= HEADER_BYTES) {
      const length = HEADER_BYTES + all.readUInt16BE(at + 1);
      if (all.length - at < length) {
        this.#needed = length;
        break;
      }
      frames.push({ kind: all[at]!, payload: all.subarray(at + HEADER_BYTES, at + length) });
      at += length;
    }
    this.#pieces = [all.subarray(at)];
    this.#length = all.length - at;
    return frames;
  }
}

/** The same with neighbouring samples of one kind in one message. */
export function merged(frames: readonly Frame[]): Frame[] {
  const runs: Frame[][] = [];
  for (const frame of frames) {
    const run = runs.at(-1);
    if (run?.[0]?.kind === frame.kind && RATES.has(frame.kind)) run.push(frame);
    else runs.push([frame]);
  }
  return runs.map((run) => ({
    kind: run[0]!.kind,
    payload: Buffer.concat(run.map(({ payload }) => payload)),
  }));
}

/** A message that ends the connection, after which Asterisk goes on with its dialplan. */
export function hangUp(): Buffer {
  return Buffer.from([HANG_UP, 0, 0]);
}

/** As it is written. @param bytes 16 of them */
export function uuidText(bytes: Buffer): string {
  const hex = bytes.toString("hex");
  return [8, 12, 16, 20, 32].map((end, i, ends) => hex.slice(ends[i - 1] ?? 0, end)).join("-");
}
