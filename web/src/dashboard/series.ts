import type { Metrics } from "../server/metrics.js";
import { failed } from "./failures.js";

/** Milliseconds over which growth is looked at: recordings end one by one, and two seconds see none or one of them. */
const WINDOW = 60_000;

/** What a chart shows of the metrics at one moment and those a minute before, or as long as there are some. */
export type Measure = (now: Metrics, before: Metrics) => number;

/** A number at a moment, in milliseconds since the page was opened. */
export interface Point {
  at: number;
  value: number;
}

/** Growth of what only grows; a server that was started anew began at 0. */
function growth(count: (metrics: Metrics) => number): Measure {
  return (now, before) => (count(now) < count(before) ? count(now) : count(now) - count(before));
}

const heard = growth((metrics) => metrics.sum("agora_audio_seconds_total"));
const worked = growth((metrics) => metrics.sum("agora_processing_seconds_sum"));
const computed = growth((metrics) => metrics.sum("process_cpu_seconds_total"));

/** Seconds of audio in a second of work, of recordings that are done. */
export const speed: Measure = (now, before) => {
  const seconds = worked(now, before);
  return seconds > 0 ? heard(now, before) / seconds : 0;
};
/** In the last minute. */
export const requests = growth((metrics) => metrics.sum("agora_requests_total"));
/** In the last minute. */
export const failures = growth(failed);
/** Cores. */
export const cores: Measure = (now, before) =>
  computed(now, before) / Math.max(0.001, (now.at - before.at) / 1000);
/** Bytes. */
export const memory: Measure = (now) => now.sum("process_resident_memory_bytes");
/** Recordings, of calls and jobs. */
export const waiting: Measure = (now) =>
  now.sum("agora_queue_length") + now.sum("agora_jobs", { status: "queued" });
export const running: Measure = (now) => now.sum("agora_workers_busy");
export const live: Measure = (now) => now.sum("agora_live_streams");

/** Values of a measure over a history, oldest first. */
export function seriesOf(history: readonly Metrics[], measure: Measure): Point[] {
  return history.slice(1).map((now, index) => {
    const before = history.find(({ at }) => now.at - at <= WINDOW);
    return { at: now.at, value: measure(now, before === now ? history[index]! : before!) };
  });
}
