/** What samples without a container are. */
export interface RawSamples {
  encoding: keyof typeof CODECS;
  /** In Hz. */
  sampleRate: number;
  /** Interleaved. */
  channels: number;
}

/** Tags of WAV's formats, and bytes of a sample. */
const CODECS = {
  linear16: { tag: 1, bytes: 2 },
  linear32: { tag: 3, bytes: 4 },
  alaw: { tag: 6, bytes: 1 },
  mulaw: { tag: 7, bytes: 1 },
} as const;

/** Names of encodings that samples may have: 16-bit integers, 32-bit floating point, G.711. */
export const RAW_ENCODINGS = Object.keys(CODECS) as (keyof typeof CODECS)[];

/** Bytes of a header. */
const BYTES = 44;
/** What a writer leaves who does not know the length. */
const UNKNOWN = 0xffff_ffff;

/** Header of a WAV file of such samples, up to its end: what raw samples lack. */
export function wavHead({ channels, encoding, sampleRate }: RawSamples): Uint8Array {
  const { bytes, tag } = CODECS[encoding];
  const frame = bytes * channels;
  const head = Buffer.alloc(BYTES);
  head.write("RIFF", 0, "latin1");
  head.writeUInt32LE(UNKNOWN, 4);
  head.write("WAVEfmt ", 8, "latin1");
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(tag, 20);
  head.writeUInt16LE(channels, 22);
  head.writeUInt32LE(sampleRate, 24);
  head.writeUInt32LE(sampleRate * frame, 28);
  head.writeUInt16LE(frame, 32);
  head.writeUInt16LE(8 * bytes, 34);
  head.write("data", 36, "latin1");
  head.writeUInt32LE(UNKNOWN, 40);
  return head;
}
