import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { expect, it, onTestFinished } from "vitest";
import { Caller } from "../../bench/support/calls.js";
import { startServerProcess } from "../../bench/support/server-process.js";
import { readMetrics } from "../support/metrics.js";
import { SOME_FILE } from "../support/server.js";
import { latch } from "../support/transcribe-fake.js";

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

/** Uploads at once, and MiB of each: `UPLOAD_MIB=200` for recordings of the largest size. */
const UPLOADS = 64;
const UPLOAD = Number(process.env.UPLOAD_MIB ?? 4) * MIB;

it("is not taken by what is uploaded over HTTP, however large", async () => {
  const server = await startServerProcess(
    {
      MODEL_IMPLEMENTATION: "fake",
      MODEL_NAME: SOME_FILE,
      MODEL_VAD: "off",
      SERVER_HTTP: "true",
      SERVER_MAX_UPLOAD_BYTES: String(UPLOAD + MIB),
      SERVER_MAX_MEMORY_BYTES: String(BUDGET),
    },
    "test/support/fake-server-process.ts",
  );
  onTestFinished(() => server.kill());
  const { httpPort, pid } = server;
  const before = memoryOf(pid, "VmRSS");
  const { opened, open } = latch();
  const uploads = Array.from({ length: UPLOADS }, () => uploadZip(httpPort, UPLOAD, opened));
  // All of each but its end is there, whatever the order.
  const disk = 'agora_budget_used_bytes{of="disk"}';
  const isThere = async () => (await readMetrics(server.metricsPort)).get(disk)! >= UPLOADS * (UPLOAD - MIB);
  while (!(await isThere())) await new Promise((resolve) => setTimeout(resolve, 100));
  open();
  for (const answer of await Promise.all(uploads)) expect(answer).toContain("it is a ZIP archive");
  const grown = memoryOf(pid, "VmHWM") - before;
  console.log(
    `${UPLOADS} uploads of ${UPLOAD / MIB} MiB at once: at most ${Math.round(grown / MIB)} MiB more`,
  );
  expect(grown).toBeLessThan(BUDGET);
  for (const what of ["memory", "disk"])
    expect((await readMetrics(server.metricsPort)).get(`agora_budget_used_bytes{of="${what}"}`)).toBe(0);
  expect(await server.stop()).toBe(0);
}, 600_000);

/** Sends so many bytes, the last of them when `gate` settles. @returns the answer */
async function uploadZip(port: number, bytes: number, gate: Promise<void>): Promise<string> {
  const head = '--x\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nPK\x03\x04';
  const end = "\r\n--x--\r\n";
  const sending = request({
    host: "127.0.0.1",
    port,
    method: "POST",
    path: "/v1/audio/transcriptions",
    agent: false,
    headers: {
      "content-type": "multipart/form-data; boundary=x",
      "content-length": head.length + bytes + end.length,
    },
  });
  const answer = once(sending, "response") as Promise<[IncomingMessage]>;
  const piece = Buffer.alloc(64 * 1024);
  sending.write(head);
  for (let left = bytes; left > 0; left -= piece.length)
    if (!sending.write(piece.subarray(0, left))) await once(sending, "drain");
  await gate;
  sending.end(end);
  const [response] = await answer;
  let text = "";
  for await (const data of response) text += data;
  return text;
}
