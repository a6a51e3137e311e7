/** Bytes of each field of a `fmt ` chunk, in order; the rest is bytes. */
const FORMAT_FIELDS = [2, 2, 4, 4, 2, 2, 2, 2, 4, 4, 2, 2];

/** A copy of numbers of `width` bytes with their bytes turned round; what is left over stays. */
export function turned(bytes: Uint8Array, width: number): Uint8Array {
  if (width === 1) return bytes;
  const copy = Uint8Array.from(bytes);
  for (let start = 0; start + width <= copy.length; start += width) turn(copy, start, width);
  return copy;
}

/** A copy of the content of a `fmt ` chunk with the bytes of its numbers turned round. */
export function turnedFormat(chunk: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(chunk);
  let start = 0;
  for (const width of FORMAT_FIELDS) {
    if (start + width > copy.length) break;
    turn(copy, start, width);
    start += width;
  }
  return copy;
}

function turn(bytes: Uint8Array, start: number, width: number): void {
  for (let low = start, high = start + width - 1; low < high; low++, high--) {
    const byte = bytes[low]!;
    bytes[low] = bytes[high]!;
    bytes[high] = byte;
  }
}
