import { request } from "./request.js";

/** A recording that the server keeps. */
export interface KeptRecording {
  id: string;
  filename: string;
  bytes: number | null;
  created_at: string | null;
}

/** Newest first. @param after the last one that is known @throws Refused where the server keeps none, or cannot list them */
export async function listRecordings(
  after: string | undefined,
  signal: AbortSignal,
): Promise<{ recordings: KeptRecording[]; hasMore: boolean }> {
  const response = await request(`/api/recordings?limit=50${after ? `&after=${after}` : ""}`, { signal });
  const page = (await response.json()) as { recordings: KeptRecording[]; has_more: boolean };
  return { recordings: page.recordings, hasMore: page.has_more };
}
