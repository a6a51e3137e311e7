import type { Diarizer, LiveDiarizerSession, NumberedTurn } from "../../src/types/speakers.js";
import { hear, join } from "./scripted-speech.js";

const RATE = 16_000;

/** A diarizer that knows who says the words of scripted speech. */
export class ScriptedDiarizer implements Diarizer {
  readonly engine = "nemotron";
  readonly mostSpeakers = 8;
  readonly voices = undefined;
  readonly #speakerOf: (word: number) => number;
  /** Sessions that have not been closed. */
  open = 0;
  /** Samples that all sessions were given, and the most that one of them had to keep. */
  given = 0;
  mostKept = 0;
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
    let forgotten = 0;
    const push = async (samples: Float32Array, start: number, signal: AbortSignal): Promise<void> => {
      await this.step(signal);
      forgotten = Math.max(forgotten, start);
      given += samples.length;
      this.given += samples.length;
      const all = join([kept, samples]);
      kept = all.slice(Math.max(0, all.length - given + Math.floor(forgotten * RATE)));
      this.mostKept = Math.max(this.mostKept, kept.length);
    };
    return {
      push,
      look: async (samples, start, signal) => {
        if (start < forgotten) throw new Error(`What lies before ${forgotten} s was to be forgotten`);
        await push(samples, start, signal);
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
