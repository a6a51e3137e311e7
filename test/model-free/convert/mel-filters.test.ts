import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { FREQUENCY_BINS, melFilters } from "../../../src/models/convert/whisper/mel-filters.js";
import { describeWithShared, sharedPath } from "../../support/shared.js";
import { readWhisperFile } from "../../support/whisper-file-reader.js";

const DEMO = new URL("../../fixtures/agora-demo-f16.bin", import.meta.url);

it("80 bands are those of a model file", () => {
  const { filters } = readWhisperFile(readFileSync(DEMO));
  // Its zeros may be negative.
  expect(melFilters(80)).toEqual(filters.map((weight) => weight + 0));
});

it("128 bands are those that numpy computes by librosa's formula", () => {
  const filters = melFilters(128);
  expect(filters.length).toBe(128 * FREQUENCY_BINS);
  // Also the first of preprocessor_config.json of whisper-large-v3.
  expect(filters[1]).toBe(0.012373986653983593);
  expect(createHash("sha256").update(new Uint8Array(filters.buffer)).digest("hex")).toBe(
    "e399c2d72d2f7375e503c296d8453cefcc0c1e47a9c1a0a09e0d70f59c820f20",
  );
});

describeWithShared("OpenAI's own models", () => {
  it("have the same 80 bands", () => {
    const header = readFileSync(sharedPath("models/headers/for-tests-ggml-tiny.bin")!);
    const end = 48 + 8 + 4 * 80 * FREQUENCY_BINS;
    expect(melFilters(80)).toEqual(new Float32Array(Uint8Array.from(header.subarray(56, end)).buffer));
  });
});
