import { describe, expect, it } from "vitest";
import { SpokenFrames } from "../../../src/pipeline/spoken-frames.js";
import { droppedWarnings, unheardSpeech, unheardWarnings } from "../../../src/pipeline/unheard.js";
import { FakeAudio } from "../../support/fake-audio.js";
import { FakeEngine, FakeVad } from "../../support/fake-engine.js";
import { transcribeFake } from "../../support/transcribe-fake.js";

const span = (start: number, end: number) => ({ start, end });

describe("speech without text", () => {
  it("is what no segment covers for a second or more", () => {
    const spoken = [span(0, 4), span(6, 10), span(12, 12.8)];
    expect(unheardSpeech(spoken, [span(0, 4), span(6, 9.8)])).toEqual([]);
    expect(unheardSpeech(spoken, [span(0, 4)])).toEqual([span(6, 10)]);
    expect(unheardSpeech(spoken, [span(1, 2), span(8.5, 9)])).toEqual([span(2.5, 4), span(6, 8)]);
    expect(unheardSpeech(spoken, [])).toEqual([span(0, 4), span(6, 10)]);
    expect(unheardSpeech([], [span(0, 4)])).toEqual([]);
  });

  it("is told in one warning, with numbers", () => {
    expect(unheardWarnings([])).toEqual([]);
    expect(unheardWarnings([span(2.5, 4), span(6, 8)])).toEqual([
      "3.5 s sound like speech but gave no text: 2.5–4.0 s, 6.0–8.0 s",
    ]);
    const many = Array.from({ length: 7 }, (_, i) => span(2 * i, 2 * i + 1));
    expect(unheardWarnings(many, 1)[0]).toMatch(/^7\.0 s of channel 1 .* and 2 more$/);
  });

  it("is told where a model has dropped its own text, without a VAD too", async () => {
    const audio = new FakeAudio([Float32Array.from({ length: 50 * 16_000 }, (_, i) => 0.5 * (-1) ** i)]);
    const dropping = new FakeEngine({
      answer: (_samples, _options, index) => ({ segments: [], dropped: index === 0 ? [span(0.5, 3)] : [] }),
    });
    const { warnings } = await transcribeFake(audio, dropping);
    expect(warnings).toEqual(droppedWarnings([span(0.5, 3)]));
    expect(warnings[0]).toMatch(/^2\.5 s gave text that was left out as invented/);
    expect(droppedWarnings([])).toEqual([]);
  });

  it("is in the result's warnings where a VAD hears it, and its place is told to the engine", async () => {
    const audio = () => new FakeAudio([new Float32Array(5 * 16_000).fill(0.5, 16_000, 4 * 16_000)]);
    const silent = new FakeEngine({ answer: () => ({ segments: [] }) });
    const result = await transcribeFake(audio(), silent, {}, new FakeVad());
    expect(result.warnings).toEqual([expect.stringMatching(/^3\.\d s sound like speech but gave no text: /)]);
    const [speech] = silent.windows[0]!.speech;
    expect(speech!.end - speech!.start).toBeCloseTo(3, 1);
    expect((await transcribeFake(audio(), silent)).warnings).toEqual([]);
    expect((await transcribeFake(audio(), new FakeEngine(), {}, new FakeVad())).warnings).toEqual([]);
  });
});

describe("frames with speech", () => {
  const SECOND = 16_000;
  const FRAMES_PER_SECOND = SECOND / 512;

  it("become stretches without pauses, on the window's clock, each once", () => {
    const frames = new SpokenFrames(0.5);
    const probabilities = new Float32Array(8 * FRAMES_PER_SECOND);
    probabilities.fill(0.9, FRAMES_PER_SECOND, 2 * FRAMES_PER_SECOND);
    probabilities[FRAMES_PER_SECOND + 10] = 0.1;
    probabilities.fill(0.5, 5 * FRAMES_PER_SECOND, 6 * FRAMES_PER_SECOND);
    frames.push(probabilities);
    const taken = frames.take({ start: SECOND / 2, end: 5.5 * SECOND });
    expect(taken).toHaveLength(2);
    expect(taken[0]!.start).toBeCloseTo(0.5, 1);
    expect(taken[0]!.end).toBeCloseTo(1.5, 1);
    expect(taken[1]!.end).toBe(5);
    const rest = frames.take({ start: 5.5 * SECOND, end: 8 * SECOND });
    expect(rest).toHaveLength(1);
    expect(rest[0]!.start).toBe(0);
  });
});
