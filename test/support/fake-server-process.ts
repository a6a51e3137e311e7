/**
 * The command line in a process of its own with an implementation that needs no model: `fake` answers every window
 * with "done" when the file that `FAKE_GATE` names exists, and at once without one. It is loaded when that of
 * `FAKE_LOADING` exists. In its first window nothing else goes on in the process until that of `FAKE_BLOCK` exists.
 */
import { existsSync } from "node:fs";
import { runProcess } from "../../src/cli/process.js";
import * as api from "../../src/index.js";
import { FakeEngine, fakeSegment } from "./fake-engine.js";

const { FAKE_BLOCK, FAKE_GATE, FAKE_LOADING } = process.env;
let blockUntil = FAKE_BLOCK;

async function exists(path: string | undefined): Promise<void> {
  while (path && !existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 10));
}

const gate = (): Promise<void> => {
  process.stderr.write("working\n");
  while (blockUntil && !existsSync(blockUntil))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  blockUntil = undefined;
  return exists(FAKE_GATE);
};

api.registerImplementation("fake", async () => {
  await exists(FAKE_LOADING);
  return new FakeEngine({ gate, answer: () => ({ segments: [fakeSegment("done", 0, 1)] }) });
});
await runProcess(api);
