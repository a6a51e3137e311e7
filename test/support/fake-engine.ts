import { cancelled } from "../../src/errors.js";
import { FRAME_SAMPLES } from "../../src/pipeline/speech-regions.js";
import type {
  DeviceInfo,
  Engine,
  EngineLoad,
  LanguageDetection,
  ModelInfo,
  VadModel,
  VadSession,
  WindowOptions,
  WindowResult,
  WindowSegment,
  WindowTurn,
} from "../../src/types/engine.js";

export interface FakeEngineOptions {
  /** Of its model. */
  name?: string;
  concurrency?: number;
  maxWindow?: number;
  languages?: readonly string[];
  /** What a window says; default one segment over the whole window, its text {@link peakLabel}. */
  answer?: (
    samples: Float32Array,
    options: WindowOptions,
    index: number,
  ) => WindowResult | Promise<WindowResult>;
  /** What a window's language is; default English, sure. */
  detect?: (samples: Float32Array, index: number) => Array<{ language: string; probability: number }>;
  /** Listens to a window once for its language and its text. */
  hearsOnce?: boolean;
  /** False: it tells no times of words. */
  timesWords?: boolean;
  /** Settles before a window, by order of its start, is answered; cancelling does not wait for it. */
  gate?: (index: number) => Promise<void>;
}

/** An engine that answers from the samples alone, and keeps account of how it is used. */
export class FakeEngine implements Engine {
  readonly implementation = "fake";
  readonly model: ModelInfo;
  readonly device: DeviceInfo = { kind: "cpu", name: "fake", threads: 1 };
  readonly maxWindow: number;
  readonly concurrency: number;
  readonly timesWords?: boolean;
  /** Options of each window, in order of start. */
  readonly windows: WindowOptions[] = [];
  /** Windows and detections that run now, and the most that ever did. */
  running = 0;
  mostRunning = 0;
  cancellations = 0;
  detections = 0;
  /** Times that it listened to a window, for whatever. */
  heard = 0;
  closed = 0;
  readonly detectAndTranscribe?: NonNullable<Engine["detectAndTranscribe"]>;

  constructor(readonly options: FakeEngineOptions = {}) {
    const languages = options.languages ?? ["en", "ru", "de"];
    this.maxWindow = options.maxWindow ?? 30;
    this.concurrency = options.concurrency ?? 2;
    if (options.timesWords !== undefined) this.timesWords = options.timesWords;
    this.model = {
      name: options.name ?? "fake",
      path: `/${options.name ?? "fake.bin"}`,
      type: "custom",
      multilingual: languages.length > 1,
      weightType: "f32",
      computeType: "float32",
      vocabularySize: 51865,
      melBands: 80,
      encoderLayers: 1,
      decoderLayers: 1,
      textContext: 448,
      languages,
      fileBytes: 0,
    };
    if (options.hearsOnce) {
      this.detectAndTranscribe = (samples, windowOptions, use, signal) =>
        this.#work(signal, async () => {
          const detection = this.#detect(samples);
          const { language, probability } = detection;
          use.onDetected(detection);
          if (probability < use.transcribeFrom) return undefined;
          return this.#transcribe(samples, { ...windowOptions, language });
        });
    }
  }

  detectLanguage(samples: Float32Array, _turn: WindowTurn, signal?: AbortSignal): Promise<LanguageDetection> {
    return this.#work(signal, async () => this.#detect(samples));
  }

  transcribeWindow(
    samples: Float32Array,
    options: WindowOptions,
    signal?: AbortSignal,
  ): Promise<WindowResult> {
    return this.#work(signal, () => this.#transcribe(samples, options));
  }

  load(): EngineLoad {
    return { running: this.running, waiting: 0, capacity: this.concurrency };
  }

  async close(): Promise<void> {
    this.closed += 1;
  }

  #detect(samples: Float32Array): LanguageDetection {
    const index = this.detections++;
    const probabilities = this.options.detect?.(samples, index) ?? [{ language: "en", probability: 0.9 }];
    return { ...probabilities[0]!, probabilities };
  }

  async #transcribe(samples: Float32Array, options: WindowOptions): Promise<WindowResult> {
    const index = this.windows.push(options) - 1;
    await this.options.gate?.(index);
    if (this.options.answer) return this.options.answer(samples, options, index);
    return { segments: [fakeSegment(peakLabel(samples), 0, samples.length / 16_000)] };
  }

  async #work<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    this.heard += 1;
    this.running += 1;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    let onAbort: (() => void) | undefined;
    try {
      const aborted = new Promise<never>((_, reject) => {
        onAbort = () => {
          this.cancellations += 1;
          reject(cancelled(signal));
        };
        if (signal?.aborted) onAbort();
        else signal?.addEventListener("abort", onAbort);
      });
      return await Promise.race([work(), aborted]);
    } finally {
      signal?.removeEventListener("abort", onAbort!);
      this.running -= 1;
    }
  }
}

export function fakeSegment(
  text: string,
  start: number,
  end: number,
  more: Partial<WindowSegment> = {},
): WindowSegment {
  const facts = { tokens: [], avgLogProb: -0.1, confidence: 0.9, noSpeechProb: 0.01, temperature: 0 };
  return { start, end, text: ` ${text}`, ...facts, ...more };
}

/** The peak of `samples` in percent: which burst of {@link bursts} this is. */
export function peakLabel(samples: Float32Array): string {
  return String(Math.round(100 * samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0)));
}

/** Bursts of sound with silence before, between and after them; burst k has amplitude k %, from 1. */
export function bursts(count: number, seconds = 1, silence = 6): Float32Array {
  const period = Math.round((seconds + silence) * 16_000);
  const lead = Math.round(silence * 16_000);
  return Float32Array.from({ length: count * period + lead }, (_, i) => {
    const loud = i % period >= lead;
    return loud ? ((Math.floor(i / period) + 1) / 100) * (i % 2 === 0 ? 1 : -1) : 0;
  });
}

/** Takes every frame with a peak of at least 0.5 for speech, and any other for silence. */
export class FakeVad implements VadModel {
  open = 0;
  closed = 0;

  createSession(): VadSession {
    this.open += 1;
    let rest = new Float32Array(0);
    const isSpeech = (frame: Float32Array): number =>
      frame.some((sample) => Math.abs(sample) >= 0.5) ? 1 : 0;
    return {
      push: async (samples) => {
        const all = new Float32Array(rest.length + samples.length);
        all.set(rest);
        all.set(samples, rest.length);
        const frames = Math.floor(all.length / FRAME_SAMPLES);
        rest = all.slice(frames * FRAME_SAMPLES);
        return Float32Array.from({ length: frames }, (_, i) =>
          isSpeech(all.subarray(i * FRAME_SAMPLES, (i + 1) * FRAME_SAMPLES)),
        );
      },
      flush: async () => (rest.length > 0 ? Float32Array.of(isSpeech(rest)) : new Float32Array(0)),
      close: () => {
        this.open -= 1;
      },
    };
  }

  async close(): Promise<void> {
    this.closed += 1;
  }
}
