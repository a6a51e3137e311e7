import { request } from "./request.js";

/** Of a transcript, in seconds on the recording's clock. */
export interface Word {
  start: number;
  end: number;
  text: string;
  confidence: number;
  speaker?: string | null;
}

export interface Segment {
  id: number;
  start: number;
  end: number;
  text: string;
  confidence: number;
  channel?: number;
  speaker?: string | null;
  words?: Word[];
}

export interface Speaker {
  id: string;
  name?: string;
  role: "seller" | "client" | "unknown" | null;
}

export interface Transcript {
  segments: Segment[];
  language: string;
  duration: number;
  speakers?: Speaker[];
  warnings: string[];
}

export async function transcriptOf(job: string, signal: AbortSignal): Promise<Transcript> {
  return (await request(`/v1/jobs/${job}/result?format=full_json`, { signal })).json() as Promise<Transcript>;
}
