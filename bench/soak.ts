/**
 * The server under disorder: calls through both doors, in every way of each, that are cancelled, expire, are damaged or cut,
 * lose their connection, trickle or fall silent, half of them on connections that they share and keep; jobs that are cancelled;
 * clients that are killed, or hang before that; decoders that are killed; among others that must be answered as ever. Demo model,
 * implementation whisper; half of the recordings are FLAC.
 *
 *   npm run bench:soak -- [--minutes 20] [--seed 1] [--lanes 24]
 *
 * Afterwards nothing may be left: no call, no request in a queue, no budget in use, no decoder; and memory and files may
 * not have grown since the warm-up, which is the first quarter, ten minutes at most. Results go to build/bench/soak.json;
 * the exit code tells.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startServerProcess } from "./support/server-process.js";
import { asFlac, shortFiles } from "./support/short-files.js";
import { runSoak, type Sample } from "./support/soak-run.js";

/** Of resident memory since the warm-up, by the line through it, in percent or, for small ones, MiB; of open files. */
const MOST_GROWTH_PERCENT = 2;
const MOST_GROWTH_MIB = 20;
const MOST_FILES = 4;
const LONGEST_WARM_UP = 600;

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    lanes: { type: "string", default: "24" },
  },
});
const [minutes, seed, lanes] = [values.minutes, values.seed, values.lanes].map(Number) as [
  number,
  number,
  number,
];

/** MiB a second by which resident memory grows, by least squares. */
function slope(samples: readonly Sample[]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [time, memory] = [
    mean(samples.map(({ seconds }) => seconds)),
    mean(samples.map(({ residentMiB }) => residentMiB)),
  ];
  let [covariance, variance] = [0, 0];
  for (const { seconds, residentMiB } of samples) {
    covariance += (seconds - time) * (residentMiB - memory);
    variance += (seconds - time) ** 2;
  }
  return variance > 0 ? covariance / variance : 0;
}

const files = shortFiles().map((file, i) => (i % 2 === 0 ? file : asFlac(file)));
const server = await startServerProcess({ SERVER_IDLE_TIMEOUT: "5", SERVER_HTTP: "true" });
const death = server.ended.then(({ code, signal }) => {
  throw new Error(
    `The server ended in the disorder, by ${signal ?? `code ${code}`}:\n${server.log.join("\n")}`,
  );
});
const disorder = runSoak({
  port: server.port,
  httpPort: server.httpPort,
  metricsPort: server.metricsPort,
  pid: server.pid,
  seconds: minutes * 60,
  lanes,
  seed,
  files,
  onSample: ({ seconds, residentMiB, openFiles, openCalls }: Sample) => {
    if (seconds % 60 < 5)
      console.log(`${seconds} s: ${residentMiB} MiB, ${openFiles} files, ${openCalls} calls`);
  },
});
const report = await Promise.race([disorder, death]);
const code = await server.stop();

const warmUp = Math.min((minutes * 60) / 4, LONGEST_WARM_UP);
const warmed = report.samples.filter(({ seconds }) => seconds >= warmUp);
const perSecond = slope(warmed);
const growth = perSecond * (minutes * 60 - warmUp);
const level = warmed.reduce((sum, { residentMiB }) => sum + residentMiB, 0) / warmed.length;
const checks = {
  "the server lived, and stopped with 0": code === 0,
  "every call was answered or ended": report.unanswered === 0,
  "calls that were left alone got the right text": report.wrong.length === 0,
  "who is told of a killed decoder had one when one was killed, and no more are told than were killed":
    report.misled.length === 0,
  "nothing is left in any queue or budget": Object.values(report.left).every((value) => value === 0),
  "no decoder is left": report.decoders === 0,
  [`memory grew by less than ${MOST_GROWTH_PERCENT} % or ${MOST_GROWTH_MIB} MiB since the warm-up`]:
    growth < Math.max(MOST_GROWTH_MIB, (level * MOST_GROWTH_PERCENT) / 100),
  "open files are as many as before": report.after.openFiles - report.before.openFiles <= MOST_FILES,
};
console.log(`${report.calls} calls in ${minutes} min, ended like this:`);
console.table(report.endings);
console.log(`${report.kills} decoders were killed`);
console.log(
  `Resident since ${warmUp} s: ${level.toFixed(0)} MiB, by the line through it ${growth.toFixed(1)} MiB more at the end; ` +
    "at rest afterwards:",
  report.after,
);
for (const wrong of report.wrong.slice(0, 10)) console.log(`wrong: ${wrong}`);
for (const misled of report.misled.slice(0, 10)) console.log(`misled: ${misled}`);
if (code !== 0) console.log(server.log.join("\n"));
for (const [check, isMet] of Object.entries(checks)) console.log(`${isMet ? "met   " : "MISSED"} ${check}`);
mkdirSync(path.join(root, "build", "bench"), { recursive: true });
writeFileSync(
  path.join(root, "build", "bench", "soak.json"),
  JSON.stringify(
    { cpu: os.cpus()[0]?.model, node: process.version, minutes, seed, ...report, level, growth, checks },
    null,
    2,
  ),
);
process.exitCode = Object.values(checks).every(Boolean) ? 0 : 1;
