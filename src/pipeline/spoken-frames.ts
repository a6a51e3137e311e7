import { SAMPLE_RATE } from "../types/audio.js";
import type { Span } from "./assemble.js";
import { FRAME_SAMPLES, type Region } from "./speech-regions.js";

/** Frames below the threshold that do not end a stretch: 0.2 s, as within and between words. */
const BRIDGED = Math.round((0.2 * SAMPLE_RATE) / FRAME_SAMPLES);

/** Where a VAD model hears speech, frame by frame: without the pauses and the padding that speech regions have. */
export class SpokenFrames {
  readonly #threshold: number;
  /** In samples, in order. */
  #runs: Region[] = [];
  #position = 0;

  /** @param threshold probability from which a frame is speech */
  constructor(threshold: number) {
    this.#threshold = threshold;
  }

  /** Takes the probabilities of the next frames. */
  push(probabilities: Float32Array): void {
    for (const probability of probabilities) {
      const start = this.#position;
      this.#position += FRAME_SAMPLES;
      if (probability < this.#threshold) continue;
      const last = this.#runs.at(-1);
      if (last && start - last.end <= BRIDGED * FRAME_SAMPLES) last.end = this.#position;
      else this.#runs.push({ start, end: this.#position });
    }
  }

  /** What was spoken in `region`, in seconds from its start. Forgets what lies before the region's end. */
  take(region: Region): Span[] {
    const spans = this.#runs
      .filter(({ start, end }) => end > region.start && start < region.end)
      .map(({ start, end }) => ({
        start: (Math.max(start, region.start) - region.start) / SAMPLE_RATE,
        end: (Math.min(end, region.end) - region.start) / SAMPLE_RATE,
      }));
    this.#runs = this.#runs.filter(({ end }) => end > region.end);
    return spans;
  }
}
