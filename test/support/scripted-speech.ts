import { resolveLive } from "../../src/config/live-options.js";
import { TranscriptionError } from "../../src/errors.js";
import { LiveTranscription } from "../../src/live/live-transcription.js";
import { fitToModel } from "../../src/pipeline/fit-to-model.js";
import { FRAME_SAMPLES } from "../../src/pipeline/speech-regions.js";
import type {
  Engine,
  VadModel,
  VadSession,
  WindowOptions,
  WindowResult,
  WindowWord,
} from "../../src/types/engine.js";
import type { LiveEvent, LiveFinal, LiveOptions, LiveStats, LiveStream } from "../../src/types/live.js";
import type { LiveStepRequest, LiveStepResult, LiveToken } from "../../src/types/live-step.js";
import type { Diarizer } from "../../src/types/speakers.js";
import { FakeEngine, type FakeEngineOptions, fakeSegment } from "./fake-engine.js";

const RATE = 16_000;
/** Word k is a tone of half the rate with an amplitude of its own, louder than what the scripted VAD takes for silence. */
const amplitudeOf = (word: number): number => 0.05 + word * 0.002;
const SILENCE = 0.04;
/** From here on a sound is music: the VAD takes it for speech, and nobody speaks. */
const MUSIC = 0.9;
/** Seconds of a word, of the gap behind it, and what is needed to make it out. */
const WORD = 0.4;
const GAP = 0.1;
const ENOUGH = 0.3;

export const silence = (seconds: number): Float32Array => new Float32Array(Math.round(seconds * RATE));
export const music = (seconds: number): Float32Array => tone(seconds, 0.95);

/** `count` words from word `first` on, 0 to 400, one behind the other. */
export function words(first: number, count: number, gap = GAP): Float32Array {
  return join(
    Array.from({ length: count }, (_, i) => [tone(WORD, amplitudeOf(first + i)), silence(gap)]).flat(),
  );
}

/** What is heard in {@link words}. */
export const said = (first: number, count: number): string =>
  Array.from({ length: count }, (_, i) => `w${first + i}`).join(" ");

export function join(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function tone(seconds: number, amplitude: number): Float32Array {
  return Float32Array.from({ length: Math.round(seconds * RATE) }, (_, i) =>
    i % 2 === 0 ? amplitude : -amplitude,
  );
}

/**
 * What a window of {@link words} says. Words that are not whole are heard as others, and times waver with the window, as
 * those of models do.
 */
export function hear(samples: Float32Array): WindowResult {
  const waver = ((samples.length / FRAME_SAMPLES) % 7) * 0.01 - 0.03;
  const found = [];
  for (let at = 0; at < samples.length; ) {
    const level = Math.abs(samples[at]!);
    let end = at + 1;
    while (end < samples.length && Math.abs(Math.abs(samples[end]!) - level) < 0.0005) end++;
    if (level > SILENCE && level < MUSIC) {
      const word = Math.round((level - 0.05) / 0.002);
      const whole = (end - at) / RATE >= ENOUGH;
      const start = Math.max(0, at / RATE + waver);
      found.push({
        start,
        end: Math.max(start, end / RATE + waver),
        text: whole ? ` w${word}` : ` ~${word}`,
        confidence: 0.9,
      });
    }
    at = end;
  }
  if (found.length === 0) return { segments: [] };
  const text = found.map(({ text }) => text).join("");
  return { segments: [fakeSegment(text.trim(), found[0]!.start, found.at(-1)!.end, { words: found })] };
}

/** An engine that hears {@link words}. */
export function scriptedEngine(options: FakeEngineOptions = {}): FakeEngine {
  return new FakeEngine({
    answer: (samples: Float32Array, _options: WindowOptions) => hear(samples),
    ...options,
  });
}

/**
 * An engine that hears {@link words} step by step too, a token each.
 * @param rewound whether a step, from 0, loses its place
 */
export function followingEngine(rewound: (step: number) => boolean = () => false): FollowingEngine {
  const engine = scriptedEngine() as FollowingEngine;
  engine.steps = [];
  return Object.assign(engine, {
    followsSpeech: true,
    liveStep: async (request: LiveStepRequest): Promise<LiveStepResult> => {
      const step = engine.steps.push(request) - 1;
      const seconds = request.samples.length / RATE;
      const heard = hear(request.samples)
        .segments.flatMap(({ words = [] }) => words)
        .map(({ text, start }) => ({ id: Number(text.slice(2)), text, start, probability: 0.9 }))
        .filter(({ id }) => !request.forced.includes(id));
      const standing = heard.filter(({ start }) => start + WORD <= seconds - request.frontier);
      const tokens = request.final ? heard : standing;
      const tail = request.tail ? heard.slice(tokens.length) : [];
      const isLost = rewound(step);
      return {
        tokens: isLost ? [] : tokens,
        text: textOfTokens(tokens),
        tail: isLost ? [] : tail,
        tailText: textOfTokens(tail),
        language: request.language ?? "en",
        languageProbability: request.language === undefined ? 0.9 : 1,
        noSpeechProb: 0.01,
        rewound: isLost,
      };
    },
    liveWords: (tokens: readonly LiveToken[], end: number): WindowWord[] =>
      tokens.map(({ text, start, probability }, i) => ({
        text,
        start,
        end: Math.min(start + WORD, tokens[i + 1]?.start ?? end),
        confidence: probability,
      })),
  });
}

export type FollowingEngine = FakeEngine &
  Required<Pick<Engine, "liveStep" | "liveWords">> & { steps: LiveStepRequest[] };

const textOfTokens = (tokens: readonly LiveToken[]): string => tokens.map(({ text }) => text).join("");

/** Hears whatever is louder than silence. */
export class ScriptedVad implements VadModel {
  open = 0;

  createSession(): VadSession {
    this.open += 1;
    let rest = new Float32Array(0);
    const isSpeech = (frame: Float32Array): number =>
      frame.filter((sample) => Math.abs(sample) > SILENCE).length >= frame.length / 2 ? 0.9 : 0.1;
    return {
      push: async (samples) => {
        const all = join([rest, samples]);
        const frames = Math.floor(all.length / FRAME_SAMPLES);
        rest = all.slice(frames * FRAME_SAMPLES);
        return Float32Array.from({ length: frames }, (_, i) =>
          isSpeech(all.subarray(i * FRAME_SAMPLES, (i + 1) * FRAME_SAMPLES)),
        );
      },
      flush: async () => {
        const last = rest.length > 0 ? Float32Array.of(isSpeech(rest)) : new Float32Array(0);
        rest = new Float32Array(0);
        return last;
      },
      close: () => {
        this.open -= 1;
      },
    };
  }

  async close(): Promise<void> {}
}

/** A live stream over a scripted engine. */
export function liveStream(
  options: LiveOptions = {},
  engine = scriptedEngine(),
  vad: VadModel = new ScriptedVad(),
  diarizer?: Diarizer,
): LiveTranscription {
  const rules = resolveLive({ language: "en", ...options });
  return new LiveTranscription({
    engine,
    findVad: async () => vad,
    leaseDiarizer: async () => {
      if (!diarizer) throw new TranscriptionError("MODEL_NOT_FOUND", "none", { option: "diarize.model" });
      return { value: diarizer, release: async () => {} };
    },
    rules,
    modelRequest: fitToModel(rules.request, engine),
  });
}

/** 16 bits, little endian. */
export function bytesOf(samples: Float32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(2 * samples.length));
  for (const [i, sample] of samples.entries()) view.setInt16(2 * i, Math.round(sample * 32_767), true);
  return new Uint8Array(view.buffer);
}

/** What comes of a stream that is written to in pieces of `size` bytes and ended, without any waiting for time to pass. */
export async function replay(
  stream: LiveStream,
  bytes: Uint8Array,
  size: number,
): Promise<{ events: LiveEvent[]; stats: LiveStats }> {
  const events: LiveEvent[] = [];
  const reading = (async () => {
    for await (const event of stream) events.push(event);
  })();
  for (let at = 0; at < bytes.length; at += size) await stream.write(bytes.subarray(at, at + size));
  const stats = await stream.end();
  await reading;
  return { events, stats };
}

export const finalsOf = (events: readonly LiveEvent[]): LiveFinal[] =>
  events.filter((event) => event.type === "final");

export const textOf = (events: readonly LiveEvent[]): string =>
  finalsOf(events)
    .map(({ text }) => text)
    .join(" ");
