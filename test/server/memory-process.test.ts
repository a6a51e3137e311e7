import { readFileSync } from "node:fs";
import { expect, it, onTestFinished } from "vitest";
import { Caller } from "../../bench/support/calls.js";
import { startServerProcess } from "../../bench/support/server-process.js";
import { readMetrics } from "../support/metrics.js";
import { SOME_FILE } from "../support/server.js";

const MIB = 1024 ** 2;
/** A tenth of what deploy/kubernetes.yaml gives a replica: calls may hold a quarter of it by default. */
const CONTAINER = 410 * MIB;
const BUDGET = CONTAINER / 4;
/** Of messages of a tenth of the largest size, as many as may be read at once by default. */
const CALLS = 20;
const MESSAGE = 20 * MIB;

function memoryOf(pid: number, field: "VmHWM" | "VmRSS"): number {
  const [, kibibytes] = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(
    readFileSync(`/proc/${pid}/status`, "utf8"),
  )!;
  return Number(kibibytes) * 1024;
}

it("is kept within the container's by requests in one message, however many, and given back after them", async () => {
  const server = await startServerProcess(
    {
      MODEL_IMPLEMENTATION: "fake",
      MODEL_NAME: SOME_FILE,
      MODEL_VAD: "off",
      SERVER_MAX_MEMORY_BYTES: String(BUDGET),
    },
    "test/support/fake-server-process.ts",
  );
  onTestFinished(() => server.kill());
  const { pid } = server;
  const before = memoryOf(pid, "VmRSS");
  // What is no recording is told at once, when all of it is there.
  const message = Buffer.alloc(MESSAGE);
  message.write("PK\x03\x04");
  const caller = new Caller(server.port);
  onTestFinished(() => caller.close());
  const ends = await Promise.all(Array.from({ length: CALLS }, () => caller.send("v2 unary", message).ended));
  // Who waited for too long is told when to try again; nobody is forgotten.
  for (const { message } of ends) expect(message).toMatch(/it is a ZIP archive|SERVER_MAX_MEMORY_BYTES/);
  expect(ends.some(({ message }) => message?.includes("ZIP"))).toBe(true);
  expect(memoryOf(pid, "VmHWM") - before).toBeLessThan(CONTAINER - BUDGET);
  expect((await readMetrics(server.metricsPort)).get('agora_budget_used_bytes{of="memory"}')).toBe(0);
  // Nothing else happens to the server meanwhile that would have memory collected.
  while (memoryOf(pid, "VmRSS") - before > 60 * MIB) await new Promise((resolve) => setTimeout(resolve, 500));
  expect(await server.stop()).toBe(0);
}, 120_000);
