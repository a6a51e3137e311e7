import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { quantizeModel } from "../../../src/index.js";
import { ENCODINGS, encodedBytes } from "../../../src/models/convert/numbers/encoding.js";
import { halfToFloats } from "../../../src/models/convert/numbers/float16.js";
import { seededRandom } from "../../support/random.js";
import { temporaryFolder } from "../../support/temporary-folder.js";
import { readWhisperFile } from "../../support/whisper-file-reader.js";

const DEMO = fileURLToPath(new URL("../../fixtures/agora-demo-f16.bin", import.meta.url));

it.each(["q8_0", "q5_0", "q4_0"] as const)(
  "%s blocks are those of ggml, for every matrix of a model",
  async (type) => {
    const { path } = await quantizeModel(DEMO, join(await temporaryFolder(), "demo.bin"), type);
    const quantised = new Map(
      readWhisperFile(readFileSync(path)).tensors.map((tensor) => [tensor.name, tensor]),
    );
    const encoding = ENCODINGS[type];
    let compared = 0;
    for (const { name, bytes, type: stored } of readWhisperFile(readFileSync(DEMO)).tensors) {
      const expected = quantised.get(name)!;
      if (stored !== 1 || expected.type !== encoding.id) continue;
      const values = new Float32Array(bytes.length / 2);
      halfToFloats(new Uint16Array(Uint8Array.from(bytes).buffer), values);
      const blocks = new Uint8Array(encodedBytes(encoding, values.length));
      await encoding.encode(values, blocks);
      expect({ name, same: expected.bytes.equals(blocks) }).toEqual({ name, same: true });
      compared++;
    }
    expect(compared).toBe(4 * 6 + 4 * 10 + 1);
  },
);

/** Values of a q6_k block: 256 of 6 bits, sixteen 8-bit scales, one 16-bit scale. Source: ggml, src/ggml-common.h. */
function unpackQ6(block: Uint8Array): number[] {
  const scale = new Float32Array(1);
  halfToFloats(new Uint16Array(Uint8Array.from(block.subarray(208)).buffer), scale);
  return Array.from({ length: 256 }, (_, i) => {
    const [half, quarter, at] = [i >> 7, (i >> 5) & 3, i & 31];
    const low = block[64 * half + 32 * (quarter & 1) + at]! >> (quarter > 1 ? 4 : 0);
    const high = block[128 + 32 * half + at]! >> (2 * quarter);
    const part = (block[192 + (i >> 4)]! << 24) >> 24;
    return scale[0]! * part * (((low & 15) | ((high & 3) << 4)) - 32);
  });
}

it("q6_k blocks come from ggml and are near their values", async () => {
  const random = seededRandom(5);
  const values = Float32Array.from({ length: 1024 }, () => random() * 2 - 1);
  const encoding = ENCODINGS.q6_k;
  const blocks = new Uint8Array(encodedBytes(encoding, values.length));
  await encoding.encode(values, blocks);
  const back = Array.from({ length: 4 }, (_, i) => unpackQ6(blocks.subarray(210 * i, 210 * (i + 1)))).flat();
  const errors = back.map((value, i) => Math.abs(value - values[i]!));
  // Half a step of 1/32 and what the scales are rounded by.
  expect(Math.max(...errors)).toBeLessThan(0.03);
});

it.each([
  ["q4_k", 4.5],
  ["q5_k", 5.5],
  ["q6_k", 6.5625],
] as const)("%s takes %d bits a value", (type, bits) => {
  expect((encodedBytes(ENCODINGS[type], 256) * 8) / 256).toBe(bits);
});
