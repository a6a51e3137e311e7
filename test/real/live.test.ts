import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { LiveOptions } from "../../src/index.js";
import { decode, int16 } from "../support/audio.js";
import { librispeech, russian } from "../support/real-recordings.js";
import { describeWithRealWhisper, realTranscriber, thereIsRealWhisper } from "../support/real-whisper.js";
import { join, replay, silence, textOf } from "../support/scripted-speech.js";
import { unspokenSounds } from "../support/unspoken-sounds.js";
import { normalisedWords, wordErrorRate } from "../support/word-error-rate.js";

const POLICIES = ["auto", "local-agreement"] as const;
/** As many utterances of LibriSpeech, one behind the other. */
const UTTERANCES = 10;

const recordings = thereIsRealWhisper
  ? librispeech().filter((_, i) => i % Math.ceil(50 / UTTERANCES) === 0)
  : [];
const samplesOf = async (path: string): Promise<Float32Array> =>
  (await decode(readFileSync(path))).tracks[0]!;

const live = async (samples: Float32Array, size: number, options: LiveOptions) => {
  const transcriber = await realTranscriber({ computeType: "auto" });
  return replay(transcriber.live(options), int16(samples), size);
};

describeWithRealWhisper.each(POLICIES)("live speech, with the policy %s", (policy) => {
  it("is read within two points of the recording's word error rate, the same however it is cut", async () => {
    const transcriber = await realTranscriber({ computeType: "auto" });
    const parts: Float32Array[] = [];
    let offline = "";
    for (const { path } of recordings) {
      parts.push(await samplesOf(path), silence(1));
      offline += ` ${(await transcriber.transcribe(path, { language: "en" })).text}`;
    }
    const spoken = recordings.map(({ text }) => text).join(" ");
    const audio = join(parts);
    const first = await live(audio, 640, { language: "en", policy });
    const expected = wordErrorRate(spoken, offline).rate;
    const found = wordErrorRate(spoken, textOf(first.events)).rate;
    console.log(
      `${policy}: word error rate ${found.toFixed(4)} live, ${expected.toFixed(4)} offline`,
      first.stats,
    );
    expect(found).toBeLessThanOrEqual(expected + 0.02);
    expect(first.stats.processed).toBe(first.stats.received);
    const short = audio.subarray(0, 30 * 16_000);
    const texts = [];
    for (const ms of [20, 256, 500])
      texts.push(textOf((await live(short, ms * 32 + 1, { language: "en", policy })).events));
    expect(new Set(texts).size).toBe(1);
  });

  it("is read in Russian within two points", async () => {
    const transcriber = await realTranscriber({ computeType: "auto" });
    const [short] = russian();
    const offline = await transcriber.transcribe(short!.path, { language: "ru" });
    const { events } = await live(await samplesOf(short!.path), 3200, { policy });
    expect(wordErrorRate(short!.text, textOf(events)).rate).toBeLessThanOrEqual(
      wordErrorRate(short!.text, offline.text).rate + 0.02,
    );
  });

  it.each(unspokenSounds().map(({ name, samples }) => [name, samples] as const))(
    "is none in %s",
    async (_, samples) => {
      const { events } = await live(join([samples, silence(1)]), 3200, { policy });
      expect(normalisedWords(textOf(events))).toEqual([]);
    },
  );
});
