import { describe, expect, it } from "vitest";
import { readSafetensors } from "../../../src/models/convert/checkpoint/safetensors.js";
import { SourceFile } from "../../../src/models/convert/checkpoint/source-file.js";
import { readValues } from "../../../src/models/convert/checkpoint/tensor.js";
import { sincFilters } from "../../../src/models/convert/speakers/sinc-filters.js";
import { describeWithShared, sharedPath } from "../../support/shared.js";

describe("SincNet's filters", () => {
  it("are even, then odd, of length one in the middle, and pass their band", () => {
    const filters = sincFilters(new Float32Array(40).fill(450), new Float32Array(40).fill(450));
    const row = (i: number) => filters.subarray(i * 251, (i + 1) * 251);
    const [even, odd] = [row(0), row(40)];
    expect(even[125]).toBeCloseTo(1);
    expect(odd[125]).toBe(0);
    for (const k of [0, 60, 124]) {
      expect(even[k]).toBeCloseTo(even[250 - k]!, 6);
      expect(odd[k]).toBeCloseTo(-odd[250 - k]!, 6);
    }
    const gain = (hertz: number) =>
      Math.abs(
        even.reduce((sum, value, k) => sum + value * Math.cos((2 * Math.PI * hertz * (k - 125)) / 16_000), 0),
      );
    expect(gain(750)).toBeGreaterThan(20 * gain(3000));
  });
});

describeWithShared("SincNet's filters of the published model", () => {
  it("are those of its band edges", async () => {
    const file = await SourceFile.open(sharedPath("diarization/segmentation/segmentation-3.0.safetensors")!);
    const tensors = await readSafetensors(file);
    const floats = async (name: string) => {
      const values: number[] = [];
      for await (const piece of readValues(tensors.find((tensor) => tensor.name === name)!))
        values.push(...piece);
      return Float32Array.from(values);
    };
    const low = await floats("sincnet.conv1d.0.band_low_hz");
    const high = await floats("sincnet.conv1d.0.band_high_hz");
    const built = sincFilters(
      low.map((edge) => edge - 50),
      high.map((edge, i) => edge - low[i]! - 50),
    );
    const expected = await floats("sincnet.conv1d.0.filters");
    await file.close();
    const error = built.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
    expect(error).toBeLessThan(1e-5);
  });
});
