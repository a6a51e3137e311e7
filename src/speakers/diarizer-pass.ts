import type { WindowTurn } from "../types/engine.js";
import type { Segment } from "../types/result.js";
import type { Diarizer, DiarizerSession } from "../types/speakers.js";
import { speakerId } from "./names.js";
import { type PassOptions, type SpeakerPass, type SpokenBy, told } from "./speaker-pass.js";
import { namedTurns } from "./turns.js";
import { labelSegments } from "./words.js";

/** One track for all: a diarizer tells its speakers apart. */
export class DiarizerPass implements SpeakerPass {
  readonly #diarizer: Diarizer;
  readonly #session: DiarizerSession;
  readonly #options: PassOptions;
  /** The step that is being worked on: the next block is decoded meanwhile. */
  #step: Promise<void> = Promise.resolve();

  constructor(diarizer: Diarizer, turn: WindowTurn, options: PassOptions) {
    this.#diarizer = diarizer;
    this.#session = diarizer.createSession(turn);
    this.#options = options;
  }

  async push(block: readonly Float32Array[], signal: AbortSignal): Promise<void> {
    await this.#step;
    this.#step = this.#session.push(block[0]!, signal);
    // Reported by the next call.
    this.#step.catch(() => {});
  }

  async finish(segments: readonly Segment[], signal: AbortSignal): Promise<SpokenBy> {
    await this.#step;
    const found = await this.#session.finish(this.#options.diarize.count, signal);
    const labelled = labelSegments(segments, namedTurns(found.exclusive));
    const voices = new Map(found.embeddings.map((voice, number) => [speakerId(number), voice]));
    const turns = namedTurns(found.turns);
    const diarizer = this.#diarizer;
    return told({ segments: labelled, turns, voices, measure: diarizer.voices, diarizer }, this.#options);
  }

  close(): void {
    this.#session.close();
  }
}
