import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import wavefile from "wavefile";
import { createTranscriber, type LiveOptions } from "../../src/index.js";
import { int16, wav } from "../support/audio.js";
import { codeOf, DEMO, DEMO_WITH_VAD, sharedTranscriber } from "../support/demo.js";
import { nemotronFile } from "../support/nemotron-file.js";
import { sampleAudio, samplePath, sampleText, sampleTurns } from "../support/samples.js";
import { finalsOf, join, replay, silence, textOf } from "../support/scripted-speech.js";
import { unspokenSounds } from "../support/unspoken-sounds.js";
import { wordErrorRate } from "../support/word-error-rate.js";

const transcriber = sharedTranscriber(DEMO_WITH_VAD);
const bytes = new Uint8Array(sampleAudio("sales-call-en").samples.buffer);
const MS = 32;

const replayed = (audio: Uint8Array, size: number, options: LiveOptions = {}) =>
  replay(transcriber().live(options), audio, size);
const rate = (text: string, call = "sales-call-en"): number => wordErrorRate(sampleText(call), text).rate;

describe.each(["auto", "local-agreement"] as const)("live speech, with the policy %s", (policy) => {
  it("is read as well as a recording, however it is cut", async () => {
    const offline = await transcriber().transcribe(sampleAudio("sales-call-en"));
    const { events, stats } = await replayed(bytes, 20 * MS + 1, { policy, words: true });
    expect(stats.processed).toBe(stats.received);
    expect(rate(textOf(events))).toBeLessThanOrEqual(rate(offline.text) + 0.02);
    const beginning = bytes.subarray(0, 15_000 * MS);
    const finals = [];
    for (const ms of [20, 64, 256, 500]) {
      const { events } = await replayed(beginning, ms * MS + 1, { policy, words: true });
      finals.push(finalsOf(events).map(({ seq: _, ...final }) => final));
    }
    expect(finals[0]!.length).toBeGreaterThan(3);
    for (const others of finals.slice(1)) expect(others).toEqual(finals[0]);
  });

  it("is timed as it was spoken", async () => {
    const { events } = await replayed(bytes, 3200, { policy, words: true });
    const turns = sampleTurns("sales-call-en");
    for (const { words } of finalsOf(events)) {
      for (const { start, end } of words!)
        expect(turns.some((turn) => start < turn.end + 0.5 && end > turn.start - 0.5)).toBe(true);
    }
  });
});

describe("live speech", () => {
  it("has speakers that a model tells apart, cut where they change, the same however it is cut", async () => {
    const model = await nemotronFile();
    const beginning = bytes.subarray(0, 40_000 * MS);
    const options = { words: true, interim: false, diarize: { model } };
    const [expected, ...others] = await Promise.all(
      [320, 20 * MS + 1, 40_000 * MS].map(async (size) =>
        finalsOf((await replayed(beginning, size, options)).events).map(({ seq: _, ...final }) => final),
      ),
    );
    for (const finals of others) expect(finals).toEqual(expected);
    const plain = await replayed(beginning, 3200, { interim: false });
    expect(expected!.map(({ text }) => text).join(" ")).toBe(textOf(plain.events));
    const names = [...new Set(expected!.flatMap(({ speaker }) => speaker ?? []))];
    expect(names.length).toBeGreaterThan(1);
    expect(names).toEqual([...names].sort());
    for (const { speaker, words } of expected!)
      expect(words!.every((word) => word.speaker === speaker)).toBe(true);
  });

  it("is read in Russian, whose letters are several tokens", async () => {
    const audio = new Uint8Array(sampleAudio("sales-call-ru").samples.buffer);
    const { events } = await replayed(audio, 3201);
    const offline = await transcriber().transcribe(sampleAudio("sales-call-ru"));
    expect(rate(textOf(events), "sales-call-ru")).toBeLessThanOrEqual(
      rate(offline.text, "sales-call-ru") + 0.02,
    );
    const shown = events.flatMap((event) => (event.type === "partial" ? [event.text] : []));
    expect(shown.join()).not.toContain("\ufffd");
    expect(events.filter(({ type }) => type === "language")).toMatchObject([{ language: "ru" }]);
  });

  it("is read from telephony's bytes, 8 kHz mu-law, as from a file of them", async () => {
    const { samples } = sampleAudio("sales-call-en");
    const half = Float32Array.from(
      { length: samples.length >> 1 },
      (_, i) => (samples[2 * i]! + samples[2 * i + 1]!) / 2 / 32_768,
    );
    const file = wav([half], 8000, "8m");
    const data = new wavefile.WaveFile(file) as unknown as { data: { samples: Uint8Array } };
    const options = { sampleRate: 8000, encoding: "mulaw" } as const;
    const { events, stats } = await replayed(data.data.samples, 160, options);
    expect(stats.received).toBe(half.length / 8000);
    expect(stats.processed).toBe(stats.received);
    const offline = await transcriber().transcribe(file);
    expect(rate(textOf(events))).toBeLessThanOrEqual(rate(offline.text) + 0.05);
  });

  it("is heard on each channel for itself", async () => {
    const file = readFileSync(samplePath("sales-call-en.stereo.wav"));
    const { events } = await replayed(file.subarray(44), 4 * 160 + 1, { channels: 2 });
    const offline = await transcriber().transcribe(file, { channels: "each" });
    for (const { channel, text } of offline.channels!) {
      const own = finalsOf(events).filter((final) => final.channel === channel);
      expect(wordErrorRate(text, textOf(own)).rate).toBeLessThanOrEqual(0.05);
    }
  });

  it("loses no word that the audio ends a sample after", async () => {
    const [first] = sampleTurns("sales-call-en");
    const cut = bytes.subarray(0, 2 * (Math.round(first!.end * 16_000) + 1));
    const { events } = await replayed(cut, 640);
    expect(wordErrorRate(first!.text, textOf(events)).rate).toBe(0);
  });

  it("is read where it is sent ten times as fast as it was spoken", async () => {
    const stream = transcriber().live();
    const reading = (async () => {
      const events = [];
      for await (const event of stream) events.push(event);
      return events;
    })();
    for (let at = 0; at < bytes.length; at += 200 * MS) {
      // Nobody waits for it to be processed.
      stream.write(bytes.subarray(at, at + 200 * MS)).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await stream.end();
    expect(rate(textOf(await reading))).toBeLessThanOrEqual(0.05);
  });

  it.each(unspokenSounds().map(({ name, samples }) => [name, samples] as const))(
    "is none in %s",
    async (_, samples) => {
      const { events } = await replayed(int16(join([samples, silence(1)])), 3200);
      expect(textOf(events)).toBe("");
    },
  );

  it("is transcribed to its end where the transcriber is closed", async () => {
    const own = await createTranscriber(DEMO_WITH_VAD);
    const stream = own.live({ language: "en" });
    const reading = (async () => {
      const events = [];
      for await (const event of stream) events.push(event);
      return events;
    })();
    const [first] = sampleTurns("sales-call-en");
    await stream.write(bytes.subarray(0, 2 * Math.round(first!.end * 16_000)));
    await own.close();
    expect(wordErrorRate(first!.text, textOf(await reading)).rate).toBe(0);
    expect(await codeOf(stream.write(new Uint8Array(2)))).toBe("INVALID_ARGUMENT");
    expect(() => own.live()).toThrow("closed");
  });

  it("needs a VAD model", async () => {
    const own = await createTranscriber(DEMO);
    expect(() => own.live()).toThrow(expect.objectContaining({ option: "vadModel" }));
    await own.close();
  });

  it("is read by whisper.cpp's decoder, too", async () => {
    const own = await createTranscriber({ ...DEMO_WITH_VAD, implementation: "whisper-cpp" });
    const { events } = await replay(own.live({ language: "en" }), bytes.subarray(0, 12_000 * MS), 640);
    await own.close();
    const expected = await transcriber().transcribe(sampleAudio("sales-call-en", 0, 12), { language: "en" });
    expect(wordErrorRate(expected.text, textOf(events)).rate).toBeLessThanOrEqual(0.05);
  });
});
