import { describe, expect, it } from "vitest";
import { FrameReader, merged, uuidText } from "../../src/doors/socket/audiosocket/frames.js";
import { LegClock } from "../../src/doors/socket/telephony/leg-clock.js";
import { audioSocketFrame, uuidBytes } from "../support/phone-calls.js";

describe("messages of AudioSocket", () => {
  it("are whole wherever their bytes are cut", () => {
    const sent = [
      audioSocketFrame(0x01, Buffer.alloc(16, 7)),
      audioSocketFrame(0x10, Buffer.alloc(320, 1)),
      audioSocketFrame(0x10),
      audioSocketFrame(0x18, Buffer.alloc(65_535, 2)),
      audioSocketFrame(0x00),
    ];
    const all = Buffer.concat(sent);
    for (const size of [1, 2, 3, 5, 17, 322, 4096, all.length]) {
      const reader = new FrameReader();
      const found = [];
      for (let at = 0; at < all.length; at += size) found.push(...reader.push(all.subarray(at, at + size)));
      expect(found.map(({ kind }) => kind)).toEqual([0x01, 0x10, 0x10, 0x18, 0x00]);
      const frames = found.map(({ kind, payload }) => audioSocketFrame(kind, payload));
      expect(frames.map((frame, i) => frame.equals(sent[i]!))).toEqual(sent.map(() => true));
    }
  });

  it("are one where samples follow each other", () => {
    const frames = [0x01, 0x10, 0x10, 0x12, 0x03, 0x03, 0x10].map((kind, i) => ({
      kind,
      payload: Buffer.of(i),
    }));
    expect(merged(frames).map(({ kind, payload }) => [kind, ...payload])).toEqual([
      [0x01, 0],
      [0x10, 1, 2],
      [0x12, 3],
      [0x03, 4],
      [0x03, 5],
      [0x10, 6],
    ]);
  });

  it("name a call as it is written", () => {
    const uuid = "40325ec2-5efd-4bd3-805f-53576e581d13";
    expect(uuidText(uuidBytes(uuid))).toBe(uuid);
  });
});

describe("the clock of a party", () => {
  it("begins with its first audio, and counts what it is given", () => {
    const clock = new LegClock(1);
    expect(clock.place(3, 0.02)).toBe(0);
    expect(clock.offset).toBe(3);
    // Sooner, and a little later, than it was to be expected.
    expect([clock.place(3, 0.02), clock.place(4, 0.02)]).toEqual([0, 0]);
    expect(clock.place(6.06, 0.02)).toBeCloseTo(3, 6);
    expect(clock.lateness(6.08)).toBeCloseTo(0, 6);
  });

  it("begins anew with another stream", () => {
    const clock = new LegClock(1);
    clock.place(3, 1);
    clock.restart();
    expect(clock.place(9, 1)).toBe(0);
    expect(clock.offset).toBe(9);
  });
});
