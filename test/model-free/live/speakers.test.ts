import { describe, expect, it } from "vitest";
import { liveResult } from "../../../src/live/live-result.js";
import type { LiveEvent, LiveOptions } from "../../../src/types/live.js";
import { codeOf } from "../../support/demo.js";
import { ScriptedDiarizer } from "../../support/scripted-diarizer.js";
import {
  bytesOf,
  finalsOf,
  join,
  liveStream,
  replay,
  ScriptedVad,
  said,
  scriptedEngine,
  silence,
  words,
} from "../../support/scripted-speech.js";
import { latch } from "../../support/transcribe-fake.js";

/** Words 0 to 9 are said by speaker 5 of the model's, 10 to 19 by its speaker 2, and so on. */
const NUMBERS = [5, 2, 7];
const diarizer = () => new ScriptedDiarizer((word) => NUMBERS[Math.floor(word / 10)]!);

/** Two people in turn, who in the middle fall into each other's words, and one who says something at the very end. */
const TALK = join([
  silence(0.7),
  words(0, 4),
  silence(2),
  words(10, 3, 0.02),
  words(4, 3, 0.02),
  words(13, 2, 0.02),
  silence(8),
  words(7, 2),
  silence(1),
  words(20, 2, 0),
]);

const streamWith = (model = diarizer(), options: LiveOptions = {}) =>
  liveStream({ diarize: true, ...options }, scriptedEngine(), new ScriptedVad(), model);

const spoken = (events: readonly LiveEvent[]) => finalsOf(events).map(({ speaker, text }) => [speaker, text]);

describe("speakers of one channel", () => {
  it("are told apart while they speak, numbered by first speech, finals cut where another speaks on", async () => {
    const { events, stats } = await replay(streamWith(undefined, { words: true }), bytesOf(TALK), 640);
    expect(spoken(events)).toEqual([
      ["SPEAKER_00", said(0, 4)],
      ["SPEAKER_01", said(10, 3)],
      ["SPEAKER_00", said(4, 3)],
      ["SPEAKER_01", said(13, 2)],
      ["SPEAKER_00", said(7, 2)],
      ["SPEAKER_02", said(20, 2)],
    ]);
    const finals = finalsOf(events);
    expect(finals.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(finals.map(({ utterance }) => utterance)).toEqual([0, 1, 1, 1, 2, 3]);
    expect(finals.map(({ endOfUtterance }) => endOfUtterance)).toEqual([
      true,
      false,
      false,
      true,
      true,
      true,
    ]);
    expect(stats).toMatchObject({ finals: 6, words: 16 });
    for (const [i, final] of finals.entries()) {
      expect(final.words!.every(({ speaker }) => speaker === final.speaker)).toBe(true);
      expect([final.start, final.end]).toEqual([final.words![0]!.start, final.words!.at(-1)!.end]);
      expect(final.start).toBeGreaterThanOrEqual(finals[i - 1]?.end ?? 0);
      expect(final.speakerConfidence).toBeGreaterThan(0.5);
      expect(final.speakerConfidence).toBeLessThanOrEqual(1);
    }
  });

  it("are the same however the audio is cut, and what tells them hears all of it, in order", async () => {
    const bytes = bytesOf(TALK);
    const all = await Promise.all(
      [333, 640, 16_000, 77_777, bytes.length].map(async (size) => {
        const model = diarizer();
        const { events } = await replay(streamWith(model), bytes, size);
        const finals = finalsOf(events).map(({ seq: _, ...final }) => final);
        return { finals, looks: model.looks, open: model.open };
      }),
    );
    for (const found of all) expect(found).toEqual(all[0]);
    expect(all[0]!.open).toBe(0);
    const { looks } = all[0]!;
    expect(looks.map(({ given }) => given)).toEqual(
      [...looks].map(({ given }) => given).sort((a, b) => a - b),
    );
    expect(looks.at(-1)!.given).toBe(TALK.length);
  });

  it("are heard in text that is parted, and in what a flush ends", async () => {
    const model = diarizer();
    const stream = streamWith(model);
    await stream.write(bytesOf(join([silence(0.7), words(0, 9, 0.02), words(10, 9, 0.02)])));
    await stream.flush();
    await stream.write(bytesOf(join([words(20, 9, 0.02), words(0, 9, 0.02), words(10, 9, 0.02)])));
    await stream.write(bytesOf(join([words(20, 9, 0.02), words(0, 9, 0.02), words(10, 9, 0.02)])));
    await stream.write(bytesOf(join([words(20, 9, 0.02), silence(1)])));
    const events: LiveEvent[] = [];
    const stats = await stream.end();
    for await (const event of stream) events.push(event);
    expect(stats.processed).toBe(stats.received);
    const finals = finalsOf(events);
    expect(finals.map(({ text }) => text).join(" ")).toBe(
      [0, 10, 20, 0, 10, 20, 0, 10, 20].map((first) => said(first, 9)).join(" "),
    );
    for (const { speaker, text } of finals) {
      const names = new Set(text.split(" ").map((word) => Math.floor(Number(word.slice(1)) / 10)));
      expect([...names].map((number) => `SPEAKER_0${number}`)).toEqual([speaker]);
    }
  });

  it("are null where nobody is heard", async () => {
    const model = diarizer();
    model.createLiveSession = () => ({ push: async () => {}, look: async () => [], close: () => {} });
    const { events } = await replay(streamWith(model, { words: true }), bytesOf(TALK), 640);
    const finals = finalsOf(events);
    expect(
      finals.every(({ speaker, speakerConfidence }) => speaker === null && speakerConfidence === 0),
    ).toBe(true);
    expect(finals.flatMap(({ words }) => words!).every(({ speaker }) => speaker === null)).toBe(true);
  });

  it("are told apart in each of several channels where an engine is named, under names of their own", async () => {
    const left = join([words(0, 3), silence(1), words(10, 3), silence(4)]);
    const right = join([silence(5), words(0, 3), silence(2)]);
    const length = Math.max(left.length, right.length);
    const both = Float32Array.from({ length: 2 * length }, (_, i) => (i % 2 ? right : left)[i >> 1] ?? 0);
    const model = diarizer();
    const stream = streamWith(model, { channels: 2, diarize: { engine: "nemotron" } });
    const { events } = await replay(stream, bytesOf(both), 643);
    expect(finalsOf(events).map(({ channel, speaker }) => [channel, speaker])).toEqual([
      [0, "SPEAKER_00"],
      [0, "SPEAKER_01"],
      [1, "SPEAKER_02"],
    ]);
    expect(model.most).toEqual([8, 8]);
    expect(model.open).toBe(0);
  });

  it("are as many as are asked for, at most", async () => {
    for (const [diarize, most] of [
      [{ maxSpeakers: 2 }, 2],
      [{ numSpeakers: 3 }, 3],
      [{ maxSpeakers: 100 }, 8],
    ] as const) {
      const model = diarizer();
      await replay(streamWith(model, { diarize }), bytesOf(words(0, 1)), 640);
      expect(model.most).toEqual([most]);
    }
  });

  it("stand in a transcript of the stream", async () => {
    const { events, stats } = await replay(streamWith(), bytesOf(TALK), 640);
    const info = {
      implementation: "fake",
      model: scriptedEngine().model,
      device: { type: "cpu" as const, name: "", threads: 1 },
      maxWindow: 30,
      languages: ["en"],
      timesWords: true,
    };
    const { segments } = liveResult(finalsOf(events), stats, info as never, {});
    expect(segments.map(({ speaker }) => speaker)).toEqual(
      [0, 1, 0, 1, 0, 2].map((number) => `SPEAKER_0${number}`),
    );
  });

  it("are listened to as they speak, and while nobody does: no more than some seconds of sound are held, and none is kept that is over", async () => {
    const model = diarizer();
    const stream = streamWith(model);
    let written = 0;
    for (let i = 0; i < 20; i++) {
      const part = i % 5 === 4 ? join([words(0, 4), silence(2)]) : silence(7);
      written += part.length;
      await stream.write(bytesOf(part));
      await stream.flush();
      expect(written - model.given).toBeLessThan(13 * 16_000);
    }
    expect(model.mostKept).toBeLessThan(20 * 16_000);
    stream.cancel();
    await stream.closed;
    expect(model.open).toBe(0);
  });

  it("stop with the stream, whatever is being worked on", async () => {
    const model = diarizer();
    const entered = latch();
    model.step = (signal) =>
      new Promise((_, reject) => {
        entered.open();
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    const stream = streamWith(model);
    const reading = (async () => {
      for await (const _ of stream);
    })();
    await stream.write(bytesOf(join([words(0, 2), silence(1)])));
    await entered.opened;
    stream.cancel();
    expect(await codeOf(reading)).toBe("CANCELLED");
    await stream.closed;
    expect(model.open).toBe(0);
  });

  it("fail the stream with what the model fails with", async () => {
    const model = diarizer();
    model.step = async () => {
      throw Object.assign(new Error("No memory"), { code: "OUT_OF_MEMORY" });
    };
    const stream = streamWith(model);
    await stream.write(bytesOf(TALK)).catch(() => {});
    stream.end().catch(() => {});
    expect(
      await codeOf(
        (async () => {
          for await (const _ of stream);
        })(),
      ),
    ).toBe("OUT_OF_MEMORY");
    await stream.closed;
    expect(model.open).toBe(0);
  });

  it("need a model that is there, and one that can", async () => {
    const none = liveStream({ diarize: true });
    expect(await codeOf(none.end())).toBe("MODEL_NOT_FOUND");
    const model = Object.assign(diarizer(), { engine: "community", createLiveSession: undefined });
    const stream = streamWith(model as never, { diarize: { model: "speakers.gguf" } });
    await expect(stream.end()).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      option: "diarize.model",
      message: expect.stringContaining("community"),
    });
  });
});
