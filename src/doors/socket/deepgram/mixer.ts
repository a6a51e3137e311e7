/** Mixes interleaved channels of 16-bit samples, cut anywhere, into one. */
export class Mixer {
  readonly #channels: number;
  #rest = Buffer.alloc(0);

  constructor(channels: number) {
    this.#channels = channels;
  }

  mix(bytes: Buffer): Buffer {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const frame = 2 * this.#channels;
    const frames = Math.floor(all.length / frame);
    const mixed = Buffer.alloc(2 * frames);
    for (let i = 0; i < frames; i++) {
      let sum = 0;
      for (let channel = 0; channel < this.#channels; channel++)
        sum += all.readInt16LE(i * frame + 2 * channel);
      mixed.writeInt16LE(Math.round(sum / this.#channels), 2 * i);
    }
    this.#rest = Buffer.from(all.subarray(frames * frame));
    return mixed;
  }
}
