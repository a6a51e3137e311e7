/** Bytes of a header. */
const BYTES = 44;
/** What a writer leaves who does not know the length. */
const UNKNOWN = 0xffff_ffff;
const RATE = 16_000;

/** Header of a WAV file of 16-bit samples, 16 kHz, one channel, up to its end: what raw samples lack. */
export function wavHead(): Uint8Array {
  const head = Buffer.alloc(BYTES);
  head.write("RIFF", 0, "latin1");
  head.writeUInt32LE(UNKNOWN, 4);
  head.write("WAVEfmt ", 8, "latin1");
  head.writeUInt32LE(16, 16);
  // PCM, one channel.
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(RATE, 24);
  head.writeUInt32LE(RATE * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36, "latin1");
  head.writeUInt32LE(UNKNOWN, 40);
  return head;
}
