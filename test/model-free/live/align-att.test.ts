import { describe, expect, it } from "vitest";
import {
  bytesOf,
  finalsOf,
  followingEngine,
  join,
  liveStream,
  replay,
  said,
  silence,
  textOf,
  words,
} from "../../support/scripted-speech.js";

const TALK = join([silence(1), words(0, 5), silence(2), words(5, 90, 0.02), silence(1.2), words(95, 3)]);

describe("live speech that is followed by attention", () => {
  it("says the same however its audio is cut, each word once", async () => {
    const all = [];
    for (const size of [640, 2048, 16_001, TALK.length * 2]) {
      const engine = followingEngine();
      const { events, stats } = await replay(liveStream({ words: true }, engine), bytesOf(TALK), size);
      expect(textOf(events)).toBe(said(0, 98));
      expect(stats.steps).toBe(engine.steps.length);
      expect(engine.windows).toEqual([]);
      all.push(finalsOf(events).map(({ seq: _, ...final }) => final));
    }
    for (const others of all.slice(1)) expect(others).toEqual(all[0]);
  });

  it("gives each step what stands, and what probably follows", async () => {
    const engine = followingEngine();
    await replay(liveStream({}, engine), bytesOf(TALK), 640);
    for (const { samples, forced, expected, frontier, final, tail } of engine.steps) {
      expect(samples.length).toBeLessThanOrEqual(28.1 * 16_000);
      expect(forced.length).toBeLessThanOrEqual(448 / 2);
      expect([...forced].sort((a, b) => a - b)).toEqual(forced);
      expect(expected!.every((id) => !forced.includes(id))).toBe(true);
      expect([frontier, tail]).toEqual(final ? [0, false] : [2, true]);
    }
    expect(engine.steps.some(({ forced }) => forced.length > 20)).toBe(true);
    expect(engine.steps.some(({ expected }) => expected!.length > 0)).toBe(true);
  });

  it("is heard early and soon again, for the first word, and then step by step", async () => {
    const engine = followingEngine();
    const speech = join([silence(1), words(0, 8), silence(1)]);
    await replay(liveStream({ step: 2 }, engine), bytesOf(speech), 640);
    const ends = engine.steps
      .filter(({ final }) => !final)
      .map(({ samples }) => samples.length / 16_000 - 0.5);
    // A frame of the VAD late, at most.
    for (const [i, expected] of [1.2, 2.2, 3.2].entries())
      expect(Math.abs(ends[i]! - expected)).toBeLessThan(0.1);
    expect(ends).toHaveLength(3);
  });

  it("goes on from what stands where a step has lost its place", async () => {
    const engine = followingEngine((step) => step % 2 === 1);
    const { events, stats } = await replay(liveStream({}, engine), bytesOf(TALK), 640);
    expect(textOf(events)).toBe(said(0, 98));
    expect(stats.resets).toBeGreaterThan(5);
  });

  it("hears an utterance anew, as a recording, where its last step has lost its place", async () => {
    const engine = followingEngine(() => true);
    const { events } = await replay(liveStream({}, engine), bytesOf(join([words(0, 5), silence(1)])), 640);
    expect(textOf(events)).toBe(said(0, 5));
    expect(engine.windows).toHaveLength(1);
  });

  it("hears an utterance anew where its last step ends before its speech does", async () => {
    const engine = followingEngine();
    const whole = engine.liveStep.bind(engine);
    engine.liveStep = async (request, signal) => {
      const step = await whole(request, signal);
      return request.final ? { ...step, tokens: step.tokens.slice(0, 2) } : step;
    };
    const { events } = await replay(liveStream({}, engine), bytesOf(join([words(0, 8), silence(1)])), 640);
    expect(textOf(events)).toBe(said(0, 8));
    expect(engine.windows).toHaveLength(1);
  });

  it.each([0.02, 0.12])(
    "parts speech whose text gets too long for the model, pauses of %s s",
    async (gap) => {
      const engine = followingEngine();
      Object.assign(engine.model, { textContext: 60 });
      const { events } = await replay(liveStream({}, engine), bytesOf(words(0, 80, gap)), 640);
      expect(textOf(events)).toBe(said(0, 80));
      expect(Math.max(...engine.steps.map(({ forced }) => forced.length))).toBeLessThanOrEqual(30);
      expect(finalsOf(events).length).toBeGreaterThan(2);
    },
  );

  it("hears speech as a recording where a step writes more than the model can go on from", async () => {
    const engine = followingEngine();
    Object.assign(engine.model, { textContext: 8 });
    const { events } = await replay(liveStream({ step: 5 }, engine), bytesOf(words(0, 12)), 640);
    expect(textOf(events)).toBe(said(0, 12));
  });

  it("settles nothing until the language is known", async () => {
    const engine = followingEngine();
    const { events } = await replay(liveStream({ language: "auto" }, engine), bytesOf(words(0, 24)), 640);
    const known = events.findIndex(({ type }) => type === "language");
    const stable = events.findIndex((event) => event.type === "partial" && event.stableLength > 0);
    expect(known).toBeGreaterThan(0);
    expect(stable).toBeGreaterThan(known);
    expect(textOf(events)).toBe(said(0, 24));
    expect(engine.steps.map(({ language }) => language)).toContain(undefined);
    expect(engine.steps.at(-1)!.language).toBe("en");
  });

  it("uses two passes' agreement where it is asked for, or attention is not known to follow", async () => {
    const engine = followingEngine();
    await replay(liveStream({ policy: "local-agreement" }, engine), bytesOf(words(0, 3)), 640);
    const unsure = Object.assign(followingEngine(), { followsSpeech: false });
    await replay(liveStream({}, unsure), bytesOf(words(0, 3)), 640);
    expect([engine.steps, unsure.steps]).toEqual([[], []]);
    await replay(liveStream({ policy: "alignatt" }, unsure), bytesOf(words(0, 3)), 640);
    expect(unsure.steps.length).toBeGreaterThan(1);
  });
});
