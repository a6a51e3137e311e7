import { parentPort, workerData } from "node:worker_threads";
import type { ErrorCode } from "../../../errors.js";
import { storeFailure } from "./failures.js";
import { SqliteJobs, type SqliteOptions } from "./sqlite-jobs.js";

/** What can be called: the names and parameters of {@link SqliteJobs}, and `open`, which makes it. */
export interface Asked {
  call: number;
  method: string;
  args: unknown[];
}

export type Answered = { call: number; result: unknown } | { call: number; failure: Failure };

export interface Failure {
  code: ErrorCode;
  message: string;
  stack: string | undefined;
  option: string | undefined;
}

/** The program of a store's thread: does one after the other what it is asked. */
const options = workerData as SqliteOptions;
const port = parentPort!;
let jobs: SqliteJobs | undefined;

port.on("message", ({ args, call, method }: Asked) => {
  try {
    const result = perform(method, args);
    port.postMessage({ call, result } satisfies Answered);
  } catch (error) {
    const { code, message, option, stack } = storeFailure(error, options.path);
    port.postMessage({ call, failure: { code, message, option, stack } } satisfies Answered);
  }
  if (method === "close") port.close();
});

function perform(method: string, args: unknown[]): unknown {
  if (method === "open") {
    jobs = new SqliteJobs(options);
    return undefined;
  }
  const perform = jobs?.[method as keyof SqliteJobs] as ((...args: unknown[]) => unknown) | undefined;
  return perform?.apply(jobs, args);
}
