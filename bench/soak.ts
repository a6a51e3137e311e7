/**
 * The server under disorder: calls through both doors, in every way of each, that are cancelled, expire, are damaged or cut,
 * lose their connection, trickle or fall silent, half of them on connections that they share and keep; jobs that are cancelled;
 * clients that are killed, or hang before that; decoders that are killed; among others that must be answered as ever. Demo model,
 * implementation whisper; half of the recordings are FLAC.
 *
 *   npm run bench:soak -- [--minutes 20] [--seed 1] [--lanes 24] [--engine demo|instant]
 *
 * Afterwards nothing may be left: no call, no request in a queue, no budget in use, no decoder; no more files may be open than
 * before; and memory may not have grown. That is looked at every few minutes when nothing has been asked for ten seconds and the
 * server has given back what it needs no more: at work, when V8 happens to collect decides by how much it is more. Results go to
 * build/bench/soak.json; the exit code tells.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startInstantServer } from "./support/instant-engine.js";
import { startServerProcess } from "./support/server-process.js";
import { asFlac, shortFiles } from "./support/short-files.js";
import { runSoak, type Sample } from "./support/soak-run.js";

/** Minutes of disorder between two rests, at which memory is looked at, and rests that pass before it counts. */
const ROUND_MINUTES = 2.5;
const WARM_UP_ROUNDS = 2;
/** By which resident memory may grow from the first rest that counts to the last, in percent. */
const MOST_GROWTH_PERCENT = 2;
const MOST_FILES = 4;

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    lanes: { type: "string", default: "24" },
    engine: { type: "string", default: "demo" },
  },
});
const [minutes, seed, lanes] = [values.minutes, values.seed, values.lanes].map(Number) as [
  number,
  number,
  number,
];

/** Growth from the first rest that counts to the last by the line through all of them (least squares), and their mean; MiB. */
function growthOf(rests: readonly Sample[]): { level: number; growth: number } {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const memory = rests.map(({ residentMiB }) => residentMiB);
  const [middle, level] = [(rests.length - 1) / 2, mean(memory)];
  const covariance = memory.reduce((sum, value, index) => sum + (index - middle) * (value - level), 0);
  const variance = memory.reduce((sum, _, index) => sum + (index - middle) ** 2, 0);
  return { level, growth: variance > 0 ? (covariance / variance) * (rests.length - 1) : 0 };
}

function fromEnvironment(variables: Readonly<Record<string, string>>): Record<string, string> {
  const set = Object.entries(process.env).filter(([name]) => Object.hasOwn(variables, name));
  return Object.fromEntries(set) as Record<string, string>;
}

const rounds = Math.max(WARM_UP_ROUNDS + 2, Math.round(minutes / ROUND_MINUTES));
const files = shortFiles().map((file, i) => (i % 2 === 0 ? file : asFlac(file)));
/** As the unit and the container of `deploy` have it, unless the environment has something else. */
const malloc = {
  MALLOC_ARENA_MAX: "2",
  MALLOC_MMAP_THRESHOLD_: "1048576",
  MALLOC_TRIM_THRESHOLD_: "4194304",
};
const settings = { SERVER_IDLE_TIMEOUT: "5", SERVER_HTTP: "true" };
const start = values.engine === "instant" ? startInstantServer : startServerProcess;
const server = await start({ ...malloc, ...fromEnvironment(malloc), ...settings });
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
  rounds,
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

const { growth, level } = growthOf(report.rests.slice(WARM_UP_ROUNDS));
const growthPercent = (100 * growth) / level;
const checks = {
  "the server lived, and stopped with 0": code === 0,
  "every call was answered or ended": report.unanswered === 0,
  "calls that were left alone got the right text": report.wrong.length === 0,
  "who is told of a killed decoder had one when one was killed, and no more are told than were killed":
    report.misled.length === 0,
  "nothing is left in any queue or budget": Object.values(report.left).every((value) => value === 0),
  "no decoder is left": report.decoders === 0,
  [`memory at rest grew by less than ${MOST_GROWTH_PERCENT} % since the warm-up`]:
    growth < (level * MOST_GROWTH_PERCENT) / 100,
  "open files are as many as before": report.after.openFiles - report.before.openFiles <= MOST_FILES,
};
console.log(`${report.calls} calls in ${minutes} min, ended like this:`);
console.table(report.endings);
console.log(`${report.kills} decoders were killed`);
const busy = report.samples.map(({ residentMiB }) => residentMiB);
console.log(
  `Resident at rest, MiB: ${report.rests.map(({ residentMiB }) => residentMiB).join(", ")}; since the warm-up of ` +
    `${WARM_UP_ROUNDS} rounds ${level.toFixed(0)} in the mean, by the line through it ${growth.toFixed(1)} more at the end ` +
    `(${growthPercent.toFixed(1)} %); at work ${Math.min(...busy)} to ${Math.max(...busy)}; afterwards:`,
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
    {
      cpu: os.cpus()[0]?.model,
      node: process.version,
      minutes,
      seed,
      ...report,
      level,
      growth,
      growthPercent,
      checks,
    },
    null,
    2,
  ),
);
process.exitCode = Object.values(checks).every(Boolean) ? 0 : 1;
