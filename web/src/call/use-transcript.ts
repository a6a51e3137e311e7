import { useEffect, useState } from "preact/hooks";
import { events } from "../server/events.js";
import type { Job } from "../server/jobs.js";
import { type Segment, type Transcript, transcriptOf } from "../server/result.js";

/** Milliseconds until a lost stream of events is taken up again. */
const AGAIN = 2000;
/** Milliseconds for which segments are gathered before they are shown: a fast model finds hundreds a second. */
const GATHERED = 100;

/** The text of a job: what has been heard of it so far, and all of it once it is done. */
export function useTranscript({ id, status }: Job): Transcript | undefined {
  const [transcript, setTranscript] = useState<Transcript>();
  const isDone = status === "succeeded";
  useEffect(() => {
    const stop = new AbortController();
    if (isDone) transcriptOf(id, stop.signal).then(setTranscript, () => {});
    else void follow(id, setTranscript, stop.signal);
    return () => stop.abort();
  }, [id, isDone]);
  return transcript;
}

async function follow(
  id: string,
  show: (transcript: Transcript) => void,
  signal: AbortSignal,
): Promise<void> {
  let segments: Segment[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const showSoon = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      show({ segments: [...segments], language: "", duration: segments.at(-1)?.end ?? 0, warnings: [] });
    }, GATHERED);
  };
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  while (!signal.aborted) {
    try {
      for await (const { event, data } of events(`/v1/jobs/${id}/events`, signal)) {
        if (event === "running") segments = [];
        if (event !== "segment") continue;
        segments.push((data.segment ?? data) as Segment);
        showSoon();
      }
      return;
    } catch {
      if (signal.aborted) return;
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
      segments = [];
    }
  }
}
