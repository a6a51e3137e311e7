import { Worker } from "node:worker_threads";
import { cancelled, TranscriptionError, throwIfAborted } from "../../errors.js";
import { moduleUrl } from "../../package-files.js";
import type { Conversion, ConversionRequest } from "./conversion.js";
import type { Failure, Job, Report } from "./worker.js";

/** As source, not as a file: a thread inherits `--input-type` from `node -e`, with which it would run no file. */
function program(): URL {
  const module = moduleUrl("models/convert/worker.js");
  return new URL(`data:text/javascript,${encodeURIComponent(`import ${JSON.stringify(module)}`)}`);
}

/** `convertCheckpoint` on a thread of its own, so that this one is free for whom else it serves. */
export async function convertInWorker(
  source: string,
  { signal, onProgress, ...request }: ConversionRequest,
): Promise<Conversion> {
  throwIfAborted(signal);
  const job: Job = { source, ...request };
  const worker = new Worker(program(), { workerData: job });
  const stop = () => worker.postMessage("stop");
  signal?.addEventListener("abort", stop, { once: true });
  let thrown: { error: unknown } | undefined;
  try {
    return await new Promise<Conversion>((resolve, reject) => {
      worker.on("message", (report: Report) => {
        if ("conversion" in report) {
          resolve(report.conversion);
        } else if ("failure" in report) {
          reject(toError(report.failure));
        } else if (!thrown) {
          try {
            onProgress(report.fraction);
          } catch (error) {
            thrown = { error };
            stop();
          }
        }
      });
      worker.on("error", (cause) => reject(brokenThread(cause)));
      worker.on("exit", () => reject(brokenThread()));
    });
  } catch (error) {
    if (thrown) throw thrown.error;
    throw signal?.aborted ? cancelled(signal) : error;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

function toError({ code, message, option, stack }: Failure): TranscriptionError {
  const error = new TranscriptionError(code, message, option === undefined ? {} : { option });
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** The thread ended without an answer. */
function brokenThread(cause?: Error & { code?: string }): TranscriptionError {
  const code = cause?.code === "ERR_WORKER_OUT_OF_MEMORY" ? "OUT_OF_MEMORY" : "INTERNAL";
  const problem = cause ? cause.message : "it was ended";
  return new TranscriptionError(code, `The thread of the conversion broke off: ${problem}`, { cause });
}
