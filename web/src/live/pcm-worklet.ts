/** What an audio worklet has in scope. */
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: unknown): void;
declare const sampleRate: number;

/** Seconds of sound in a message. */
const PACKET = 0.1;

/** Makes packets of 16-bit samples, channels in turn, of what a microphone hears: `{ samples, peak }`, peak 0 to 1. */
class Pcm extends AudioWorkletProcessor {
  readonly #channels: number;
  readonly #frames = Math.round(sampleRate * PACKET);
  #packet: Int16Array;
  #filled = 0;
  #peak = 0;

  constructor({ processorOptions }: { processorOptions: { channels: number } }) {
    super();
    this.#channels = processorOptions.channels;
    this.#packet = new Int16Array(this.#frames * this.#channels);
  }

  process([input]: Float32Array[][]): boolean {
    const frames = input?.[0]?.length ?? 0;
    for (let i = 0; i < frames; i++) {
      for (let channel = 0; channel < this.#channels; channel++) {
        // Of fewer than were asked for the last one stands for the rest.
        const samples = input![Math.min(channel, input!.length - 1)]!;
        const value = Math.max(-1, Math.min(1, samples[i]!));
        this.#peak = Math.max(this.#peak, Math.abs(value));
        this.#packet[this.#filled++] = Math.round(value * 32_767);
      }
      if (this.#filled === this.#packet.length) this.#send();
    }
    return true;
  }

  #send(): void {
    this.port.postMessage({ samples: this.#packet, peak: this.#peak }, [this.#packet.buffer]);
    this.#packet = new Int16Array(this.#frames * this.#channels);
    this.#filled = 0;
    this.#peak = 0;
  }
}

registerProcessor("pcm", Pcm);
