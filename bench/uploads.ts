/**
 * Memory of the server while many large recordings arrive at once over HTTP: by how much it grows beyond what it takes at
 * rest with its model, which may be no more than SERVER_MAX_MEMORY_BYTES. The recordings are silent, so that they are stored, decoded
 * to their ends and answered, and the demo model has nothing to do for them.
 *
 *   npm run bench:uploads -- [--uploads 64] [--megabytes 200] [--budget 256]
 *
 * Takes as much of the temporary folder as all of them are large. Results go to build/bench/uploads.json; the exit code tells
 * whether the targets were met.
 */
import { once } from "node:events";
import { mkdirSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readMetrics } from "../test/support/metrics.js";
import { type ServerProcess, startServerProcess } from "./support/server-process.js";

const MIB = 1024 * 1024;
const MEGABYTE = 1e6;
const BOUNDARY = "----a-boundary-of-the-bench";
/** Of the recordings: 64-bit floats at the models' rate, so that reading and mixing them takes no longer than it has to. */
const CHANNELS = 2;
const SAMPLE_RATE = 16_000;
const SAMPLE_BYTES = 8;
const HEADER_BYTES = 58;

const { values } = parseArgs({
  options: {
    uploads: { type: "string", default: "64" },
    megabytes: { type: "string", default: "200" },
    budget: { type: "string", default: "256" },
  },
});
const [uploads, megabytes, budgetMiB] = [values.uploads, values.megabytes, values.budget].map(Number) as [
  number,
  number,
  number,
];
const bytes = megabytes * MEGABYTE;

/** The header of a WAV file of `bytes` (RIFF, WAVE_FORMAT_IEEE_FLOAT). */
function header(): Buffer {
  const head = Buffer.alloc(HEADER_BYTES);
  head.write("RIFF", 0, "latin1");
  head.writeUInt32LE(bytes - 8, 4);
  head.write("WAVEfmt ", 8, "latin1");
  head.writeUInt32LE(18, 16);
  head.writeUInt16LE(3, 20);
  head.writeUInt16LE(CHANNELS, 22);
  head.writeUInt32LE(SAMPLE_RATE, 24);
  head.writeUInt32LE(SAMPLE_RATE * CHANNELS * SAMPLE_BYTES, 28);
  head.writeUInt16LE(CHANNELS * SAMPLE_BYTES, 32);
  head.writeUInt16LE(8 * SAMPLE_BYTES, 34);
  head.write("fact", 38, "latin1");
  head.writeUInt32LE(4, 42);
  head.writeUInt32LE(Math.floor((bytes - HEADER_BYTES) / (CHANNELS * SAMPLE_BYTES)), 46);
  head.write("data", 50, "latin1");
  head.writeUInt32LE(bytes - HEADER_BYTES, 54);
  return head;
}

/** What comes after it, again and again: silence. */
const silence = Buffer.alloc(MIB);

/** Sends one recording, as fast as it is taken. @returns the status of the answer, and its code where it has one */
async function upload(port: number): Promise<string> {
  const sending = request({
    host: "127.0.0.1",
    port,
    method: "POST",
    path: "/v1/audio/transcriptions",
    headers: { "content-type": `multipart/form-data; boundary=${BOUNDARY}` },
  });
  const answered = once(sending, "response");
  const write = async (piece: Buffer | string) => {
    if (!sending.write(piece)) await once(sending, "drain");
  };
  const part = (disposition: string) =>
    `--${BOUNDARY}\r\ncontent-disposition: form-data; ${disposition}\r\n\r\n`;
  await write(part('name="file"; filename="call.wav"'));
  await write(header());
  for (let left = bytes - HEADER_BYTES; left > 0; left -= silence.length)
    await write(left < silence.length ? silence.subarray(0, left) : silence);
  sending.end(`\r\n${part('name="vad_filter"')}false\r\n--${BOUNDARY}--\r\n`);
  const [response] = await answered;
  let text = "";
  for await (const piece of response) text += piece;
  const { error } = JSON.parse(text) as { error?: { code: string } };
  return `${response.statusCode}${error ? ` ${error.code}` : ""}`;
}

/** Resident memory of a process in MiB: now, and at most since {@link forgetPeak}. */
function residentOf(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)![1]) / 1024;
  return { now: of("VmRSS"), peak: of("VmHWM") };
}

/** proc(5): 5 resets the peak. */
function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

interface Row {
  restMiB: number;
  peakMiB: number;
  grownMiB: number;
  seconds: number;
  answers: Record<string, number>;
  /** Open calls, and bytes of budgets that are in use, when all have been answered. */
  left: number;
}

/** Milliseconds that the last call may take to be over when its answer has been read. */
const PATIENCE = 5000;

/** What is left of calls once as little is as ever will be. */
async function leftOf(server: ServerProcess): Promise<number> {
  const until = performance.now() + PATIENCE;
  for (;;) {
    const metrics = await readMetrics(server.metricsPort);
    const names = [
      "agora_open_calls",
      'agora_budget_used_bytes{of="memory"}',
      'agora_budget_used_bytes{of="disk"}',
    ];
    const left = names.reduce((sum, name) => sum + metrics.get(name)!, 0);
    if (left === 0 || performance.now() > until) return left;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function measure(server: ServerProcess): Promise<Row> {
  try {
    await upload(server.httpPort);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    forgetPeak(server.pid);
    const { now } = residentOf(server.pid);
    const begun = performance.now();
    const answers: Record<string, number> = {};
    const timer = setInterval(() => {
      const { now, peak } = residentOf(server.pid);
      console.log(`  ${now.toFixed(0)} MiB, ${peak.toFixed(0)} at most`);
    }, 10_000);
    await Promise.all(
      Array.from({ length: uploads }, async () => {
        const answer = await upload(server.httpPort);
        answers[answer] = (answers[answer] ?? 0) + 1;
      }),
    );
    clearInterval(timer);
    const seconds = Math.round((performance.now() - begun) / 1000);
    const { peak } = residentOf(server.pid);
    const left = await leftOf(server);
    const [restMiB, peakMiB] = [Math.round(now), Math.round(peak)];
    return { restMiB, peakMiB, grownMiB: peakMiB - restMiB, seconds, answers, left };
  } finally {
    await server.stop();
  }
}

const { bavail, bsize } = statfsSync(os.tmpdir());
if (bavail * bsize < 1.1 * uploads * bytes) throw new Error(`${os.tmpdir()} has no room for so many`);
const settings = {
  SERVER_HTTP: "true",
  SERVER_MAX_MEMORY_BYTES: String(budgetMiB * MIB),
  SERVER_MAX_DISK_BYTES: String(uploads * (bytes + MIB)),
};
const row = await measure(await startServerProcess(settings));
const { answers, ...figures } = row;
console.log(`${uploads} uploads of ${megabytes} MB at once, with ${budgetMiB} MiB for what calls hold:`);
console.table([{ ...figures, answers: JSON.stringify(answers) }]);
const checks = {
  "memory grows by no more than the budget": row.grownMiB <= budgetMiB,
  "all arrive and are answered": answers["200"] === uploads,
  "nothing is left": row.left === 0,
};
for (const [check, isMet] of Object.entries(checks)) console.log(`${isMet ? "met   " : "MISSED"} ${check}`);
const folder = path.join(path.resolve(path.dirname(fileURLToPath(import.meta.url)), ".."), "build", "bench");
mkdirSync(folder, { recursive: true });
writeFileSync(
  path.join(folder, "uploads.json"),
  JSON.stringify({ node: process.version, uploads, megabytes, budgetMiB, row, checks }, null, 2),
);
process.exitCode = Object.values(checks).every(Boolean) ? 0 : 1;
