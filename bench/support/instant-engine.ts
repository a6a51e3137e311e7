import { fileURLToPath } from "node:url";
import { registerImplementation } from "../../src/index.js";
import { FakeEngine, fakeSegment } from "../../test/support/fake-engine.js";
import { type ServerProcess, startServerProcess } from "./server-process.js";

/** What a process that transcribes by itself has come to. */
export interface InstantRun {
  calls: number;
  cpuSeconds: number;
}

export const INSTANT = "instant";
/** Any file that exists: nothing is loaded from it. */
export const NO_MODEL = fileURLToPath(new URL("../../package.json", import.meta.url));
const TEXT = "What was said, in about as many words as these recordings have, twenty or so of them.";

/** An implementation that answers each window at once: what is left is everybody else's doing. */
export function registerInstant(): void {
  registerImplementation(INSTANT, async () => {
    const answer = (samples: Float32Array) => ({
      segments: [fakeSegment(TEXT, 0, samples.length / 16_000)],
    });
    return new FakeEngine({ concurrency: 32, answer });
  });
}

/** A server with that implementation in a process of its own. */
export function startInstantServer(settings: Record<string, string>): Promise<ServerProcess> {
  const model = { MODEL_IMPLEMENTATION: INSTANT, MODEL_NAME: NO_MODEL, MODEL_VAD: "off" };
  return startServerProcess({ ...model, ...settings }, "bench/support/instant-server.ts");
}
