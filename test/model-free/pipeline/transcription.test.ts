import { describe, expect, it } from "vitest";
import { fitPrompt } from "../../../src/engine/prompt.js";
import type { Engine, WindowResult } from "../../../src/types/engine.js";
import type { Progress } from "../../../src/types/options.js";
import type { Segment } from "../../../src/types/result.js";
import { FakeAudio } from "../../support/fake-audio.js";
import { bursts, FakeEngine, FakeVad, fakeSegment, peakLabel } from "../../support/fake-engine.js";
import { latch, pause, transcribeFake } from "../../support/transcribe-fake.js";

describe("a transcription", () => {
  it("has the text of all windows in order, on the recording's clock", async () => {
    const result = await transcribeFake(new FakeAudio([bursts(4)]), new FakeEngine());
    expect(result.text).toBe("1 2 3 4");
    expect(result.segments.map(({ id, start }) => [id, start])).toEqual([
      [0, expect.closeTo(5.5, 1)],
      [1, expect.closeTo(12.5, 1)],
      [2, expect.closeTo(19.5, 1)],
      [3, expect.closeTo(26.5, 1)],
    ]);
    expect(result.duration).toBe(34);
    expect(result.stats).toMatchObject({ wordCount: 4, charCount: 7, windowCount: 4 });
    expect(result.stats.speechDuration).toBeCloseTo(8, 0);
    expect(result).not.toHaveProperty("channels");
  });

  it.each([0, 1, 159, 160, 161, 399, 400, 16_000, 480_000])(
    "of %i samples of silence is empty",
    async (length) => {
      const engine = new FakeEngine();
      const result = await transcribeFake(new FakeAudio([new Float32Array(length)]), engine);
      expect(result).toMatchObject({ text: "", segments: [], language: "", languageProbability: 0 });
      expect(engine.windows).toEqual([]);
      expect(engine.detections).toBe(0);
    },
  );

  it("keeps its segments in order when windows finish out of order", async () => {
    const first = latch();
    const segments: Segment[] = [];
    const engine = new FakeEngine({
      concurrency: 4,
      gate: async (index) => {
        if (index === 0) await first.opened;
        if (index === 3) first.open();
      },
    });
    const result = await transcribeFake(new FakeAudio([bursts(6)]), engine, {
      onSegment: (segment) => void segments.push(segment),
    });
    expect(result.text).toBe("1 2 3 4 5 6");
    expect(segments).toEqual(result.segments);
  });

  it("hands over segments while the rest is still being decoded", async () => {
    const heard = latch();
    const audio = new FakeAudio([bursts(4)], (index) => (index === 20 ? heard.opened : undefined));
    const result = await transcribeFake(audio, new FakeEngine(), { onSegment: heard.open });
    expect(result.segments).toHaveLength(4);
  });

  it("never has more windows in flight than the engine can use and one, over all channels", async () => {
    const engine = new FakeEngine({ concurrency: 2, gate: async () => void (await pause()) });
    const tracks = [1, 2, 3].map(() => bursts(8));
    await transcribeFake(new FakeAudio(tracks), engine, { channels: "each" });
    expect(engine.windows).toHaveLength(24);
    expect(engine.mostRunning).toBe(3);
  });

  it("reads no further than the engine keeps up with", async () => {
    const stuck = latch();
    let read = 0;
    const audio = new FakeAudio([bursts(30)], (index) => {
      read = index;
    });
    const engine = new FakeEngine({ concurrency: 1, gate: () => stuck.opened });
    const result = transcribeFake(audio, engine);
    for (let i = 0; i < 500; i++) await pause();
    expect(engine.running).toBe(2);
    // Two windows are in flight, the third, of the burst that ends at 21 s, waits for its turn.
    expect(read).toBeLessThan(35);
    stuck.open();
    expect((await result).stats.windowCount).toBe(30);
  });

  it("searches for speech where there is a VAD model", async () => {
    const track = bursts(3).map((sample) => sample * 30);
    const vad = new FakeVad();
    const result = await transcribeFake(new FakeAudio([track]), new FakeEngine(), {}, vad);
    // Amplitudes 0.3, 0.6 and 0.9: the fake takes the last two for speech.
    expect(result.text).toBe("60 90");
  });

  it("tells channels apart", async () => {
    const left = bursts(2);
    const right = new Float32Array(left.length);
    right.set(
      bursts(1).map((sample) => sample * 9),
      3 * 16_000,
    );
    const detect = (samples: Float32Array) => [
      { language: peakLabel(samples) === "9" ? "ru" : "en", probability: 0.8 },
    ];
    const result = await transcribeFake(new FakeAudio([left, right]), new FakeEngine({ detect }), {
      channels: "each",
    });
    expect(result.segments.map(({ id, channel, text }) => [id, channel, text])).toEqual([
      [0, 0, "1"],
      [1, 1, "9"],
      [2, 0, "2"],
    ]);
    expect(result.text).toBe("1 9 2");
    expect(result.language).toBe("en");
    expect(result.channels).toEqual([
      { channel: 0, text: "1 2", language: "en", languageProbability: expect.closeTo(0.8) },
      { channel: 1, text: "9", language: "ru", languageProbability: expect.closeTo(0.8) },
    ]);
  });

  it("has the language of the first channel that speaks", async () => {
    const speech = bursts(1);
    const audio = new FakeAudio([new Float32Array(speech.length), speech]);
    const result = await transcribeFake(audio, new FakeEngine(), { channels: "each" });
    expect(result.language).toBe("en");
    expect(result.channels!.map((channel) => channel.language)).toEqual(["", "en"]);
  });

  it("reports progress that only grows and ends complete", async () => {
    const progress: Progress[] = [];
    const audio = new FakeAudio([bursts(5), bursts(5)]);
    audio.expectedDuration = 10;
    await transcribeFake(audio, new FakeEngine({ concurrency: 3 }), {
      channels: "each",
      onProgress: (news) => void progress.push(news),
    });
    const processed = progress.map((news) => news.processed);
    expect(processed).toEqual([...processed].sort((a, b) => a - b));
    expect(progress.at(-1)).toMatchObject({ processed: 41, total: 41 });
    for (const news of progress) expect(news.total).toBeGreaterThanOrEqual(news.processed);
  });

  it("gives each window the text before it where that is asked for, unless it was guessed", async () => {
    const engine = new FakeEngine({
      concurrency: 4,
      answer: (samples) => {
        const label = peakLabel(samples);
        return { segments: [fakeSegment(label, 0, 1, { temperature: label === "2" ? 0.8 : 0 })] };
      },
    });
    await transcribeFake(new FakeAudio([bursts(4)]), engine, { conditionOnPreviousText: true });
    expect(engine.windows.map((options) => options.previousText)).toEqual(["", "1", "", "3"]);
    expect(engine.mostRunning).toBe(1);
  });

  it("gives no window text that failed the guards", async () => {
    for (const answer of [
      (label: string) => ({ segments: [fakeSegment(label, 0, 1)], reliable: label !== "2" }),
      // An implementation that does not tell: a guess, and a loop.
      (label: string) => ({
        segments: [fakeSegment(label, 0, 1, { avgLogProb: label === "2" ? -1.5 : -0.2 })],
      }),
      (label: string) => ({ segments: [fakeSegment(label === "2" ? "and so ".repeat(60) : label, 0, 1)] }),
    ]) {
      const engine = new FakeEngine({ answer: (samples) => answer(peakLabel(samples)) });
      await transcribeFake(new FakeAudio([bursts(4)]), engine, { conditionOnPreviousText: true });
      expect(engine.windows.map((options) => options.previousText)).toEqual(["", "1", "", "3"]);
    }
  });

  it.each([
    ["the first window", {}, ["Ann.", "", ""], ["", "", ""]],
    [
      "every window where it is to be carried",
      { carryInitialPrompt: true },
      ["Ann.", "Ann.", "Ann."],
      ["", "", ""],
    ],
    [
      "the first window and is the text before the others",
      { conditionOnPreviousText: true },
      ["Ann.", "", ""],
      ["", "Ann. 1", "Ann. 1 2"],
    ],
    [
      "every window, before the text before it",
      { conditionOnPreviousText: true, carryInitialPrompt: true },
      ["Ann.", "Ann.", "Ann."],
      ["", "1", "1 2"],
    ],
  ])("gives the initial prompt to %s", async (_, options, initialPrompts, previousTexts) => {
    const engine = new FakeEngine({ concurrency: 1 });
    await transcribeFake(new FakeAudio([bursts(3)]), engine, {
      ...options,
      initialPrompt: "Ann.",
      language: "en",
    });
    expect(engine.windows.map(({ initialPrompt }) => initialPrompt)).toEqual(initialPrompts);
    expect(engine.windows.map(({ previousText }) => previousText)).toEqual(previousTexts);
  });

  it("gives the prefix to the first window of each channel", async () => {
    const engine = new FakeEngine({ concurrency: 1 });
    await transcribeFake(new FakeAudio([bursts(2), bursts(2)]), engine, {
      language: "en",
      prefix: " Good evening ",
      channels: "each",
    });
    expect(engine.windows.map(({ prefix }) => prefix).sort()).toEqual([
      "",
      "",
      "Good evening",
      "Good evening",
    ]);
  });

  it("forgets the initial prompt with a text before it that was guessed", async () => {
    const answer = (samples: Float32Array): WindowResult => ({
      segments: [fakeSegment(peakLabel(samples), 0, 1, { temperature: 0.8 })],
    });
    const engine = new FakeEngine({ answer });
    const options = { conditionOnPreviousText: true, initialPrompt: "Ann.", language: "en" };
    await transcribeFake(new FakeAudio([bursts(2)]), engine, options);
    expect(engine.windows.map(({ previousText }) => previousText)).toEqual(["", ""]);
  });

  it("says how much of a prompt its engine has room for", async () => {
    const engine: FakeEngine & Engine = new FakeEngine();
    engine.fitPrompt = (texts) => fitPrompt(texts, 10, () => 1);
    const words = Array.from({ length: 20 }, (_, i) => `w${"abcdefghijklmnopqrst"[i]}`);
    const prompts = { hotwords: words.join(" "), initialPrompt: words.join(" ") };
    const { warnings } = await transcribeFake(new FakeAudio([bursts(1)]), engine, prompts);
    expect(warnings).toEqual([
      "The hotwords were cut to the first 5 of 20 words (5 tokens; a prompt holds 10)",
      "The initial prompt was cut to the last 5 of 20 words (5 tokens; a prompt holds 10)",
    ]);
    expect(engine.windows[0]).toMatchObject({ hotwords: "wa wb wc wd we", initialPrompt: "wp wq wr ws wt" });
    const fitting = { hotwords: "Agora, Borealis", initialPrompt: "A call." };
    const { warnings: none } = await transcribeFake(new FakeAudio([bursts(1)]), engine, fitting);
    expect(none).toEqual([]);
  });

  it("passes its options on to every window", async () => {
    const engine = new FakeEngine();
    await transcribeFake(new FakeAudio([bursts(2)]), engine, {
      language: "Russian",
      task: "translate",
      temperature: 0.4,
      hotwords: ["Agora", "Borealis"],
      initialPrompt: "A call.",
      wordTimestamps: true,
      repetitionPenalty: 1.5,
      noRepeatNgramSize: 3,
      hallucinationSilenceThreshold: 2,
      maxInitialTimestamp: 5,
      prependPunctuations: "(",
      appendPunctuations: ".",
    });
    expect(engine.detections).toBe(0);
    expect(engine.windows).toHaveLength(2);
    for (const [i, options] of engine.windows.entries()) {
      expect(options).toEqual({
        language: "ru",
        task: "translate",
        beamSize: 1,
        bestOf: 5,
        patience: 1,
        lengthPenalty: -1,
        temperatures: [0.4],
        compressionRatioThreshold: 2.4,
        logProbThreshold: -1,
        noSpeechThreshold: 0.6,
        hotwords: "Agora, Borealis",
        initialPrompt: i === 0 ? "A call." : "",
        prefix: "",
        previousText: "",
        speech: [],
        request: engine.windows[0]?.request,
        priority: "interactive",
        suppressBlank: true,
        suppressTokens: [],
        suppressNonSpeech: true,
        suppressNumerals: false,
        withoutTimestamps: false,
        wordTimestamps: true,
        maxTokens: 224,
        repetitionPenalty: 1.5,
        noRepeatNgramSize: 3,
        hallucinationSilenceThreshold: 2,
        maxInitialTimestamp: 5,
        prependPunctuations: "(",
        appendPunctuations: ".",
        seed: 0,
        generation: { topK: 50, topP: 0.9, systemPrompt: "", userPrompt: "" },
      });
    }
  });
});

describe("the language of a transcription", () => {
  it("is heard in further windows where the first is unsure, and used for all of them", async () => {
    const engine = new FakeEngine({
      detect: (_, index) => [
        { language: index === 0 ? "de" : "ru", probability: 0.4 },
        { language: index === 0 ? "ru" : "de", probability: 0.35 },
      ],
    });
    const result = await transcribeFake(new FakeAudio([bursts(6)]), engine);
    expect(engine.detections).toBe(4);
    expect(engine.windows.map((options) => options.language)).toEqual(Array(6).fill("ru"));
    expect(result.language).toBe("ru");
    expect(result.text).toBe("1 2 3 4 5 6");
  });

  it("is the best guess where there is no more to hear", async () => {
    const engine = new FakeEngine({ detect: () => [{ language: "de", probability: 0.3 }] });
    const result = await transcribeFake(new FakeAudio([bursts(1)]), engine);
    expect(result).toMatchObject({ text: "1", language: "de", languageProbability: expect.closeTo(0.3) });
  });

  it("is certain where it was given", async () => {
    expect(
      await transcribeFake(new FakeAudio([bursts(0)]), new FakeEngine(), { language: "de" }),
    ).toMatchObject({
      language: "de",
      languageProbability: 1,
    });
  });

  it("of an English-only model is English, and cannot be translated", async () => {
    const engine = new FakeEngine({ languages: ["en"] });
    const result = await transcribeFake(new FakeAudio([bursts(1)]), engine, { task: "translate" });
    expect(result).toMatchObject({ language: "en", languageProbability: 1 });
    expect(result.warnings).toEqual([expect.stringContaining("English only")]);
    expect(engine.detections).toBe(0);
    expect(engine.windows[0]!.task).toBe("transcribe");
  });

  it("has to be one of the model's", async () => {
    const refused = transcribeFake(new FakeAudio([bursts(1)]), new FakeEngine({ languages: ["en"] }), {
      language: "ru",
    });
    await expect(refused).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining('"ru"'),
    });
  });
});
