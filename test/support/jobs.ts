import { join } from "node:path";
import { expect } from "vitest";
import type { ServerSettings } from "../../src/service/settings.js";
import { type JobStoreKind, SQLITE } from "./brokers.js";
import { type Answered, answered, formOf, type HttpServer, post, startHttp } from "./http-server.js";
import { type FakeServer, type FakeServerOptions, RECORDING, startFakeServer } from "./server.js";
import { temporaryFolder } from "./temporary-folder.js";

export interface JobServer extends HttpServer {
  /** Of its jobs, or of what of them is in no queue. */
  folder: string;
  /** Where its jobs are: another server with these settings has them, too. */
  place: Partial<ServerSettings>;
  /** Ends it, with its worker. */
  stop(): Promise<void>;
}

export interface JobServerOptions extends FakeServerOptions {
  /** Where jobs are kept. */
  store?: JobStoreKind;
}

/** A server whose jobs are its own; where they are in a queue, with a worker beside it, whose engine works then. */
export async function startJobs({ store = SQLITE, ...options }: JobServerOptions = {}): Promise<JobServer> {
  const place = await placeOf(store, options.settings);
  const settings = { ...options.settings, ...place };
  if (store === SQLITE) {
    const server = await startHttp({ ...options, settings });
    return { ...server, folder: place.jobsFolder!, place, stop: () => server.server.stop() };
  }
  const server = await startHttp({ settings });
  // What either of them has said.
  const { lines } = server;
  const { engine, server: worker } = await startWorker({ ...options, settings, lines });
  const stop = async () => {
    await Promise.all([worker.stop(), server.server.stop()]);
  };
  return {
    ...server,
    engine,
    folder: place.queueStore!,
    place,
    stop,
  };
}

/** A worker of a queue, in this process. */
export function startWorker(options: FakeServerOptions): Promise<FakeServer> {
  return startFakeServer({ ...options, isWorker: true });
}

/** Settings that say where jobs are: those that are given, or of a place that nobody has used. */
export async function placeOf(
  store: JobStoreKind,
  { jobsFolder, queueLock = 5, queueStore, queueUrl }: Partial<ServerSettings> = {},
): Promise<Partial<ServerSettings>> {
  if (store.broker === undefined) return { jobsFolder: jobsFolder ?? join(await temporaryFolder(), "jobs") };
  return {
    queueLock,
    queueUrl: queueUrl ?? (await (await store.broker()).freshUrl()),
    queueStore: queueStore ?? join(await temporaryFolder(), "jobs"),
  };
}

type Fields = Parameters<typeof formOf>[1];

/** Has a recording transcribed as a job. */
export function postJob(
  url: string,
  fields: Fields = {},
  { recording = RECORDING, ...init }: RequestInit & { recording?: Uint8Array | undefined } = {},
): Promise<Answered> {
  return post(url, formOf(recording, fields), { path: "/v1/jobs", ...init });
}

/** The same, accepted. @returns its id */
export async function acceptedJob(url: string, fields: Fields = {}, init: RequestInit = {}): Promise<string> {
  const { json, status } = await postJob(url, fields, init);
  expect({ status, json }).toMatchObject({ status: 202 });
  return json.id;
}

export async function get(url: string, path: string, init: RequestInit = {}): Promise<Answered> {
  return answered(await fetch(`${url}${path}`, init));
}

// biome-ignore lint/suspicious/noExplicitAny: a document
export async function jobOf(url: string, id: string): Promise<any> {
  return (await get(url, `/v1/jobs/${id}`)).json;
}

/** The job once it has one of these states. @throws Error where it ends in another, or is not there */
export async function jobWhen(url: string, id: string, ...statuses: string[]) {
  for (;;) {
    const job = await jobOf(url, id);
    if (statuses.includes(job.status)) return job;
    if (job.error?.code === "NOT_FOUND" || ["succeeded", "failed", "cancelled"].includes(job.status))
      throw new Error(`The job has ended otherwise: ${JSON.stringify(job)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
