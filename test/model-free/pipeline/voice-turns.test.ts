import { expect, it } from "vitest";
import { VoiceTurns } from "../../../src/pipeline/voice-turns.js";
import { FakeVad } from "../../support/fake-engine.js";

const RATE = 16_000;

it("the turns of two parties are where each speaks, whatever the blocks, heard a second at a time", async () => {
  const speaks = (from: number, to: number) =>
    Float32Array.from({ length: 10.01 * RATE }, (_, i) => (i >= from * RATE && i < to * RATE ? 0.6 : 0));
  const tracks = [speaks(0.512, 3.008), speaks(4.096, 10.01)];
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
    const turns = new VoiceTurns(2, vad);
    for (let at = 0; at < tracks[0]!.length; at += size)
      await turns.push(tracks.map((track) => track.slice(at, at + size)));
    expect(await turns.finish()).toEqual([
      { start: 0.512, end: 3.008, channel: 0 },
      { start: 4.096, end: 10.01, channel: 1 },
    ]);
    turns.close();
    expect(vad.open).toBe(0);
    expect(pushes).toBeLessThanOrEqual(2 * 11);
  }
});
