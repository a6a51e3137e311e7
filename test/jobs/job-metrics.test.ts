import { Registry } from "prom-client";
import { expect, it } from "vitest";
import type { JobTally } from "../../src/service/jobs/store.js";
import { observeJobs } from "../../src/service/metrics/job-metrics.js";

it("jobs are counted once for all metrics of a scrape, and anew for the next", async () => {
  let looks = 0;
  const registry = new Registry();
  observeJobs(registry, async (): Promise<JobTally> => {
    const queued = ++looks;
    return {
      jobs: { queued, running: 0, succeeded: 0, failed: 0, cancelled: 0 },
      waitingBytes: 8000,
      secondsPerByte: undefined,
      oldestWaiting: undefined,
    };
  });
  expect(await registry.metrics()).toContain('agora_jobs{status="queued"} 1');
  expect(await registry.metrics()).toContain('agora_jobs{status="queued"} 2');
  expect(looks).toBe(2);
});
