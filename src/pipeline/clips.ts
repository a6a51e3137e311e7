import type { Clip } from "../config/options.js";
import { SAMPLE_RATE } from "../types/audio.js";
import { type Window, Windower, type WindowerOptions } from "./windows.js";

/** Cuts the clips of one track into windows, each clip by itself, and lets the rest of the track go by. */
export class ClipWindower {
  readonly #options: WindowerOptions;
  /** Clips to come, the first of them perhaps begun; in samples. */
  readonly #clips: Clip[];
  /** Of the clip under way. */
  #windower: Windower | undefined;
  /** Samples so far. */
  #position = 0;
  #skippedSound = 0;

  /** @param clips in order, not overlapping */
  constructor(options: WindowerOptions, clips: readonly Clip[]) {
    this.#options = options;
    this.#clips = clips.map(({ start, end }) => ({
      start: Math.round(start * SAMPLE_RATE),
      end: Math.round(end * SAMPLE_RATE),
    }));
  }

  /** As `Windower.settled`; what is in no clip is settled as it arrives. */
  get settled(): number {
    const clip = this.#clips[0];
    if (!this.#windower || !clip) return this.#position / SAMPLE_RATE;
    return clip.start / SAMPLE_RATE + this.#windower.settled;
  }

  /** As `Windower.skippedSound`, in all clips. */
  get skippedSound(): number {
    return this.#skippedSound + (this.#windower?.skippedSound ?? 0);
  }

  /** Takes the next block of the track and returns the windows that it completed, in order. */
  async push(samples: Float32Array): Promise<Window[]> {
    const windows: Window[] = [];
    let rest = samples;
    while (rest.length > 0) {
      const clip = this.#clips[0];
      const inside = clip !== undefined && this.#position >= clip.start;
      const next = (inside ? clip.end : clip?.start) ?? Number.POSITIVE_INFINITY;
      const block = rest.subarray(0, next - this.#position);
      if (inside) {
        this.#windower ??= new Windower(this.#options);
        windows.push(...place(await this.#windower.push(block), clip));
      }
      this.#position += block.length;
      rest = rest.subarray(block.length);
      if (inside && this.#position === clip.end) windows.push(...(await this.#finish(clip)));
    }
    return windows;
  }

  /** Ends the track and returns its last windows. */
  async flush(): Promise<Window[]> {
    const clip = this.#clips[0];
    return clip ? this.#finish(clip) : [];
  }

  /** Frees the VAD session. */
  close(): void {
    this.#windower?.close();
  }

  async #finish(clip: Clip): Promise<Window[]> {
    const windows = place((await this.#windower?.flush()) ?? [], clip);
    this.#skippedSound = this.skippedSound;
    this.close();
    this.#windower = undefined;
    this.#clips.shift();
    return windows;
  }
}

/** What cuts a track into windows: all of it, or the clips that there are. */
export function windowerFor(
  options: WindowerOptions,
  clips: readonly Clip[] | undefined,
): Windower | ClipWindower {
  return clips ? new ClipWindower(options, clips) : new Windower(options);
}

/** Windows of a clip on the track's clock. */
function place(windows: Window[], clip: Clip): Window[] {
  return windows.map((window) => ({ ...window, start: window.start + clip.start / SAMPLE_RATE }));
}
