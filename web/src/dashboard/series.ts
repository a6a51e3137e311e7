import type { Metrics } from "../server/metrics.js";

/** What a chart shows of the metrics at one moment and the one before. */
export type Measure = (now: Metrics, before: Metrics) => number;

const NAMES = {
  audio: "agora_audio_seconds_total",
  requests: "agora_requests_total",
  cpu: "process_cpu_seconds_total",
} as const;

/** Growth in a second. */
function rate(name: string, labels?: Readonly<Record<string, string>>): Measure {
  return (now, before) =>
    Math.max(0, now.sum(name, labels) - before.sum(name, labels)) /
    Math.max(0.001, (now.at - before.at) / 1000);
}

/** Seconds of audio in a second. */
export const speed = rate(NAMES.audio);
/** Requests a minute. */
export const requests: Measure = (now, before) => 60 * rate(NAMES.requests)(now, before);
/** Cores. */
export const cores = rate(NAMES.cpu);
/** Bytes. */
export const memory: Measure = (now) => now.sum("process_resident_memory_bytes");
export const waiting: Measure = (now) => now.sum("agora_queue_length");
export const running: Measure = (now) => now.sum("agora_workers_busy");

/** Values of a measure over a history. */
export function seriesOf(history: readonly Metrics[], measure: Measure): number[] {
  return history.slice(1).map((now, index) => measure(now, history[index]!));
}
