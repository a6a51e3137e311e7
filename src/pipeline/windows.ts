import { SAMPLE_RATE } from "../types/audio.js";
import type { VadModel, VadSession } from "../types/engine.js";
import type { VadOptions } from "../types/options.js";
import type { Span } from "./assemble.js";
import { LevelledVad } from "./levelled-vad.js";
import { placeToCut } from "./pauses.js";
import { SampleBuffer } from "./sample-buffer.js";
import { SILENCE_GATE_EDGE, SILENCE_GATE_OPTIONS, SilenceGate } from "./silence-gate.js";
import { type Region, SpeechRegions } from "./speech-regions.js";
import { SpokenFrames } from "./spoken-frames.js";

/** One piece of a track, as the model gets it. */
export interface Window {
  /** Seconds from the start of the track. */
  start: number;
  /** 16 kHz, contiguous: a time in the window is a time in the track less `start`. */
  samples: Float32Array;
  /** Seconds of it that lie in speech regions. */
  speech: number;
  /** Where the VAD model hears speech, in seconds of the window, pauses left out; empty without a VAD. */
  spoken: Span[];
}

export interface WindowerOptions {
  /** Longest window in seconds, 1 to 30. */
  maxWindow: number;
  /** Looks for speech; without one, windows leave out only what is silent beside the rest of the track. */
  vad: VadModel | undefined;
  /** Rules for what `vad` finds. */
  vadOptions: Required<VadOptions>;
}

/**
 * Seconds without speech that one window may bridge. A model spends as much on a window of one word as on a full
 * one, and reads better with context: windows should be full. But a pause much longer than those of conversation
 * invites invented text and blurs the times around it, and bridging it saves nothing once a window is half empty.
 */
const MAX_GAP = 3;

/** A region that windows are made of, with the speech found in it. */
interface Piece extends Region {
  /** Samples of speech. */
  speech: number;
}

/**
 * Cuts one track into windows while it arrives: speech regions (WhisperX's “cut and merge”, arXiv:2303.00747)
 * joined as long as they fit, each window contiguous from its first region's start to its last one's end. A region
 * too long for a window is cut in a pause, or at its quietest place. Every sample of every region is in exactly one
 * window. Holds little more than two windows of audio, however long the track.
 */
export class Windower {
  readonly #session: VadSession;
  readonly #regions: SpeechRegions;
  readonly #maxWindow: number;
  readonly #spoken: SpokenFrames | undefined;
  readonly #buffer = new SampleBuffer();
  /** The window under construction. */
  #piece: Piece | undefined;
  /** Regions, or parts of them, before this sample are in windows already. */
  #cutAt = 0;
  #windows: Window[] = [];

  constructor(options: WindowerOptions) {
    this.#maxWindow = Math.floor(options.maxWindow * SAMPLE_RATE);
    this.#session = options.vad ? new LevelledVad(options.vad) : new SilenceGate();
    this.#spoken = options.vad && new SpokenFrames(options.vadOptions.threshold);
    this.#regions = options.vad
      ? new SpeechRegions(options.vadOptions)
      : new SpeechRegions(SILENCE_GATE_OPTIONS, SILENCE_GATE_EDGE);
  }

  /** Seconds of the track that are in finished windows or held no speech. */
  get settled(): number {
    return this.#retainFrom / SAMPLE_RATE;
  }

  /** Seconds so far that were left out as silence though something faint is in them; without a VAD model. */
  get skippedSound(): number {
    return this.#session instanceof SilenceGate ? this.#session.skippedSound : 0;
  }

  /** Takes the next block of the track and returns the windows that it completed, in order. */
  async push(samples: Float32Array): Promise<Window[]> {
    this.#buffer.append(samples);
    return this.#advance(this.#regionsOf(await this.#session.push(samples)));
  }

  /** Ends the track and returns its last windows. */
  async flush(): Promise<Window[]> {
    const regions = this.#regionsOf(await this.#session.flush());
    regions.push(...this.#regions.flush(this.#buffer.end));
    for (const region of regions) this.#add(region);
    this.#finishPiece();
    return this.#takeWindows();
  }

  /** Frees the VAD session. */
  close(): void {
    this.#session.close();
  }

  #regionsOf(probabilities: Float32Array): Region[] {
    this.#spoken?.push(probabilities);
    return this.#regions.push(probabilities);
  }

  get #retainFrom(): number {
    return this.#piece?.start ?? Math.max(this.#cutAt, Math.min(this.#regions.horizon, this.#buffer.end));
  }

  #advance(regions: Region[]): Window[] {
    for (const region of regions) this.#add(region);
    const open = this.#regions.open;
    if (open) this.#makeRoom(open);
    else if (this.#piece && this.#regions.horizon - this.#piece.end > MAX_GAP * SAMPLE_RATE)
      this.#finishPiece();
    const windows = this.#takeWindows();
    this.#buffer.discardBefore(this.#retainFrom);
    return windows;
  }

  /** Joins a finished region to the window under construction, or begins a new one with it. */
  #add(region: Region): void {
    const { start, end } = this.#makeRoom(region);
    if (this.#piece) {
      this.#piece.end = end;
      this.#piece.speech += end - start;
    } else {
      this.#piece = { start, end, speech: end - start };
    }
  }

  /** Finishes windows until what is left of `region`, as far as it reaches, fits into the one under construction. */
  #makeRoom(region: Region): Region {
    const piece = this.#piece;
    let start = Math.max(region.start, this.#cutAt);
    // The last frame is padded with zeros and may reach beyond the track.
    const end = Math.min(region.end, this.#buffer.end);
    if (piece && (start - piece.end > MAX_GAP * SAMPLE_RATE || end - piece.start > this.#maxWindow)) {
      this.#finishPiece();
    }
    while (end - start > this.#maxWindow) {
      const cut = start + placeToCut(this.#buffer.view(start, start + this.#maxWindow));
      this.#piece = { start, end: cut, speech: cut - start };
      this.#finishPiece();
      start = cut;
    }
    return { start, end };
  }

  #finishPiece(): void {
    const piece = this.#piece;
    if (!piece) return;
    this.#piece = undefined;
    this.#cutAt = piece.end;
    this.#windows.push({
      start: piece.start / SAMPLE_RATE,
      samples: this.#buffer.slice(piece.start, piece.end),
      speech: piece.speech / SAMPLE_RATE,
      spoken: this.#spoken?.take(piece) ?? [],
    });
  }

  #takeWindows(): Window[] {
    const windows = this.#windows;
    this.#windows = [];
    return windows;
  }
}
