/** Bytes after which samples are handed to the browser, which keeps them out of memory: about a minute of one channel. */
const PART = 2 * 1024 ** 2;

/** 16-bit samples that become a WAV file. */
export class WavWriter {
  readonly #parts: Blob[] = [];
  #packets: Int16Array<ArrayBuffer>[] = [];
  #packetBytes = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  add(packet: Int16Array<ArrayBuffer>): void {
    this.#packets.push(packet);
    this.#packetBytes += packet.byteLength;
    this.#bytes += packet.byteLength;
    if (this.#packetBytes >= PART) this.#pack();
  }

  file(name: string, sampleRate: number, channels: number): File {
    this.#pack();
    return new File([header(this.#bytes, sampleRate, channels), ...this.#parts], name, { type: "audio/wav" });
  }

  #pack(): void {
    if (this.#packets.length > 0) this.#parts.push(new Blob(this.#packets));
    this.#packets = [];
    this.#packetBytes = 0;
  }
}

/** RIFF header of PCM (IBM and Microsoft, “Multimedia Programming Interface and Data Specifications 1.0”). */
function header(bytes: number, sampleRate: number, channels: number): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(44));
  const text = (at: number, written: string) => {
    for (let i = 0; i < written.length; i++) view.setUint8(at + i, written.charCodeAt(i));
  };
  const frame = 2 * channels;
  text(0, "RIFF");
  view.setUint32(4, 36 + bytes, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * frame, true);
  view.setUint16(32, frame, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, bytes, true);
  return view.buffer;
}
