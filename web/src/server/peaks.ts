import { request } from "./request.js";

/** Least and greatest sample of each stretch in turn, −127 to 127, by channel. */
export interface Peaks {
  per_second: number;
  duration: number;
  channels: number[][];
}

export async function peaksOf(recording: string, signal: AbortSignal): Promise<Peaks> {
  return (await request(`/api/recordings/${recording}/peaks`, { signal })).json() as Promise<Peaks>;
}
