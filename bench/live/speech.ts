import { readFileSync } from "node:fs";
import type { Transcriber } from "../../src/index.js";
import { decode } from "../../test/support/audio.js";
import { librispeech } from "../../test/support/real-recordings.js";
import { sampleAudio } from "../../test/support/samples.js";
import { join, silence } from "../../test/support/scripted-speech.js";
import { normalisedWords } from "../../test/support/word-error-rate.js";

export const RATE = 16_000;
/** Seconds of silence before the first utterance, and behind each. */
const LEAD = 1;
const PAUSE = 1.5;
/** Longest utterances in seconds: many are timed in a minute. */
const LONGEST = 9;

/** An utterance of a stream, with what its own transcription says of it. Seconds on the stream's clock. */
export interface Spoken {
  firstWord: string;
  lastWord: string;
  firstWordEnd: number;
  end: number;
}

/** What one speaker says in a stream. */
export interface Speech {
  samples: Float32Array;
  spoken: Spoken[];
}

interface Utterance {
  samples: Float32Array;
  words: { text: string; end: number }[];
}

/** Utterances to make streams of: LibriSpeech's, or without them a sample call's. */
export async function recordings(isReal: boolean): Promise<Float32Array[]> {
  if (!isReal) {
    return [0, 12, 24, 36].map((from) =>
      Float32Array.from(sampleAudio("sales-call-en", from, from + 11).samples, (value) => value / 32_768),
    );
  }
  const all = await Promise.all(
    librispeech().map(async ({ path }) => (await decode(readFileSync(path))).tracks[0]!),
  );
  return all.filter(({ length }) => length <= LONGEST * RATE);
}

/** Utterances with the times of their words, from transcriptions of each by itself; what has no words is left out. */
export async function timed(
  transcriber: Transcriber,
  all: readonly Float32Array[],
  seconds: number,
): Promise<Utterance[]> {
  const found: Utterance[] = [];
  let length = 0;
  for (const samples of all) {
    if (length > seconds * RATE) break;
    const { segments } = await transcriber.transcribe(
      { samples, sampleRate: RATE },
      { wordTimestamps: true, language: "en" },
    );
    const words = segments
      .flatMap(({ words = [] }) => words)
      .map(({ text, end }) => ({ text: normalisedWords(text)[0] ?? "", end }));
    if (words.length === 0) continue;
    found.push({ samples, words });
    length += samples.length + PAUSE * RATE;
  }
  return found;
}

/** About so many seconds of utterances with pauses between them, from utterance `first` on, round and round. */
export function speech(utterances: readonly Utterance[], first: number, seconds: number): Speech {
  const parts: Float32Array[] = [silence(LEAD)];
  const spoken: Spoken[] = [];
  let length = LEAD * RATE;
  for (let i = first; length < seconds * RATE; i++) {
    const { samples, words } = utterances[i % utterances.length]!;
    const start = length / RATE;
    spoken.push({
      firstWord: words[0]!.text,
      lastWord: words.at(-1)!.text,
      firstWordEnd: start + words[0]!.end,
      end: start + words.at(-1)!.end,
    });
    parts.push(samples, silence(PAUSE));
    length += samples.length + PAUSE * RATE;
  }
  return { samples: join(parts), spoken };
}
