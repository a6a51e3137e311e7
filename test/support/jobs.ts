import { join } from "node:path";
import { expect } from "vitest";
import { type Answered, answered, formOf, type HttpServer, post, startHttp } from "./http-server.js";
import { type FakeServerOptions, RECORDING } from "./server.js";
import { temporaryFolder } from "./temporary-folder.js";

export interface JobServer extends HttpServer {
  /** Of its jobs. */
  folder: string;
}

/** A server whose jobs are in a folder of its own. */
export async function startJobs({ settings, ...options }: FakeServerOptions = {}): Promise<JobServer> {
  const jobsFolder = settings?.jobsFolder ?? join(await temporaryFolder(), "jobs");
  const server = await startHttp({ ...options, settings: { ...settings, jobsFolder } });
  return { ...server, folder: jobsFolder };
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

/** The job once it has one of these states. */
export async function jobWhen(url: string, id: string, ...statuses: string[]) {
  for (;;) {
    const job = await jobOf(url, id);
    if (statuses.includes(job.status)) return job;
    if (["succeeded", "failed", "cancelled"].includes(job.status))
      throw new Error(`The job has ended otherwise: ${JSON.stringify(job)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
