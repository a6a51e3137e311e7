import type { TranscriptionResult } from "../../../src/types/result.js";
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
  role: "seller" | "client" | null;
}

/** What has been heard of a recording; a whole result is one, too. */
export interface Transcript {
  segments: Segment[];
  language: string;
  duration: number;
  speakers?: Speaker[];
  warnings: string[];
}

/** The result of a job, as it was heard. */
export async function resultOf(job: string, signal: AbortSignal): Promise<TranscriptionResult> {
  const response = await request(`/v1/jobs/${job}/result?format=full_json`, { signal });
  return response.json() as Promise<TranscriptionResult>;
}
