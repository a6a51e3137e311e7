/**
 * The command line in a process of its own with an implementation that needs no model: `fake` answers every window
 * with "done" when the file that `FAKE_GATE` names exists, and at once without one.
 */
import { existsSync } from "node:fs";
import { runProcess } from "../../src/cli/process.js";
import * as api from "../../src/index.js";
import { FakeEngine, fakeSegment } from "./fake-engine.js";

const gate = async (): Promise<void> => {
  const { FAKE_GATE } = process.env;
  process.stderr.write("working\n");
  while (FAKE_GATE && !existsSync(FAKE_GATE)) await new Promise((resolve) => setTimeout(resolve, 10));
};

api.registerImplementation(
  "fake",
  async () => new FakeEngine({ gate, answer: () => ({ segments: [fakeSegment("done", 0, 1)] }) }),
);
await runProcess(api);
