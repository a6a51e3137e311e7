import { describe, expect, it } from "vitest";
import { BleedGate } from "../../../src/speakers/bleed.js";
import { Parties } from "../../../src/speakers/parties.js";
import { StereoProbe } from "../../../src/speakers/stereo.js";
import { concat } from "../../support/audio.js";
import { FakeAudio } from "../../support/fake-audio.js";
import { seededRandom } from "../../support/random.js";

const RATE = 16_000;

/** Noise in bursts, as speech comes: `seconds` in all, `speaks` where there is any. */
function bursts(seed: number, seconds: number, speaks: (second: number) => boolean): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: seconds * RATE }, (_, i) =>
    speaks(Math.floor(i / RATE)) ? 0.1 * (2 * random() - 1) : 0,
  );
}

function kindOf(left: Float32Array, right: Float32Array) {
  const probe = new StereoProbe();
  for (let i = 0; i < left.length; i += 700)
    probe.push(left.subarray(i, i + 700), right.subarray(i, i + 700));
  return probe.kind();
}

const seller = bursts(1, 40, (second) => second % 4 < 2);
const client = bursts(2, 40, (second) => second % 4 >= 2);

/** A party's channel, into which that part of the other's comes. */
const leaking = (own: Float32Array, other: Float32Array, part: number) =>
  own.map((sample, i) => sample + part * other[i]!);

describe("two channels", () => {
  it("of two parties are apart, also where both speak, and where each leaks into the other", () => {
    expect(kindOf(seller, client)).toBe("apart");
    expect(
      kindOf(
        bursts(3, 40, () => true),
        bursts(4, 40, () => true),
      ),
    ).toBe("apart");
    for (const part of [0.2, 0.35, 0.5, 0.7])
      expect(kindOf(leaking(seller, client, part), leaking(client, seller, part))).toBe("apart");
  });

  it("of one sound are one, louder on one side, or turned round", () => {
    expect(kindOf(seller, seller)).toBe("same");
    expect(
      kindOf(
        seller,
        seller.map((sample) => 0.3 * sample),
      ),
    ).toBe("same");
    expect(
      kindOf(
        seller,
        seller.map((sample) => -sample),
      ),
    ).toBe("opposite");
  });

  it("with nothing on one of them are one, and so are silent ones", () => {
    expect(kindOf(seller, new Float32Array(seller.length))).toBe("single");
    expect(kindOf(new Float32Array(RATE), new Float32Array(RATE))).toBe("single");
  });

  it("of two parties are apart, whatever both have heard before", () => {
    const announcement = bursts(5, 200, (second) => second % 5 < 4);
    expect(kindOf(concat([announcement, seller]), concat([announcement, client]))).toBe("apart");
    const waiting = concat([announcement, new Float32Array(40 * RATE)]);
    const later = concat([new Float32Array(200 * RATE), client]);
    expect(
      kindOf(
        waiting.map((sample, i) => sample + (later[i - 20 * RATE] ?? 0)),
        later,
      ),
    ).toBe("apart");
    // A jingle from side to side, and then one voice in the middle.
    const jingle = (side: number) => bursts(6 + side, 12, (second) => second % 2 === side);
    expect(kindOf(concat([jingle(0), announcement]), concat([jingle(1), announcement]))).toBe("same");
  });

  it("are judged by all of five hours, of which not all windows are kept", () => {
    const probe = new StereoProbe();
    const kindAfter = (left: Float32Array, right: Float32Array) => {
      for (let i = 0; i < 240; i++) probe.push(left, right);
      return probe.kind();
    };
    expect(kindAfter(seller, seller)).toBe("same");
    expect(kindAfter(seller, client)).toBe("apart");
  });
});

/** What a gate makes of two channels that come in blocks of `size`. */
function gated(left: Float32Array, right: Float32Array, size = 4000): [Float32Array, Float32Array] {
  const gate = new BleedGate();
  const blocks: [Float32Array, Float32Array][] = [];
  for (let i = 0; i < left.length; i += size)
    blocks.push(gate.push(left.slice(i, i + size), right.slice(i, i + size)));
  blocks.push(gate.flush());
  return [concat(blocks.map(([block]) => block)), concat(blocks.map(([, block]) => block))];
}

/** Sample by sample, without a look at each by the test's framework. */
function expectEqual(given: Float32Array, expected: Float32Array): void {
  const bytes = ({ buffer, byteOffset, byteLength }: Float32Array) =>
    Buffer.from(buffer, byteOffset, byteLength);
  expect(bytes(given).equals(bytes(expected))).toBe(true);
}

const power = (samples: Float32Array, from: number, to = from + 1) =>
  samples.subarray(from * RATE, to * RATE).reduce((sum, sample) => sum + sample ** 2, 0);

describe("channels of two parties", () => {
  const leaked = Float32Array.from(client, (sample, i) => sample + 0.1 * seller[i]!);

  it("lose what leaks, and keep who speaks softly at the same time", () => {
    const [own, other] = gated(seller, leaked);
    expectEqual(own, seller);
    expect(power(other, 0)).toBe(0);
    expect(power(other, 2)).toBeGreaterThan(0.9 * power(client, 2));
    const loud = bursts(8, 2, () => true);
    const soft = bursts(9, 2, () => true).map((sample) => 0.1 * sample);
    for (const [i, samples] of gated(loud, soft).entries()) expectEqual(samples, [loud, soft][i]!);
    // A little more of the party's own than of the other's.
    const mixed = soft.map((sample, i) => sample + 0.08 * loud[i]!);
    for (const [i, samples] of gated(loud, mixed).entries()) expectEqual(samples, [loud, mixed][i]!);
  });

  it.each([0.35, 0.5, 0.7])("each keep what they say where it leaks into the other: by %f", (part) => {
    const [left, right] = gated(leaking(seller, client, part), leaking(client, seller, part));
    for (let second = 0; second < 40; second++) {
      const [own, other] = second % 4 < 2 ? [left, right] : [right, left];
      // Where they take turns, what is near is of both.
      const [from, to] = [second + 0.2, second + 0.8];
      expect(power(own, from, to)).toBeGreaterThan(0.9 * 0.6 * RATE * (0.01 / 3));
      expect(power(other, from, to)).toBe(0);
    }
  });

  it.each([1, 2, 4])("lose nothing where both speak, one %f times as loud, and each leaks", (louder) => {
    const [loud, soft] = [bursts(8, 4, () => true).map((x) => louder * x), bursts(9, 4, () => true)];
    for (const part of [0.35, 0.5]) {
      const pair = [leaking(loud, soft, part), leaking(soft, loud, part)] as const;
      for (const [left, right] of [pair, pair.toReversed()] as const) {
        const [a, b] = gated(left!, right!);
        expectEqual(a, left!);
        expectEqual(b, right!);
      }
    }
  });

  it("lose the same, whatever the blocks are", () => {
    const whole = gated(seller, leaked, seller.length);
    for (const size of [1, 7, 320, 1000, 16_001]) {
      const seconds = size < 320 ? 2 : 20;
      const [a, b] = [seller, leaked].map((samples) => samples.subarray(0, seconds * RATE + 3));
      const [left, right] = gated(a!, b!, size);
      const least = Math.min(seconds * RATE - 4000, left.length);
      expect([left.length, right.length]).toEqual([a!.length, b!.length]);
      expectEqual(left.subarray(0, least), whole[0].subarray(0, least));
      expectEqual(right.subarray(0, least), whole[1].subarray(0, least));
    }
  });

  it("have one sound that is on both once", () => {
    const announcement = bursts(5, 10, () => true);
    const [left, right] = gated(concat([announcement, seller]), concat([announcement, client]));
    expectEqual(left, concat([announcement, seller]));
    expect(power(right, 0, 9)).toBe(0);
    expectEqual(right.subarray(11 * RATE), client.subarray(RATE));
  });
});

describe("a recording of two channels", () => {
  const announcement = bursts(5, 130, () => true);
  const left = concat([announcement, seller]);
  const right = concat([announcement, client]);

  async function read(again: boolean) {
    const audio = new FakeAudio([left, right]);
    const copies: FakeAudio[] = [];
    const open = async () => {
      copies.push(new FakeAudio([left, right]));
      return copies.at(-1)!;
    };
    const parties = await Parties.of(again ? Object.assign(audio, { again: open }) : audio);
    const blocks: Float32Array[][] = [];
    for await (const block of parties.blocks()) blocks.push(block);
    expect(copies.every(({ closed }) => closed === 1)).toBe(true);
    return {
      parties,
      copies,
      tracks: blocks[0]!.map((_, track) => concat(blocks.map((block) => block[track]!))),
    };
  }

  it("is judged by all of it", async () => {
    const { parties, copies, tracks } = await read(true);
    expect(copies).toHaveLength(1);
    expect([parties.kind, parties.trackCount, parties.warnings]).toEqual(["apart", 2, []]);
    expect(tracks.map(({ length }) => length)).toEqual([left.length, left.length]);
    expect(power(tracks[1]!, 0, 129)).toBe(0);
    expect(power(tracks[1]!, 132)).toBeCloseTo(power(client, 2), 3);
  });

  it("whose bytes come once is told of where it goes on otherwise", async () => {
    const { parties, tracks } = await read(false);
    expect([parties.kind, parties.trackCount]).toEqual(["same", 1]);
    expect(tracks[0]!.length).toBe(left.length);
    expect(parties.warnings).toEqual([
      expect.stringContaining("a party on each channel, but was heard as one"),
    ]);
  });
});
