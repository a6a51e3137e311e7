import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ClientOptions } from "@grpc/grpc-js";
import { onTestFinished } from "vitest";
import { registerImplementation } from "../../src/index.js";
import { openServer, type RunningServer } from "../../src/server/server.js";
import { readSettings } from "../../src/service/read-settings.js";
import type { ServerSettings } from "../../src/service/settings.js";
import { wav } from "./audio.js";
import { bursts, FakeEngine, type FakeEngineOptions } from "./fake-engine.js";
import { TranscriptionClient } from "./transcription-client.js";

/** Any file that exists: fakes load nothing from it. */
export const SOME_FILE = fileURLToPath(new URL("../../package.json", import.meta.url));

/** One burst of sound as a WAV file: one window, whose text is "1" unless the fake says otherwise. */
export const RECORDING = wav([bursts(1)], 16_000);

let implementations = 0;

export interface FakeServer {
  server: RunningServer;
  engine: FakeEngine;
  client: TranscriptionClient;
  /** Lines of the log. */
  lines: string[];
}

export interface FakeServerOptions extends FakeEngineOptions {
  settings?: Partial<ServerSettings>;
  client?: ClientOptions;
  /** Settles before the model is loaded. */
  loading?: Promise<void>;
  /** Takes the lines of its log. */
  lines?: string[];
  /** Whether it is a worker of a queue. */
  isWorker?: boolean;
}

/** A server with a fake engine on a free port, and a client of it. Does not wait until it is ready. */
export async function startUnready(options: FakeServerOptions = {}): Promise<FakeServer> {
  const { settings, client, loading, isWorker = false, lines = [], ...engineOptions } = options;
  // No model that this machine has in its cache may play a part: nothing is downloaded to this folder.
  process.env.AGORA_CACHE_DIR ??= join(tmpdir(), "agora-test-no-cache");
  const implementation = `fake-${++implementations}`;
  const engine = new FakeEngine(engineOptions);
  registerImplementation(implementation, async () => {
    await loading;
    return engine;
  });
  const server = await openServer(
    {
      ...readSettings({}),
      host: "localhost",
      port: 0,
      http: false,
      implementation,
      model: SOME_FILE,
      // Bursts are no speech.
      vadModel: null,
      ...settings,
    },
    { log: (line) => lines.push(line), isWorker },
  );
  server.ready.catch(() => {});
  onTestFinished(() => server.stop());
  return { server, engine, client: new TranscriptionClient(server.port, client), lines };
}

/** The same, ready to serve. */
export async function startFakeServer(options: FakeServerOptions = {}): Promise<FakeServer> {
  const fake = await startUnready(options);
  await fake.server.ready;
  return fake;
}

/** Waits until `condition` holds; the test's own time limit is the only one. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}
