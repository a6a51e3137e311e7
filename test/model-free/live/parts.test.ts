import { describe, expect, it } from "vitest";
import { decodePcm } from "../../../src/audio/pcm.js";
import { resolveRequest } from "../../../src/config/options.js";
import { Lag } from "../../../src/live/lag.js";
import { LocalAgreement } from "../../../src/live/local-agreement.js";
import { Pace } from "../../../src/live/pace.js";
import { SampleReader } from "../../../src/live/sample-reader.js";
import { VoiceGate } from "../../../src/live/voice-gate.js";
import { beforeLoop, isLoop, type LiveWord, textOf } from "../../../src/live/words.js";
import { fitToModel } from "../../../src/pipeline/fit-to-model.js";
import { LIVE_ENCODINGS } from "../../../src/types/live.js";
import { FakeEngine, fakeSegment } from "../../support/fake-engine.js";
import { join } from "../../support/scripted-speech.js";

describe("bytes of a stream", () => {
  const bytes = Uint8Array.from({ length: 240 }, (_, i) => (i * 7919) % 61);

  it.each(LIVE_ENCODINGS)("are the same samples wherever %s is cut", (encoding) => {
    const inPieces = (sizes: number[]): Float32Array[] => {
      const reader = new SampleReader(encoding, 3);
      const planes: Float32Array[][] = [[], [], []];
      for (let at = 0, i = 0; at < bytes.length; at += sizes[i++ % sizes.length]!)
        for (const [c, part] of reader.push(bytes.subarray(at, at + sizes[i % sizes.length]!)).entries())
          planes[c]!.push(part);
      expect(reader.left).toBe(0);
      return planes.map(join);
    };
    const whole = inPieces([240]);
    expect(whole[0]!.length).toBe(whole[2]!.length);
    for (const sizes of [[1], [7], [2, 0, 31], [239, 1]]) expect(inPieces(sizes)).toEqual(whole);
  });

  it("are channels that take turns, sample by sample", () => {
    const reader = new SampleReader("u8", 3);
    const planes = reader.push(Uint8Array.of(192, 128, 64, 128, 192, 128, 64));
    expect(planes.map((plane) => [...plane])).toEqual([
      [0.5, 0],
      [0, 0.5],
      [-0.5, 0],
    ]);
    expect(reader.left).toBe(1);
  });

  it("are read as their encoding says", () => {
    const first = (encoding: (typeof LIVE_ENCODINGS)[number], ...given: number[]) =>
      new SampleReader(encoding, 1).push(Uint8Array.from(given))[0]![0];
    expect(first("s16le", 0x00, 0x40)).toBe(0.5);
    expect(first("s16be", 0x40, 0x00)).toBe(0.5);
    expect(first("u8", 192)).toBe(0.5);
    expect(first("f32le", 0, 0, 0, 0x3f)).toBe(0.5);
    expect(first("mulaw", 0x80)).toBe(decodePcm("pcm_mulaw", Uint8Array.of(0x80))[0]);
    expect(first("alaw", 0xaa)).toBe(decodePcm("pcm_alaw", Uint8Array.of(0xaa))[0]);
  });
});

describe("the voice gate", () => {
  const rules = { threshold: 0.5, negThreshold: 0.35, minSpeech: 0.1, endpoint: 0.5 };
  const run = (probabilities: number[]) => {
    const gate = new VoiceGate(rules);
    const news = probabilities.map((probability) => {
      const told = gate.push(probability);
      if (told === "end") gate.reset();
      return told ?? ".";
    });
    return news.map((told) => told[0]).join("");
  };

  it("opens after 0.1 s of speech and closes after 0.5 s without", () => {
    expect(run([0, 0.9, 0.9, 0.9, 0.9, 0.9, ...Array(17).fill(0)])).toBe("....s................e.");
  });

  it("takes no click for speech, nor what lies between the thresholds for an end", () => {
    expect(run([0.9, ...Array(30).fill(0)])).toMatch(/^\.+$/);
    expect(run([0.9, 0.9, 0.9, 0.9, ...Array(60).fill(0.4)])).toBe(`...s${".".repeat(60)}`);
  });

  it("knows where speech is, and its pauses", () => {
    const gate = new VoiceGate(rules);
    for (const probability of [0, ...Array(5).fill(0.9), 0, 0, 0, ...Array(4).fill(0.9), 0])
      gate.push(probability);
    expect(gate.start).toBe(512);
    expect(gate.reach).toBe(13 * 512);
    expect(gate.pauses).toEqual([{ start: 6 * 512, end: 9 * 512 }]);
    expect(gate.spoken(1024)).toEqual([
      { start: 1024, end: 6 * 512 },
      { start: 9 * 512, end: 13 * 512 },
    ]);
  });
});

describe("local agreement", () => {
  /** Texts of passes, words half a second apart; returns what is settled and what is not after each. */
  async function passes(...texts: string[]): Promise<string[]> {
    let pass = 0;
    const engine = new FakeEngine({
      answer: () => {
        const words = texts[pass++]!.split(" ").map((text, i) => ({
          start: 0.5 * i,
          end: 0.5 * i + 0.4,
          text: ` ${text}`,
          confidence: 0.9,
        }));
        return { segments: [fakeSegment(texts[pass - 1]!, 0, 9, { words })] };
      },
    });
    const request = resolveRequest({ language: "en" });
    const policy = new LocalAgreement({
      engine,
      modelRequest: fitToModel(request, engine),
      request: 1,
      signal: new AbortController().signal,
    });
    const sound = {
      samples: new Float32Array(160_000),
      start: 100,
      spoken: [],
      language: "en",
      kept: undefined,
    };
    const said = (words: readonly LiveWord[]) => words.map(({ text }) => text.trim()).join(" ");
    const seen = [];
    for (const _ of texts.slice(1)) {
      const { settled, unsettled } = await policy.listen(sound);
      seen.push(`${said(settled)} | ${said(unsettled)}`);
    }
    return [...seen, said((await policy.finish(sound)).words)];
  }

  it("settles what two passes agree on, whatever its marks, and never takes it back", async () => {
    expect(await passes("a b", "A, b c", "a x c d", "a x c d e")).toEqual([
      " | a b",
      "A, b | c",
      "A, b c | d",
      "A, b c d e",
    ]);
  });

  it("has nothing of a pass that hears nothing at the end", async () => {
    expect((await passes("a b", "a b", "")).at(-1)).toBe("");
  });
});

const words = (text: string): LiveWord[] =>
  text.split(" ").map((word, i) => ({ start: i, end: i + 1, text: ` ${word}`, confidence: 1, logProb: 0 }));

it("what a model writes on and on is shown once", () => {
  const shown = (text: string): string => textOf(beforeLoop(words(text)));
  expect(shown("S S S S S S S S S S")).toBe("S");
  expect(shown("well and so and so and so and so and")).toBe("well and so");
  expect(shown("one two three four one two three four one two three four one two three four")).toBe(
    "one two three four",
  );
  for (const text of ["no no no no no", "he said that that is what he said he said"])
    expect(shown(text)).toBe(text);
});

it("a text that repeats itself is a loop, one that is short is not", () => {
  expect(isLoop(words("no no no no no no"))).toBe(false);
  expect(isLoop(words("one two three four one two three four one two three four"))).toBe(true);
  expect(isLoop(words("so what I said was that they would come on Monday and we would go on Tuesday"))).toBe(
    false,
  );
});

describe("the pace of a stream", () => {
  it("is behind where speech waits, not where a recording is sent", () => {
    let now = 0;
    const speech = new Pace(() => now);
    const recording = new Pace(() => now);
    for (let second = 1; second <= 6; second++) {
      now = second * 1000;
      speech.note(second, second - 1);
      recording.note(second * 10, second * 10 - 1);
    }
    expect([speech.isBehind(5), recording.isBehind(50)]).toEqual([true, false]);
    speech.note(7, 0.5);
    expect(speech.isBehind(3)).toBe(false);
  });

  it("is told where it lags, and when it has caught up", () => {
    const told: number[] = [];
    const lag = new Lag(({ received }) => told.push(received));
    for (const [received, processed] of [
      [3, 0],
      [6, 0],
      [8, 0],
      [11, 0],
      [11, 5],
      [11, 8],
      [11, 9],
    ] as const)
      lag.note({ received, processed, committed: 0 });
    lag.note({ received: 11.5, processed: 9.5, committed: 0 });
    expect(told).toEqual([6, 11, 11]);
  });
});
