/** The program of the thread that a conversion runs on; `in-worker.ts` starts it. */
import { parentPort, workerData } from "node:worker_threads";
import { type ErrorCode, TranscriptionError } from "../../errors.js";
import type { Conversion, ConversionRequest } from "./conversion.js";
import { convertCheckpoint } from "./convert-checkpoint.js";

/** What the thread is started with. */
export type Job = { source: string } & Omit<ConversionRequest, "signal" | "onProgress">;

/** What the thread says; it hears one thing only, that it shall stop. */
export type Report = { fraction: number } | { conversion: Conversion } | { failure: Failure };

/** A {@link TranscriptionError}, which threads cannot pass on as it is. */
export interface Failure {
  code: ErrorCode;
  message: string;
  option: string | undefined;
  stack: string | undefined;
}

const port = parentPort!;
const report = (message: Report): void => port.postMessage(message);
const stop = new AbortController();
port.once("message", () => stop.abort());
try {
  const { source, ...request } = workerData as Job;
  const conversion = await convertCheckpoint(source, {
    ...request,
    signal: stop.signal,
    onProgress: (fraction) => report({ fraction }),
  });
  report({ conversion });
} catch (error) {
  const { code, message, option } = TranscriptionError.from(error);
  const stack = error instanceof Error ? error.stack : undefined;
  report({ failure: { code, message, option, stack } });
} finally {
  port.close();
}
