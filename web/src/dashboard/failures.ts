import type { Metrics } from "../server/metrics.js";
import type { Sentence } from "../text/dictionary.js";

/** Outcomes of requests that are no failures. */
const NONE: readonly string[] = ["OK", "CANCELLED"];

/** What failures are, by the server's codes and gRPC's. */
const KINDS: Readonly<Record<string, Sentence>> = {
  INVALID_ARGUMENT: "kindArgument",
  UNSUPPORTED_FORMAT: "kindFormat",
  UNSUPPORTED_MEDIA_TYPE: "kindForm",
  DECODE_FAILED: "kindDamaged",
  AUDIO_TOO_LONG: "kindLong",
  AUDIO_TOO_LARGE: "kindLarge",
  REQUEST_TOO_LARGE: "kindLarge",
  RESULT_TOO_LARGE: "kindResult",
  UNAUTHENTICATED: "kindToken",
  FORBIDDEN: "kindForbidden",
  NOT_FOUND: "kindNotFound",
  METHOD_NOT_ALLOWED: "kindNotFound",
  UNIMPLEMENTED: "kindNotFound",
  FILE_NOT_FOUND: "kindGone",
  MODEL_NOT_FOUND: "kindModel",
  MODEL_INVALID: "kindModel",
  CONFLICT: "kindConflict",
  CORRECTIONS_CHANGED: "kindConflict",
  QUEUE_FULL: "kindBusy",
  RESOURCE_EXHAUSTED: "kindBusy",
  DEADLINE_EXCEEDED: "kindSlow",
  UNAVAILABLE: "kindStarting",
  STORAGE_FAILED: "kindDisk",
  RECORDINGS_FULL: "kindFull",
  OUT_OF_MEMORY: "kindMemory",
  DEVICE_UNAVAILABLE: "kindDevice",
  DECODER_UNAVAILABLE: "kindDecoder",
  CRASHED: "kindCrashed",
  INTERNAL: "kindDefect",
};

/** Failures of requests and jobs since the server was started, by their codes, most frequent first. */
export function failuresOf(metrics: Metrics): [string, number][] {
  const counts = new Map<string, number>();
  for (const [code, count] of [
    ...metrics.by("agora_requests_total", "outcome").filter(([outcome]) => !NONE.includes(outcome)),
    ...metrics.by("agora_job_failures_total", "code"),
  ])
    counts.set(code, (counts.get(code) ?? 0) + count);
  return [...counts].sort(([, a], [, b]) => b - a);
}

/** How many. */
export function failed(metrics: Metrics): number {
  return failuresOf(metrics).reduce((sum, [, count]) => sum + count, 0);
}

/** What a failure is; undefined: its code says all that there is. */
export function kindOf(code: string): Sentence | undefined {
  return Object.hasOwn(KINDS, code) ? KINDS[code] : undefined;
}
