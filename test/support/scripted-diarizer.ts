import type { Diarizer, LiveDiarizerSession, NumberedTurn } from "../../src/types/speakers.js";
import { hear, join } from "./scripted-speech.js";

const RATE = 16_000;
/** Seconds of sound that a session keeps: a test may go on for hours. */
const KEPT = 40;

/** A diarizer that knows who says the words of scripted speech. */
export class ScriptedDiarizer implements Diarizer {
  readonly engine = "nemotron";
  readonly mostSpeakers = 8;
  readonly voices = undefined;
  readonly #speakerOf: (word: number) => number;
  /** Sessions that have not been closed. */
  open = 0;
  /** Samples that all sessions were given. */
  given = 0;
  /** Of each look: samples that had been given, and where it began, in seconds. */
  readonly looks: { given: number; start: number }[] = [];
  /** Most speakers that each session was to tell apart. */
  readonly most: number[] = [];
  /** Waited for by each step. */
  step: (signal: AbortSignal) => Promise<void> = async () => {};

  /** @param speakerOf number of who says a word */
  constructor(speakerOf: (word: number) => number) {
    this.#speakerOf = speakerOf;
  }

  createSession(): never {
    throw new Error("No recording is expected here");
  }

  createLiveSession(_request: number, most: number): LiveDiarizerSession {
    this.open++;
    this.most.push(most);
    let kept = new Float32Array(0);
    let given = 0;
    const push = async (samples: Float32Array, signal: AbortSignal): Promise<void> => {
      await this.step(signal);
      kept = join([kept, samples]).slice(-KEPT * RATE);
      given += samples.length;
      this.given += samples.length;
    };
    return {
      push,
      look: async (samples, start, signal) => {
        await push(samples, signal);
        this.looks.push({ given, start });
        return this.#turns(kept, (given - kept.length) / RATE, start);
      },
      close: () => {
        this.open--;
      },
    };
  }

  async close(): Promise<void> {}

  #turns(samples: Float32Array, offset: number, start: number): NumberedTurn[] {
    const words = hear(samples).segments.flatMap((segment) => segment.words ?? []);
    return words
      .map((word) => ({
        start: word.start + offset,
        end: word.end + offset,
        speaker: this.#speakerOf(Number(word.text.trim().slice(1))),
        confidence: 0.9,
      }))
      .filter(({ end }) => end > start);
  }
}
