import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, vi } from "vitest";
import { type EngineOptions, registerImplementation, type TranscriberOptions } from "../../src/index.js";
import { bursts, FakeEngine, type FakeEngineOptions } from "./fake-engine.js";
import { temporaryFolder } from "./temporary-folder.js";

/** The implementation `fake` as the current test has it. */
export const fake: {
  /** What the next engines are made with. */
  behaviour: FakeEngineOptions & { load?: () => Promise<void> };
  /** Those that were made, and what they were made with. */
  engines: FakeEngine[];
  engineOptions: EngineOptions[];
  /** Of a transcriber: the implementation, a file that passes for a model, and no VAD: bursts are no speech. */
  options: TranscriberOptions;
  folder: string;
} = { behaviour: {}, engines: [], engineOptions: [], options: {}, folder: "" };

registerImplementation("fake", async (options) => {
  fake.engineOptions.push(options);
  await fake.behaviour.load?.();
  const engine = new FakeEngine(fake.behaviour);
  fake.engines.push(engine);
  return engine;
});

beforeEach(async () => {
  fake.behaviour = {};
  fake.engines = [];
  fake.engineOptions = [];
  fake.folder = await temporaryFolder();
  vi.stubEnv("AGORA_CACHE_DIR", fake.folder);
  fake.options = { implementation: "fake", model: modelFile("any.bin"), vadModel: null };
});

afterEach(() => vi.unstubAllEnvs());

/** A file that passes for a model. */
export function modelFile(name: string): string {
  const path = join(fake.folder, name);
  writeFileSync(path, name);
  return path;
}

/** `count` bursts of sound, a segment each. */
export const speech = (count: number) => ({ samples: bursts(count), sampleRate: 16_000 });

export const never = (): Promise<void> => new Promise(() => {});
