import { createGunzip, createInflate } from "node:zlib";
import type { Reservation } from "../../../service/call/byte-budget.js";
import { allocate, MalformedMessage, messageTooLarge, UnsupportedEncoding } from "./unreadable.js";

/** No block of deflate becomes more than this many times as long (RFC 1951: 258 bytes of two bits). */
const MOST_TIMES = 1032;
/** What is allocated at first where nothing says how long a message becomes, as times its length. */
const FIRST_TIMES = 4;
const LEAST = 16 * 1024;
/** Its first two bytes, and what header and trailer take. */
const GZIP = 0x1f8b;
const SHORTEST_GZIP = 18;

/**
 * The content of a compressed message. Its memory is counted before it is allocated: gzip announces a length, which is
 * not believed beyond what is possible; what turns out longer grows as long as there is room, and no longer.
 * @param most bytes that it may become
 * @param memory gets what is allocated
 * @throws UnreadableMessage, and QUEUE_FULL of the budget
 */
export async function inflate(
  compressed: Buffer,
  encoding: string,
  most: number,
  setting: string,
  memory: Reservation,
): Promise<Buffer> {
  if (encoding !== "gzip" && encoding !== "deflate") throw new UnsupportedEncoding(encoding);
  const announced = encoding === "gzip" ? announcedLength(compressed) : undefined;
  if (announced !== undefined && announced > most) throw messageTooLarge(announced, most, setting);
  const possible = Math.min(most, compressed.length * MOST_TIMES);
  const first = Math.min(Math.max(announced ?? compressed.length * FIRST_TIMES, LEAST), possible);
  await memory.wait(first);
  let bytes = allocate(first);
  let length = 0;
  const stream = encoding === "gzip" ? createGunzip() : createInflate();
  stream.end(compressed);
  try {
    for await (const part of stream as AsyncIterable<Buffer>) {
      const needed = length + part.length;
      if (needed > most) throw messageTooLarge(undefined, most, setting);
      if (needed > bytes.length) {
        const size = Math.min(Math.max(2 * bytes.length, needed), most);
        memory.grow(size);
        const larger = allocate(size);
        larger.set(bytes.subarray(0, length));
        memory.shrink(bytes.length);
        bytes = larger;
      }
      bytes.set(part, length);
      length = needed;
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!code?.startsWith("Z_") && code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
    throw new MalformedMessage(`Cannot inflate a message: ${message}`);
  } finally {
    stream.destroy();
  }
  return bytes.subarray(0, length);
}

/** Of the last member, modulo 2³² (RFC 1952, ISIZE); undefined for what is no gzip, or cannot become as long. */
function announcedLength(compressed: Buffer): number | undefined {
  if (compressed.length < SHORTEST_GZIP || compressed.readUInt16BE(0) !== GZIP) return undefined;
  const length = compressed.readUInt32LE(compressed.length - 4);
  return length <= compressed.length * MOST_TIMES ? length : undefined;
}
