import type { Registry } from "prom-client";
import type { JobTally } from "../jobs/store.js";
import { observedGauge } from "./observed.js";

/** Seconds of audio in a byte where no job has told yet: 64 kbit/s. */
const USUAL_SECONDS_PER_BYTE = 1 / 8000;

/** What is looked up of jobs when metrics are asked for. */
export function observeJobs(registry: Registry, look: () => Promise<JobTally | undefined>): void {
  const tally = shared(look);
  observedGauge(
    registry,
    "agora_jobs",
    "Jobs that have not ended.",
    async () => {
      const found = await tally();
      return [
        [{ status: "queued" }, found?.jobs.queued ?? 0],
        [{ status: "running" }, found?.jobs.running ?? 0],
      ];
    },
    ["status"],
  );
  observedGauge(
    registry,
    "agora_jobs_waiting_audio_seconds",
    "Audio of the jobs that wait, estimated from their bytes and from jobs that have ended.",
    async () => {
      const found = await tally();
      return (found?.waitingBytes ?? 0) * (found?.secondsPerByte ?? USUAL_SECONDS_PER_BYTE);
    },
  );
  observedGauge(
    registry,
    "agora_jobs_oldest_waiting_seconds",
    "Time that the oldest job has waited which waits.",
    async () => {
      const oldest = (await tally())?.oldestWaiting;
      return oldest === undefined ? 0 : Math.max(0, Date.now() - oldest) / 1000;
    },
  );
}

/** One look for all who ask while it is under way: the gauges of a scrape ask at once, and it may count a table. */
function shared<T>(look: () => Promise<T>): () => Promise<T> {
  let looking: Promise<T> | undefined;
  return () => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
    return looking;
  };
}
