import { Refused, request } from "./request.js";

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

export async function listJobs(signal: AbortSignal): Promise<Job[]> {
  const response = await request("/v1/jobs?limit=100", { signal });
  return ((await response.json()) as { data: Job[] }).data;
}

export async function cancelJob(id: string): Promise<void> {
  await request(`/v1/jobs/${id}`, { method: "DELETE" });
}

/** Keeps the recording at the server, where it keeps any, and has it transcribed. */
export async function submit(
  file: File,
  choices: Choices,
  onUploaded: (fraction: number) => void,
  signal: AbortSignal,
): Promise<Job> {
  const server = (await (await request("/api/page", { signal })).json()) as ServerFacts;
  const recording = server.recordings ? await keep(file, onUploaded, signal) : undefined;
  const form = new FormData();
  if (choices.language !== "") form.append("language", choices.language);
  if (choices.speakers === "channels") form.append("channels", "each");
  if (choices.speakers === "voices") form.append("diarize", "true");
  if (server.times_words) form.append("word_timestamps", "true");
  if (recording !== undefined) form.append("recording_id", recording);
  else form.append("file", file, file.name);
  return (await upload("/v1/jobs", form, recording === undefined ? onUploaded : () => {}, signal)) as Job;
}

interface ServerFacts {
  /** Whether it keeps recordings. */
  recordings: boolean;
  /** Whether its model tells the times of words. */
  times_words: boolean;
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
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", path);
    sending.upload.onprogress = ({ loaded, total }) => onUploaded(total > 0 ? loaded / total : 0);
    sending.onload = () => {
      const answer = JSON.parse(sending.responseText || "{}");
      if (sending.status < 300) return resolve(answer);
      const reason = typeof answer.error === "string" ? answer.error : answer.error?.message;
      reject(new Refused(sending.status, reason ?? `${sending.status}`));
    };
    sending.onerror = () => reject(new Refused(0, "connection lost"));
    sending.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => sending.abort(), { once: true });
    sending.send(body);
  });
}
