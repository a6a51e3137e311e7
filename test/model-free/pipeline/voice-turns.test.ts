import { expect, it } from "vitest";
import { voiceTurns } from "../../../src/pipeline/voice-turns.js";
import type { DecodedAudio } from "../../../src/types/audio.js";
import { FakeVad } from "../../support/fake-engine.js";

const RATE = 16_000;

/** Blocks of `size` samples, as packets of a recording come. */
function inBlocks(tracks: readonly Float32Array[], size: number): DecodedAudio {
  const length = tracks[0]!.length;
  return {
    format: { container: "raw", channels: tracks.length },
    trackCount: tracks.length,
    expectedDuration: undefined,
    duration: length / RATE,
    warnings: [],
    async *blocks() {
      for (let at = 0; at < length; at += size) yield tracks.map((track) => track.slice(at, at + size));
    },
    close: async () => {},
  };
}

it("the turns of two parties are where each speaks, whatever the blocks, heard a second at a time", async () => {
  const speaks = (from: number, to: number) =>
    Float32Array.from({ length: 10.01 * RATE }, (_, i) => (i >= from * RATE && i < to * RATE ? 0.6 : 0));
  const tracks = [speaks(0.512, 3.008), speaks(4.096, 10.01)];
  const signal = new AbortController().signal;
  for (const size of [320, 1000, 20_000]) {
    const vad = new FakeVad();
    let pushes = 0;
    const create = vad.createSession.bind(vad);
    vad.createSession = () => {
      const session = create();
      const push = session.push.bind(session);
      session.push = (samples) => {
        pushes++;
        return push(samples);
      };
      return session;
    };
    expect(await voiceTurns(inBlocks(tracks, size), vad, signal)).toEqual([
      { start: 0.512, end: 3.008, speaker: "SPEAKER_00", confidence: 1, channel: 0 },
      { start: 4.096, end: 10.01, speaker: "SPEAKER_01", confidence: 1, channel: 1 },
    ]);
    expect(pushes).toBeLessThanOrEqual(2 * 11);
  }
});
