import { describe, expect, it } from "vitest";
import { muteBleed } from "../../../src/speakers/bleed.js";
import { StereoProbe } from "../../../src/speakers/stereo.js";
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

describe("two channels", () => {
  it("of two parties are apart, also where both speak, and where each leaks into the other", () => {
    expect(kindOf(seller, client)).toBe("apart");
    expect(
      kindOf(
        bursts(3, 40, () => true),
        bursts(4, 40, () => true),
      ),
    ).toBe("apart");
    const leak = (own: Float32Array, other: Float32Array) => own.map((sample, i) => sample + 0.2 * other[i]!);
    expect(kindOf(leak(seller, client), leak(client, seller))).toBe("apart");
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

  it("lose what leaks, and keep who speaks softly at the same time", () => {
    const own = seller.slice();
    const leaked = Float32Array.from(client, (sample, i) => sample + 0.1 * seller[i]!);
    muteBleed(own, leaked);
    expect(own).toEqual(seller);
    const power = (samples: Float32Array, second: number) =>
      samples.subarray(second * RATE, (second + 1) * RATE).reduce((sum, sample) => sum + sample ** 2, 0);
    expect(power(leaked, 0)).toBe(0);
    expect(power(leaked, 2)).toBeGreaterThan(0.9 * power(client, 2));
    const soft = bursts(9, 2, () => true).map((sample) => 0.1 * sample);
    const loud = bursts(8, 2, () => true);
    const kept = soft.slice();
    muteBleed(loud, kept);
    expect(kept).toEqual(soft);
  });
});
