/**
 * The server under disorder: calls of both contracts that are cancelled, expire, are damaged, lose their connection,
 * trickle or fall silent, half of them on shared channels, and of clients that are killed, among others that must be answered as ever. Demo model, implementation whisper.
 *
 *   npm run bench:soak [minutes, default 20] [seed]
 *
 * Afterwards nothing may be left: no call, no request in a queue, no decoder; and memory and files may not have grown
 * since the warm-up, which is the first quarter. Results go to build/bench/soak.json; the exit code tells.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { startServerProcess } from "./support/server-process.js";
import { runSoak, type Sample } from "./support/soak-run.js";

/** Of resident memory since the warm-up, in percent or, for small ones, MiB; of open files. */
const MOST_GROWTH_PERCENT = 5;
const MOST_GROWTH_MIB = 20;
const MOST_FILES = 4;
const LANES = 24;

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const minutes = Number(process.argv[2] ?? 20);
const seed = Number(process.argv[3] ?? 1);

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const server = await startServerProcess({ SERVER_IDLE_TIMEOUT: "5" });
let isAlive = true;
void server.ended.then(() => {
  isAlive = false;
});
const report = await runSoak({
  port: server.port,
  httpPort: server.httpPort,
  pid: server.pid,
  seconds: minutes * 60,
  lanes: LANES,
  seed,
  onSample: ({ seconds, residentMiB, openFiles, openCalls }: Sample) => {
    if (seconds % 60 < 5)
      console.log(`${seconds} s: ${residentMiB} MiB, ${openFiles} files, ${openCalls} calls`);
  },
});
const survived = isAlive;
const code = await server.stop();

const quarter = Math.floor(report.samples.length / 4);
const residentIn = (from: number, to: number) =>
  median(report.samples.slice(from, to).map(({ residentMiB }) => residentMiB));
const warm = residentIn(quarter, 2 * quarter);
const late = residentIn(3 * quarter, report.samples.length);
const checks = {
  "the server lived, and stopped with 0": survived && code === 0,
  "every call was answered or ended": report.unanswered === 0,
  "calls that were left alone got the right text": report.wrong.length === 0,
  "nothing is left in any queue": Object.values(report.left).every((value) => value === 0),
  "no decoder is left": report.decoders === 0,
  [`memory grew by less than ${MOST_GROWTH_PERCENT} % or ${MOST_GROWTH_MIB} MiB since the warm-up`]:
    late - warm < Math.max(MOST_GROWTH_MIB, (warm * MOST_GROWTH_PERCENT) / 100),
  "open files are as many as before": report.after.openFiles - report.before.openFiles <= MOST_FILES,
};
console.log(`${report.calls} calls in ${minutes} min, ended like this:`);
console.table(report.endings);
console.log(
  `Resident: ${warm} MiB in the second quarter, ${late} MiB in the last; at rest afterwards:`,
  report.after,
);
for (const wrong of report.wrong.slice(0, 10)) console.log(`wrong: ${wrong}`);
if (!survived) console.log(server.log.join("\n"));
for (const [check, isMet] of Object.entries(checks)) console.log(`${isMet ? "met   " : "MISSED"} ${check}`);
mkdirSync(path.join(root, "build", "bench"), { recursive: true });
writeFileSync(
  path.join(root, "build", "bench", "soak.json"),
  JSON.stringify(
    { cpu: os.cpus()[0]?.model, node: process.version, minutes, seed, ...report, warm, late, checks },
    null,
    2,
  ),
);
process.exitCode = Object.values(checks).every(Boolean) ? 0 : 1;
