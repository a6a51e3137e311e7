import { readdirSync } from "node:fs";
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import type { Registry } from "./registry.js";

/** Milliseconds between two looks at how late the event loop is. */
const DELAY_RESOLUTION = 20;

/**
 * Adds what Prometheus' client libraries tell of a process, under their names.
 * @returns stops what measures in the background
 */
export function addProcessMetrics(registry: Registry): () => void {
  const delay: IntervalHistogram = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION });
  delay.enable();
  const startedAt = (Date.now() - performance.now()) / 1000;

  registry.gauge("process_resident_memory_bytes", "Resident memory.", () => process.memoryUsage.rss());
  registry.observedCounter("process_cpu_seconds_total", "CPU time of all threads, user and system.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  registry.gauge("process_start_time_seconds", "Start of the process, Unix time.", () => startedAt);
  registry.gauge("process_open_fds", "Open file descriptors.", openFiles);
  registry.gauge(
    "nodejs_heap_size_used_bytes",
    "JavaScript heap in use.",
    () => process.memoryUsage().heapUsed,
  );
  registry.gauge(
    "nodejs_external_memory_bytes",
    "Memory of JavaScript objects outside the heap, such as audio.",
    () => process.memoryUsage().external,
  );
  registry.gauge(
    "nodejs_eventloop_lag_p99_seconds",
    "99th percentile of how late the event loop was since the last look.",
    () => {
      const seconds = delay.count > 0 ? Math.max(0, delay.percentile(99) / 1e9 - DELAY_RESOLUTION / 1000) : 0;
      delay.reset();
      return seconds;
    },
  );
  return () => delay.disable();
}

function openFiles(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return undefined;
  }
}
