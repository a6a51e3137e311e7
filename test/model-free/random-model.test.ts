import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type RandomModelOptions, SHAPES, writeRandomModel } from "../../bench/support/random-model.js";
import { loadAddon } from "../../src/addon/addon.js";
import { halfToFloat } from "../../src/models/convert/numbers/float16.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { readWhisperFile } from "../support/whisper-file-reader.js";

const TINY: RandomModelOptions = {
  melBands: 80,
  vocabulary: 51_865,
  audioState: 64,
  audioHead: 1,
  audioLayer: 1,
  textState: 64,
  textHead: 1,
  textLayer: 2,
  type: "f16",
  seed: 1,
};
async function write(changes: Partial<RandomModelOptions> = {}): Promise<string> {
  const path = join(await temporaryFolder(), "model.bin");
  await writeRandomModel(path, { ...TINY, ...changes });
  return path;
}

const digest = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

describe("models with random weights", () => {
  test.each([
    { vocabulary: 51_864, type: "f32" },
    { vocabulary: 51_865, type: "q8_0" },
    { vocabulary: 51_866, melBands: 128, textLayer: 4 },
    { audioState: 128, audioHead: 2, textState: 128, textHead: 2, audioLayer: 3, type: "q5_0" },
  ] as const)("are models to the loader: %o", async (changes) => {
    const expected = { ...TINY, ...changes };
    const info = await loadAddon().inspectModel(await write(changes));
    expect(info).toMatchObject({
      weightType: expected.type,
      vocabularySize: expected.vocabulary,
      multilingual: expected.vocabulary !== 51_864,
      melBands: expected.melBands,
      width: expected.audioState,
      encoderLayers: expected.audioLayer,
      decoderLayers: expected.textLayer,
    });
  });

  test("follow from their seed", async () => {
    const first = digest(await write());
    expect(digest(await write())).toBe(first);
    expect(digest(await write({ seed: 2 }))).not.toBe(first);
  });

  test("hold the same values in f16 and f32, normally distributed", async () => {
    const embedding = async (type: string) => {
      const { tensors } = readWhisperFile(readFileSync(await write({ type })));
      return Uint8Array.from(tensors.find(({ name }) => name === "decoder.token_embedding.weight")!.bytes);
    };
    const patterns = new Uint16Array((await embedding("f16")).buffer);
    const values = new Float32Array((await embedding("f32")).buffer);
    expect(values.subarray(0, 1000)).toEqual(Float32Array.from(patterns.subarray(0, 1000), halfToFloat));
    const deviation = 1 / Math.sqrt(TINY.textState);
    const within = values.filter((value) => Math.abs(value) < deviation).length / values.length;
    expect(within).toBeCloseTo(0.683, 2);
    expect(values.reduce((sum, value) => sum + value, 0) / values.length).toBeCloseTo(0, 3);
  });

  test("have the vocabulary of Whisper", async () => {
    const { vocabulary } = readWhisperFile(readFileSync(await write()));
    expect(vocabulary).toHaveLength(50_257);
    expect(vocabulary.slice(0, 3).map(String)).toEqual(["!", '"', "#"]);
  });

  test("are refused in sizes that no model has", async () => {
    await expect(write({ audioHead: 2 })).rejects.toThrow("audioState is 64 with 2 heads");
    await expect(write({ textState: 128, textHead: 2 })).rejects.toThrow("as wide as the encoder");
  });

  test("cover the published shapes", () => {
    expect(SHAPES["large-v3-turbo"]).toMatchObject({ melBands: 128, vocabulary: 51_866, textLayer: 4 });
    expect(SHAPES["distil-large-v3"].textLayer).toBe(2);
  });
});
