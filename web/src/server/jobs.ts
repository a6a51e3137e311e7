import { Refused, refusalIn, request, Unreachable } from "./request.js";

export type JobStatus = "queued" | "running" | "succeeded" | "failed" | "cancelled";

/** A job as the server tells of it. */
export interface Job {
  id: string;
  status: JobStatus;
  created_at: string;
  filename: string;
  bytes: number;
  recording_id: string | null;
  progress: {
    processed: number;
    total: number | null;
    fraction: number | null;
    speed_factor: number;
    eta: number | null;
  } | null;
  error: { code: string; message: string } | null;
  duration: number | null;
  language: string | null;
}

/** How a recording is to be transcribed. */
export interface Choices {
  /** Code, or empty: detected. */
  language: string;
  speakers: "channels" | "voices" | "none";
}

/** The newest jobs. @param pages how many hundreds of them */
export async function listJobs(
  pages: number,
  signal: AbortSignal,
): Promise<{ jobs: Job[]; hasMore: boolean }> {
  const jobs: Job[] = [];
  for (let page = 1; ; page++) {
    const last = jobs.at(-1);
    const response = await request(`/v1/jobs?limit=100${last ? `&after=${last.id}` : ""}`, { signal });
    const { data, has_more: hasMore } = (await response.json()) as { data: Job[]; has_more: boolean };
    jobs.push(...data);
    if (!hasMore || page === pages) return { jobs, hasMore };
  }
}

export async function cancelJob(id: string): Promise<void> {
  await request(`/v1/jobs/${id}`, { method: "DELETE" });
}

/** One job, whether or not it is among the newest. */
export async function jobOf(id: string, signal: AbortSignal): Promise<Job> {
  return (await request(`/v1/jobs/${id}`, { signal })).json() as Promise<Job>;
}

/** What is to be transcribed: a file of this machine, or the id of a recording that the server has. */
export type Source = File | string;

/**
 * Has a recording transcribed, and a file kept at the server before, where it keeps any.
 * @param key by which the server knows the same request when it comes again
 */
export async function submit(
  source: Source,
  choices: Choices,
  key: string,
  onUploaded: (fraction: number) => void,
  signal: AbortSignal,
): Promise<Job> {
  const server = await serverFacts(signal);
  const form = new FormData();
  if (choices.language !== "") form.append("language", choices.language);
  if (choices.speakers === "channels") form.append("channels", "each");
  if (choices.speakers === "voices") form.append("diarize", "true");
  if (server.times_words) form.append("word_timestamps", "true");
  if (typeof source === "string") {
    form.append("recording_id", source);
    return (await upload("/v1/jobs", form, () => {}, signal, key)) as Job;
  }
  const recording = server.recordings ? await keep(source, onUploaded, signal) : undefined;
  if (recording === undefined) {
    form.append("file", source, source.name);
    return (await upload("/v1/jobs", form, onUploaded, signal, key)) as Job;
  }
  form.append("recording_id", recording);
  try {
    return (await upload("/v1/jobs", form, () => {}, signal)) as Job;
  } catch (error) {
    // Nobody would ever ask for it. Where it is not known whether the server has taken the job, it stays.
    if (error instanceof Refused)
      await request(`/api/recordings/${recording}`, { method: "DELETE" }).catch(() => {});
    throw error;
  }
}

interface ServerFacts {
  /** Whether it keeps recordings. */
  recordings: boolean;
  /** Whether it has recordings that can be asked for by their ids. */
  finds_recordings: boolean;
  /** Whether its model tells the times of words. */
  times_words: boolean;
}

export async function serverFacts(signal: AbortSignal): Promise<ServerFacts> {
  return (await request("/api/page", { signal })).json() as Promise<ServerFacts>;
}

/** @returns its id */
async function keep(
  file: File,
  onUploaded: (fraction: number) => void,
  signal: AbortSignal,
): Promise<string> {
  const form = new FormData();
  form.append("file", file, file.name);
  return ((await upload("/api/recordings", form, onUploaded, signal)) as { id: string }).id;
}

/** As `fetch`, which does not tell how much has been sent. */
function upload(
  path: string,
  body: FormData,
  onUploaded: (fraction: number) => void,
  signal: AbortSignal,
  key?: string,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", path);
    if (key !== undefined) sending.setRequestHeader("idempotency-key", key);
    sending.upload.onprogress = ({ loaded, total }) => onUploaded(total > 0 ? loaded / total : 0);
    sending.onload = () => {
      const { responseText, status } = sending;
      if (status < 300) resolve(JSON.parse(responseText));
      else reject(refusalIn(responseText, status));
    };
    sending.onerror = () => reject(new Unreachable());
    sending.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => sending.abort(), { once: true });
    sending.send(body);
  });
}
