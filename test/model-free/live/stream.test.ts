import { describe, expect, it } from "vitest";
import { TranscriptionError } from "../../../src/errors.js";
import type { LiveEvent } from "../../../src/types/live.js";
import { codeOf } from "../../support/demo.js";
import {
  bytesOf,
  finalsOf,
  join,
  liveStream,
  music,
  replay,
  ScriptedVad,
  said,
  scriptedEngine,
  silence,
  textOf,
  words,
} from "../../support/scripted-speech.js";
import { latch } from "../../support/transcribe-fake.js";

const BYTES_PER_MS = 32;
/** Three utterances: short, of half a minute without a pause to speak of, and cut off by the end of the audio. */
const TALK = join([
  silence(1),
  words(0, 3),
  silence(2),
  words(3, 70, 0.02),
  silence(1.2),
  words(73, 5),
  words(78, 1, 0),
]);

const withoutSeq = (events: readonly LiveEvent[]) =>
  events
    .filter(({ type }) => !["partial", "lag", "done"].includes(type))
    .map(({ seq: _, ...event }) => event);

describe("a live stream", () => {
  it("says the same however its audio is cut", async () => {
    const bytes = bytesOf(TALK);
    const sizes = [20, 64, 256, 500].map((ms) => ms * BYTES_PER_MS);
    const [expected, ...others] = await Promise.all(
      [...sizes, 333, 77_777, bytes.length].map((size) => replay(liveStream({ words: true }), bytes, size)),
    );
    expect(textOf(expected!.events)).toBe(said(0, 79));
    for (const { events } of others) expect(withoutSeq(events)).toEqual(withoutSeq(expected!.events));
  });

  it("has heard everything at the end, and says so", async () => {
    const { stats } = await replay(liveStream(), bytesOf(TALK), 640);
    expect(stats.processed).toBe(stats.received);
    expect(stats.received).toBe(TALK.length / 16_000);
    expect(stats).toMatchObject({ words: 79, resets: 0 });
  });

  it("loses nothing that ends with the audio", async () => {
    const upTo = silence(0.7).length + words(5, 4, 0.1).length - 1600;
    for (const more of [1, 0, 511]) {
      const audio = join([silence(0.7), words(5, 4), silence(1)]).subarray(0, upTo + more);
      const { events } = await replay(liveStream(), bytesOf(audio), 640);
      expect(textOf(events)).toBe(said(5, 4));
    }
  });

  it("has finals that follow each other, inside their utterances", async () => {
    const { events } = await replay(liveStream({ words: true }), bytesOf(TALK), 640);
    const finals = finalsOf(events);
    expect(finals.length).toBeGreaterThan(3);
    expect(finals.map(({ id }) => id)).toEqual(finals.map((_, id) => id));
    let end = 0;
    for (const final of finals) {
      for (const word of final.words!) {
        expect(word.start).toBeGreaterThanOrEqual(end);
        expect(word.end).toBeGreaterThan(word.start);
        end = word.end;
      }
      expect([final.start, final.end]).toEqual([final.words![0]!.start, final.words!.at(-1)!.end]);
      const of = (type: string) =>
        events.find(
          (event) => event.type === type && "utterance" in event && event.utterance === final.utterance,
        );
      const [began, ended] = [of("speech-start"), of("speech-end")] as { time: number }[];
      expect(final.start).toBeGreaterThanOrEqual(began!.time - 0.5);
      expect(final.end).toBeLessThanOrEqual(ended!.time + 0.5);
    }
  });

  it("parts speech without an end, and loses no word and says none twice", async () => {
    for (const gap of [0.02, 0.1, 0]) {
      const { events } = await replay(liveStream(), bytesOf(words(0, 200, gap)), 640);
      const heard = textOf(events).split(" ");
      // Without any pause a word may be cut through.
      const whole = heard.filter((word) => word.startsWith("w"));
      expect(new Set(whole).size).toBe(whole.length);
      expect(whole.length).toBeGreaterThanOrEqual(gap === 0 ? 193 : 200);
      expect(finalsOf(events).map(({ endOfUtterance }) => endOfUtterance)).toEqual(
        finalsOf(events).map((_, i, all) => i === all.length - 1),
      );
    }
  });

  it("shows words before they are final, and never takes back what is stable", async () => {
    const { events } = await replay(liveStream(), bytesOf(TALK), 640);
    const shown = new Map<number, string>();
    let settled = "";
    for (const event of events) {
      if (event.type === "final") settled = "";
      if (event.type !== "partial") continue;
      const stable = event.text.slice(0, event.stableLength);
      if (shown.has(event.utterance)) expect(stable.startsWith(settled)).toBe(true);
      settled = stable;
      shown.set(event.utterance, event.text);
      expect(/^\S/.test(event.text.slice(event.stableLength)) && event.stableLength > 0).toBe(false);
    }
    expect(shown.size).toBe(3);
  });

  it("does without passes for what nobody wants to see", async () => {
    const { events, stats } = await replay(liveStream({ interim: false }), bytesOf(TALK), 640);
    expect(events.some(({ type }) => type === "partial")).toBe(false);
    expect(textOf(events)).toBe(said(0, 79));
    expect(stats.steps).toBe(stats.finals);
  });

  it.each([
    ["silence", silence(40), 0],
    ["noise", Float32Array.from({ length: 640_000 }, (_, i) => 0.03 * Math.sin(i * i)), 0],
    ["a click", join([silence(1), words(1, 1).subarray(0, 600), silence(2)]), 0],
    ["music", join([silence(1), music(70), silence(1)]), 1],
  ])("has no text for %s", async (_, audio, utterances) => {
    const { events } = await replay(liveStream(), bytesOf(audio), 640);
    expect(events.filter(({ type }) => type === "partial" || type === "final")).toEqual([]);
    expect(events.filter(({ type }) => type === "speech-end")).toHaveLength(utterances);
  });

  it("ends an utterance after the silence that is asked for", async () => {
    const audio = bytesOf(join([words(0, 2), silence(0.8), words(2, 2), silence(3)]));
    const finals = async (endpointMs: number) =>
      finalsOf((await replay(liveStream({ endpointMs }), audio, 640)).events).map(({ text }) => text);
    expect(await finals(500)).toEqual([said(0, 2), said(2, 2)]);
    expect(await finals(2000)).toEqual([said(0, 4)]);
  });

  it("ends utterances when it is flushed, and goes on", async () => {
    const stream = liveStream();
    const events: LiveEvent[] = [];
    const reading = (async () => {
      for await (const event of stream) events.push(event);
    })();
    await stream.flush();
    await stream.write(bytesOf(words(0, 3)));
    await stream.flush();
    expect(textOf(events)).toBe(said(0, 3));
    // The last word ends at 1.4 s, within a frame of 32 ms, and a tenth of a second of silence follows.
    expect(events.at(-1)).toMatchObject({ type: "speech-end", time: 1.408 });
    await stream.write(bytesOf(words(3, 3)));
    await stream.end();
    await reading;
    expect(textOf(events)).toBe(said(0, 6));
  });

  it.each([
    [0, 1.2],
    [0.2, 1.216],
    [0.4, 1.216],
  ])(
    "says that speech ended before %s s of silence in which the audio ends, or a flush",
    async (gap, time) => {
      const audio = bytesOf(join([words(0, 3, 0), silence(gap)]));
      const stream = liveStream();
      await stream.write(audio);
      await stream.flush();
      await stream.end();
      const events: LiveEvent[] = [];
      for await (const event of stream) events.push(event);
      const whole = await replay(liveStream(), audio, 640);
      for (const all of [events, whole.events])
        expect(all.filter(({ type }) => type === "speech-end")).toMatchObject([{ time }]);
      expect(whole.stats.speech).toBeCloseTo(time, 6);
    },
  );

  it("hears every channel for itself, on one clock", async () => {
    const left = join([words(0, 4), silence(6)]);
    const right = join([silence(4), words(10, 4), silence(2)]);
    const both = Float32Array.from({ length: left.length * 2 }, (_, i) => (i % 2 ? right : left)[i >> 1]!);
    const { events, stats } = await replay(liveStream({ channels: 2 }), bytesOf(both), 643);
    const found = finalsOf(events).map(({ channel, text, start }) => [channel, text, Math.round(start)]);
    expect(found).toEqual([
      [0, said(0, 4), 0],
      [1, said(10, 4), 4],
    ]);
    expect(stats.received).toBe(8);
    expect(stats.processed).toBe(8);
    expect(finalsOf(events).map(({ speaker }) => speaker)).toEqual([undefined, undefined]);
  });

  it("takes each channel for a speaker where that is asked for, numbered as they speak", async () => {
    const left = join([silence(4), words(10, 4), silence(6)]);
    const right = join([words(0, 4), silence(6), words(4, 2), silence(1)]);
    const length = Math.max(left.length, right.length);
    const both = Float32Array.from({ length: 2 * length }, (_, i) => (i % 2 ? right : left)[i >> 1] ?? 0);
    const { events } = await replay(liveStream({ channels: 2, diarize: true }), bytesOf(both), 643);
    expect(finalsOf(events).map(({ channel, speaker }) => [channel, speaker])).toEqual([
      [1, "SPEAKER_00"],
      [0, "SPEAKER_01"],
      [1, "SPEAKER_00"],
    ]);
  });

  it("keeps the newest partial alone for who does not read, and every final", async () => {
    const stream = liveStream();
    await stream.write(bytesOf(TALK));
    const stats = await stream.end();
    const events: LiveEvent[] = [];
    for await (const event of stream) events.push(event);
    expect(events.filter(({ type }) => type === "partial")).toEqual([]);
    expect(stats.replacedPartials).toBeGreaterThan(30);
    expect(textOf(events)).toBe(said(0, 79));
    expect(events.map(({ seq }) => seq)).toEqual(events.map(({ seq }) => seq).sort((a, b) => a - b));
    expect([events[0]!.type, events.at(-1)!.type]).toEqual(["ready", "done"]);
  });

  it("has one partial for who reads a stream that is held, the newest", async () => {
    const { opened, open } = latch();
    const held = latch();
    const gate = async (index: number) => {
      if (index < 3) return;
      held.open();
      await opened;
    };
    const stream = liveStream({}, scriptedEngine({ gate }));
    await stream.write(bytesOf(words(0, 12)));
    await held.opened;
    const events: LiveEvent[] = [];
    const reading = (async () => {
      for await (const event of stream) events.push(event);
    })();
    await new Promise((resolve) => setImmediate(resolve));
    // The third pass hears 2.6 s: five words.
    expect(events.filter(({ type }) => type === "partial")).toMatchObject([
      { text: expect.stringContaining(said(0, 5)) },
    ]);
    open();
    const stats = await stream.end();
    await reading;
    expect(stats.replacedPartials).toBeGreaterThanOrEqual(2);
  });

  it("has writers wait while 15 s are unprocessed, and tells how far it is behind", async () => {
    const { opened, open } = latch();
    const stream = liveStream({}, scriptedEngine({ gate: () => opened }));
    const audio = bytesOf(words(0, 60));
    await stream.write(audio.subarray(0, 10 * 1000 * BYTES_PER_MS));
    let isWaiting = true;
    const waited = stream.write(audio.subarray(10 * 1000 * BYTES_PER_MS)).then(() => {
      isWaiting = false;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isWaiting).toBe(true);
    const events: LiveEvent[] = [];
    const reading = (async () => {
      for await (const event of stream) events.push(event);
    })();
    open();
    await waited;
    await stream.end();
    await reading;
    expect(textOf(events)).toBe(said(0, 60));
    const behind = events.flatMap((event) =>
      event.type === "lag" ? [event.received - event.processed] : [],
    );
    expect(behind[0]).toBeGreaterThan(15);
    expect(behind.at(-1)).toBeLessThan(2.5);
  });

  it("detects the language when there is enough speech, and keeps it", async () => {
    const engine = scriptedEngine({
      hearsOnce: true,
      detect: (samples) =>
        samples.length > 40_000
          ? [{ language: "ru", probability: 0.9 }]
          : [{ language: "de", probability: 0.4 }],
    });
    const audio = join([silence(1), words(0, 6), silence(1), words(6, 6), silence(1)]);
    const { events } = await replay(liveStream({ language: "auto" }, engine), bytesOf(audio), 640);
    const languages = events.filter(({ type }) => type === "language");
    expect(languages).toMatchObject([{ channel: 0, language: "ru", probability: 0.9 }]);
    expect(finalsOf(events).map(({ language, text }) => [language, text])).toEqual([
      ["ru", said(0, 6)],
      ["ru", said(6, 6)],
    ]);
    expect(engine.windows.at(-1)!.language).toBe("ru");
    // Until it is settled, and once more in the utterance after it.
    expect(engine.detections).toBe(5);
  });

  it.each([true, false])(
    "goes over to another language that an utterance is surely in, interim %s",
    async (interim) => {
      const detect = (samples: Float32Array) => {
        const loudest = samples.reduce((most, sample) => Math.max(most, sample), 0);
        // Word 30 and those after it are Russian, 60 and after German, which the model is not sure of.
        if (loudest > 0.169) return [{ language: "de", probability: 0.7 }];
        return [{ language: loudest > 0.109 ? "ru" : "en", probability: 0.95 }];
      };
      const spoken = [words(0, 6), words(30, 6), words(60, 6), words(36, 6)].flatMap((each) => [
        each,
        silence(1),
      ]);
      for (const hearsOnce of [true, false]) {
        const { events, stats } = await replay(
          liveStream({ language: "auto", interim }, scriptedEngine({ hearsOnce, detect })),
          bytesOf(join(spoken)),
          640,
        );
        expect(finalsOf(events).map(({ language, text }) => [language, text])).toEqual([
          ["en", said(0, 6)],
          ["ru", said(30, 6)],
          ["ru", said(60, 6)],
          ["ru", said(36, 6)],
        ]);
        const told = events.flatMap((event) => (event.type === "language" ? [event.language] : []));
        expect(told).toEqual(["en", "ru"]);
        expect(stats.resets).toBe(interim ? 1 : 0);
      }
    },
  );

  it("gives an utterance that is too short to tell the language that it seems to have", async () => {
    const engine = scriptedEngine({ hearsOnce: true });
    const { events } = await replay(
      liveStream({ language: "auto" }, engine),
      bytesOf(join([words(0, 2), silence(1)])),
      640,
    );
    expect(events.filter(({ type }) => type === "language")).toMatchObject([{ language: "en" }]);
    expect(finalsOf(events)).toMatchObject([{ language: "en", text: said(0, 2) }]);
  });

  it("waits for an engine that is full", async () => {
    let refused = 0;
    const engine = scriptedEngine({
      gate: async () => {
        if (refused++ < 2) throw new TranscriptionError("QUEUE_FULL", "full");
      },
    });
    const { events } = await replay(liveStream({}, engine), bytesOf(words(0, 4)), 640);
    expect(textOf(events)).toBe(said(0, 4));
  });

  it("is heard before all recordings", async () => {
    const engine = scriptedEngine();
    await replay(liveStream({}, engine), bytesOf(words(0, 4)), 640);
    expect(engine.windows.every(({ priority }) => priority === "live")).toBe(true);
    expect(new Set(engine.windows.map(({ request }) => request)).size).toBe(1);
  });

  it("keeps memory flat over an hour of audio", async () => {
    const minute = bytesOf(join([words(0, 40), silence(3), words(40, 60, 0.01), silence(12.4)]));
    const vad = new ScriptedVad();
    const stream = liveStream({ interim: false }, scriptedEngine(), vad);
    let finals = 0;
    const reading = (async () => {
      for await (const event of stream) if (event.type === "final") finals++;
    })();
    const used: number[] = [];
    for (let i = 0; i < 60; i++) {
      await stream.write(minute);
      globalThis.gc?.();
      used.push(process.memoryUsage().arrayBuffers);
    }
    await stream.end();
    await reading;
    expect(finals).toBe(60 * 2);
    expect(Math.max(...used.slice(30))).toBeLessThan(Math.max(...used.slice(0, 30)) + 30e6);
    expect(Math.max(...used)).toBeLessThan(100e6);
    await stream.closed;
    expect(vad.open).toBe(0);
  });
});

describe("a live stream that does not come to its end", () => {
  it("refuses what is no bytes, and goes on", async () => {
    const stream = liveStream();
    for (const wrong of ["text", [1, 2], undefined, new Float32Array(3)])
      expect(await codeOf(stream.write(wrong as never))).toBe("INVALID_ARGUMENT");
    await stream.write(bytesOf(words(0, 3)));
    await stream.write(new Uint8Array(0));
    expect((await stream.end()).words).toBe(3);
  });

  it("refuses audio after its end, and has one end", async () => {
    const stream = liveStream();
    const ended = stream.end();
    expect(await codeOf(stream.write(new Uint8Array(2)))).toBe("INVALID_ARGUMENT");
    expect(await codeOf(stream.flush())).toBe("INVALID_ARGUMENT");
    expect(stream.end()).toBe(ended);
    expect((await ended).received).toBe(0);
  });

  it.each(["cancel", "close", "signal", "loop"])("stops at once, by its %s", async (how) => {
    const controller = new AbortController();
    const engine = scriptedEngine({ gate: () => new Promise(() => {}) });
    const vad = new ScriptedVad();
    const stream = liveStream({ signal: controller.signal }, engine, vad);
    await stream.write(bytesOf(words(0, 20)));
    const written = codeOf(stream.write(bytesOf(words(0, 40))));
    const flushed = codeOf(stream.flush());
    while (engine.running === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    if (how === "cancel") stream.cancel();
    if (how === "close") await stream.close();
    if (how === "signal") controller.abort();
    if (how === "loop") for await (const { type } of stream) if (type === "speech-start") break;
    expect([await written, await flushed]).toEqual(["CANCELLED", "CANCELLED"]);
    expect(await codeOf(stream.end())).toBe("CANCELLED");
    expect(await codeOf(stream.write(new Uint8Array(2)))).toBe("CANCELLED");
    await stream.closed;
    expect([engine.running, vad.open]).toEqual([0, 0]);
    if (how === "loop") return;
    const types: string[] = [];
    const reading = (async () => {
      for await (const { type } of stream) types.push(type);
    })();
    expect(await codeOf(reading)).toBe("CANCELLED");
    expect(types.slice(0, 2)).toEqual(["ready", "speech-start"]);
  });

  it("fails with what the engine fails with, once, after what it had to say", async () => {
    const engine = scriptedEngine({
      gate: async (index) => {
        if (index === 4) throw new TranscriptionError("OUT_OF_MEMORY", "no memory");
      },
    });
    const stream = liveStream({}, engine);
    await stream.write(bytesOf(words(0, 20)));
    expect(await codeOf(stream.end())).toBe("OUT_OF_MEMORY");
    const iterator = stream[Symbol.asyncIterator]();
    await expect(
      (async () => {
        for (;;) if ((await iterator.next()).done) return;
      })(),
    ).rejects.toMatchObject({ code: "OUT_OF_MEMORY" });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(() => stream[Symbol.asyncIterator]()).toThrow("read once");
  });

  it("says what it could not use of the audio", async () => {
    const { events } = await replay(
      liveStream({ encoding: "f32le" }),
      new Uint8Array([0, 0, 192, 127, 0, 0, 0, 0, 1, 2, 3]),
      3,
    );
    const warnings = events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
    expect(warnings.join()).toMatch(/last 3 bytes.*1 samples were not finite/s);
  });

  it.each([
    [{ sampleRate: 7999 }, "sampleRate"],
    [{ sampleRate: 16_000.5 }, "sampleRate"],
    [{ encoding: "mp3" }, "encoding"],
    [{ channels: 9 }, "channels"],
    [{ endpointMs: 100 }, "endpointMs"],
    [{ step: 6 }, "step"],
    [{ policy: "alignatt" }, "policy"],
    [{ diarize: { embeddings: true } }, "diarize.embeddings"],
    [{ diarize: { minSpeakers: 2 }, channels: 2 }, "diarize.minSpeakers"],
    [{ diarize: { knownVoices: { Anna: [1] } } }, "diarize.knownVoices"],
    [{ diarize: { engine: "community" } }, "diarize.engine"],
    [{ diarize: { numSpeakers: 0 } }, "diarize.numSpeakers"],
    [{ language: "xx" }, "language"],
    [{ language: "fr" }, "language"],
    [{ vadOptions: { speechPad: 1 } }, "vadOptions.speechPad"],
    [{ beamSize: 2 }, "beamSize"],
  ])("refuses %j", (options, option) => {
    expect(() => liveStream(options as never)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", option }),
    );
  });
});
