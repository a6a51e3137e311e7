import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  backendDirectory,
  loadAddon,
  type NativeBatchedModel,
  type NativeSearchOptions,
} from "../../src/addon/addon.js";

import { resolveModel } from "../../src/models/resolve.js";
import { inside, OPTION_RANGES, outside } from "../support/option-ranges.js";

/** What the addon is given where the library's options are all defaults. */
const DEFAULTS: NativeSearchOptions = {
  language: "en",
  translate: false,
  wordTimestamps: false,
  withoutTimestamps: false,
  prompt: [],
  prefix: [],
  speech: [],
  suppressBlank: true,
  suppressNonSpeech: true,
  suppressTokens: [],
  beamSize: 1,
  bestOf: 1,
  patience: 1,
  lengthPenalty: -1,
  temperatures: [0],
  compressionRatioThreshold: 2.4,
  logProbThreshold: -1,
  noSpeechThreshold: 0.6,
  maxTokens: 4,
  repetitionPenalty: 1,
  noRepeatNgramSize: 0,
  hallucinationSilenceThreshold: null,
  maxInitialTimestamp: 1,
  prependPunctuations: [],
  appendPunctuations: [],
  request: 0,
  priority: "interactive",
  seed: 0,
};
/** Names that differ, since the addon takes all temperatures. */
const NATIVE: Record<string, string> = { temperature: "temperatures" };

let model: NativeBatchedModel;

beforeAll(async () => {
  await loadAddon().loadBackends(backendDirectory(), null, false);
  const { path } = await resolveModel("demo");
  const settings = { gpu: false, threads: 1, batchSize: 1, computeType: "auto", draftPath: null };
  model = await loadAddon().loadBatchedModel(path, settings);
});
afterAll(() => model.close());

const ranges = OPTION_RANGES.flatMap((range) => {
  const name = NATIVE[range.option] ?? range.option;
  if (!Object.hasOwn(DEFAULTS, name)) return [];
  return [{ name, range: { ...range, least: range.nativeLeast ?? range.least } }];
});

async function transcribe(name: string, value: number): Promise<unknown> {
  const { CancelFlag } = loadAddon();
  const given = Array.isArray(DEFAULTS[name as keyof NativeSearchOptions]) ? [value] : value;
  return model.transcribe(new Float32Array(1600), { ...DEFAULTS, [name]: given }, new CancelFlag());
}

describe("the addon", () => {
  it("is asked about most of them", () => {
    expect(ranges.length).toBeGreaterThan(13);
  });

  it.each(ranges.flatMap(({ name, range }) => inside(range).map((value) => ({ name, value }))))(
    "takes $value for $name, as the library does",
    async ({ name, value }) => {
      await expect(transcribe(name, value)).resolves.toHaveProperty("segments");
    },
  );

  it.each(ranges.flatMap(({ name, range }) => outside(range).map((value) => ({ name, value }))))(
    "refuses $value for $name by its name, as the library does",
    async ({ name, value }) => {
      await expect(transcribe(name, value)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", option: name });
    },
  );
});
