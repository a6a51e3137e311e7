import type { Metrics } from "../server/metrics.js";
import { failed } from "./failures.js";

/** What a chart shows of the metrics at one moment and the one before. */
export type Measure = (now: Metrics, before: Metrics) => number;

/** A number at a moment, in milliseconds since the page was opened. */
export interface Point {
  at: number;
  value: number;
}

/** Growth in a second of what only grows; a server that was started anew begins at 0. */
function rate(count: (metrics: Metrics) => number): Measure {
  return (now, before) =>
    Math.max(0, count(now) - count(before)) / Math.max(0.001, (now.at - before.at) / 1000);
}

const perMinute =
  (measure: Measure): Measure =>
  (now, before) =>
    60 * measure(now, before);

/** Seconds of audio in a second. */
export const speed = rate((metrics) => metrics.sum("agora_audio_seconds_total"));
/** A minute. */
export const requests = perMinute(rate((metrics) => metrics.sum("agora_requests_total")));
/** A minute. */
export const failures = perMinute(rate(failed));
/** Cores. */
export const cores = rate((metrics) => metrics.sum("process_cpu_seconds_total"));
/** Bytes. */
export const memory: Measure = (now) => now.sum("process_resident_memory_bytes");
/** Recordings, of calls and jobs. */
export const waiting: Measure = (now) =>
  now.sum("agora_queue_length") + now.sum("agora_jobs", { status: "queued" });
export const running: Measure = (now) => now.sum("agora_workers_busy");
export const live: Measure = (now) => now.sum("agora_live_streams");

/** Values of a measure over a history. */
export function seriesOf(history: readonly Metrics[], measure: Measure): Point[] {
  return history.slice(1).map((now, index) => ({ at: now.at, value: measure(now, history[index]!) }));
}
