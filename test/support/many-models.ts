import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { registerImplementation, TranscriptionError } from "../../src/index.js";
import { openServer, type RunningServer } from "../../src/server/server.js";
import { readSettings } from "../../src/service/read-settings.js";
import type { ServerSettings } from "../../src/service/settings.js";
import { FakeEngine, type FakeEngineOptions, fakeSegment } from "./fake-engine.js";
import { temporaryFolder } from "./temporary-folder.js";

/** Megabytes that files of fake models have: what they take in memory is estimated by that. */
const MIB = 1024 ** 2;

export interface ManyModels {
  server: RunningServer;
  /** Where the HTTP door is found. */
  url: string;
  /** Where the models are. */
  folder: string;
  /** Engines that have been loaded, in order, by the names of their models. */
  loaded: { name: string; engine: FakeEngine }[];
  /** Lines of the log. */
  lines: string[];
}

export interface ManyModelsOptions {
  /** Names of the models beside the main one, `main.bin`, and their sizes in MiB. */
  models?: Readonly<Record<string, number>>;
  settings?: Partial<ServerSettings>;
  /** What an engine is like, by the name of its model. */
  engine?: (name: string) => FakeEngineOptions;
  /** Settles before a model is loaded, by its name. */
  loading?: (name: string) => Promise<void>;
}

let implementations = 0;

/** A server with fake models, each of which writes its name, in a folder of its own; ready. Files named `broken` are. */
export async function startManyModels({
  models = {},
  settings,
  engine: engineOf = () => ({}),
  loading,
}: ManyModelsOptions = {}): Promise<ManyModels> {
  const folder = await temporaryFolder();
  for (const [name, size] of Object.entries({ "main.bin": 1, ...models }))
    writeFileSync(join(folder, name), new Uint8Array(size * MIB));
  const loaded: ManyModels["loaded"] = [];
  const implementation = `fake-many-${++implementations}`;
  registerImplementation(implementation, async ({ modelName, modelPath }) => {
    await loading?.(modelName);
    if (modelName.startsWith("broken"))
      throw new TranscriptionError("MODEL_INVALID", `${modelPath} is damaged: 3 bytes are missing`);
    const answer = (samples: Float32Array) => ({
      segments: [fakeSegment(modelName, 0, samples.length / 16_000)],
    });
    const engine = new FakeEngine({ name: modelName, answer, ...engineOf(modelName) });
    loaded.push({ name: modelName, engine });
    return engine;
  });
  const lines: string[] = [];
  const server = await openServer(
    {
      ...readSettings({}),
      host: "localhost",
      port: 0,
      httpHost: "127.0.0.1",
      httpPort: 0,
      implementation,
      model: join(folder, "main.bin"),
      cacheDir: folder,
      // Bursts are no speech.
      vadModel: null,
      ...settings,
    },
    { log: (line) => lines.push(line) },
  );
  onTestFinished(() => server.stop());
  await server.ready;
  return { server, url: `http://127.0.0.1:${server.httpPort}`, folder, loaded, lines };
}
