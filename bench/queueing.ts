/**
 * How long recordings would wait in a queue with workers: what to buy before it is bought.
 *
 *   npm run bench:queueing -- --per-hour 400 --minutes 6 --speed 20 --workers 2 --workers 3 --workers 4
 *
 * --per-hour     recordings that come in an hour, at random
 * --minutes      mean length of one; --lengths exponential (default: of all lengths) or fixed
 * --speed        seconds of audio that a worker does in a second: `agora-transcribe`'s last line, or docs/scale-out.md
 * --workers      how many there are; may be given more than once
 * --concurrency  recordings that one works on at once (JOBS_MAX_RUNNING, 4), which share its speed
 * --overhead     seconds that each takes beside (0.5)
 * --hours        that are simulated (200); --seed another one gives other recordings
 *
 * Waiting is from the moment that a recording is queued until its worker begins it; done is until its result is there.
 * `npm run bench:scale` compares this with workers as they are.
 */
import { parseArgs } from "node:util";
import { type Lengths, quantile, randomArrivals, simulate } from "./support/queueing.js";

const { values } = parseArgs({
  options: {
    "per-hour": { type: "string", default: "400" },
    minutes: { type: "string", default: "6" },
    lengths: { type: "string", default: "exponential" },
    speed: { type: "string", default: "20" },
    workers: { type: "string", multiple: true, default: ["1", "2", "3", "4"] },
    concurrency: { type: "string", default: "4" },
    overhead: { type: "string", default: "0.5" },
    hours: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
  },
});
const perHour = Number(values["per-hour"]);
const mean = Number(values.minutes) * 60;
const [speed, concurrency, overhead] = [values.speed, values.concurrency, values.overhead].map(Number) as [
  number,
  number,
  number,
];
const arrivals = randomArrivals(Math.ceil(perHour * Number(values.hours)), {
  rate: perHour / 3600,
  mean,
  lengths: values.lengths as Lengths,
  seed: Number(values.seed),
});

const seconds = (value: number): string =>
  value < 90
    ? `${value.toFixed(1)} s`
    : value < 5400
      ? `${(value / 60).toFixed(1)} min`
      : `${(value / 3600).toFixed(1)} h`;
console.log(
  `${perHour} recordings an hour of ${values.minutes} min (${values.lengths}), ${speed} times real time a worker`,
);
console.log("| workers | busy | waiting, median | 95 % | 99 % | done, 95 % |\n|---|---|---|---|---|---|");
for (const count of values.workers.map(Number)) {
  const busy = ((perHour / 3600) * (mean / speed + overhead)) / count;
  if (busy >= 1) {
    console.log(
      `| ${count} | ${Math.round(busy * 100)} % | more come than are done: the queue grows without end | | | |`,
    );
    continue;
  }
  const served = simulate(arrivals, { count, speed, concurrency, overhead });
  const waiting = served.map(({ at, started }) => started - at);
  const done = served.map(({ at, ended }) => ended - at);
  const cells = [
    quantile(waiting, 0.5),
    quantile(waiting, 0.95),
    quantile(waiting, 0.99),
    quantile(done, 0.95),
  ];
  console.log(`| ${count} | ${Math.round(busy * 100)} % | ${cells.map(seconds).join(" | ")} |`);
}
