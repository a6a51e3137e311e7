import type { Correction } from "../../../src/types/corrections.js";
import { request } from "./request.js";

/** What was put right about a job's result, as the server has it. */
export interface Kept {
  corrections: readonly Correction[];
  /** By which the server knows what it is asked to replace. */
  etag: string;
}

export async function correctionsOf(job: string, signal?: AbortSignal): Promise<Kept> {
  return kept(await request(`/v1/jobs/${job}/corrections`, signal ? { signal } : {}));
}

/** @throws Refused 412 where somebody else has replaced them meanwhile */
export async function keepCorrections(job: string, { corrections, etag }: Kept): Promise<Kept> {
  return kept(
    await request(`/v1/jobs/${job}/corrections`, {
      method: "PUT",
      headers: { "content-type": "application/json", "if-match": etag },
      body: JSON.stringify({ corrections }),
    }),
  );
}

async function kept(response: Response): Promise<Kept> {
  const { corrections } = (await response.json()) as { corrections: Correction[] };
  return { corrections, etag: response.headers.get("etag") ?? "*" };
}
