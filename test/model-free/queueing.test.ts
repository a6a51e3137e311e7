import { expect, it } from "vitest";
import { quantile, randomArrivals, simulate } from "../../bench/support/queueing.js";

const mean = (values: readonly number[]): number =>
  values.reduce((sum, each) => sum + each, 0) / values.length;

/** Mean waiting time of a queue with random arrivals and lengths and `count` workers (Erlang C). @param load arrivals × service */
function erlang(count: number, load: number, service: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; k < count; k++) sum += term *= load / k;
  const last = (term * load) / count / (1 - load / count);
  return ((last / (sum + last)) * service) / (count - load);
}

it.each([
  [1, 0.5],
  [2, 1.4],
  [4, 3.2],
])(
  "recordings that come at random to %i workers wait as long as the theory of queues says",
  (count, load) => {
    const service = 10;
    const arrivals = randomArrivals(200_000, {
      rate: load / service,
      mean: 200,
      lengths: "exponential",
      seed: 1,
    });
    const served = simulate(arrivals, { count, speed: 200 / service, concurrency: 1 });
    const waiting = mean(served.map(({ at, started }) => started - at));
    const expected = erlang(count, load, service);
    expect(Math.abs(waiting - expected) / expected).toBeLessThan(0.08);
  },
);

it("those that share a worker are each as slow as they are many, and all are done as soon", () => {
  const together = [0, 0, 0].map((at) => ({ at, duration: 10 }));
  const shared = simulate(together, { count: 1, speed: 1, concurrency: 3 });
  expect(shared).toEqual(together.map(() => ({ at: 0, started: 0, ended: 30 })));
  const inTurn = simulate(together, { count: 1, speed: 1, concurrency: 1 });
  expect(inTurn.map(({ started }) => started)).toEqual([0, 10, 20]);
  const two = simulate(together, { count: 2, speed: 1, concurrency: 1, overhead: 1 });
  expect(two.map(({ ended }) => ended)).toEqual([11, 11, 22]);
});

it("the share of a list that stays below a value is counted", () => {
  expect([0, 0.5, 0.95, 1].map((share) => quantile([4, 1, 3, 2], share))).toEqual([1, 3, 4, 4]);
});
