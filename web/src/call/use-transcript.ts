import { useEffect, useState } from "preact/hooks";
import type { TranscriptionResult } from "../../../src/types/result.js";
import { events } from "../server/events.js";
import type { Job } from "../server/jobs.js";
import { Refused } from "../server/request.js";
import { resultOf, type Segment, type Transcript, type Word } from "../server/result.js";

/** Milliseconds until a lost stream of events is taken up again. */
const AGAIN = 2000;
/** Milliseconds for which segments are gathered before they are shown: a fast model finds hundreds a second. */
const GATHERED = 100;

/** The text of a job. */
export interface Heard {
  /** Of one that is under way. */
  soFar: Transcript | undefined;
  /** Once it is done: all of it. */
  whole: TranscriptionResult | undefined;
}

/** What has been heard of a job so far, and all of it once it is done. */
export function useTranscript({ id, status }: Job): Heard {
  const [soFar, setSoFar] = useState<Transcript>();
  const [whole, setWhole] = useState<TranscriptionResult>();
  const isDone = status === "succeeded";
  useEffect(() => {
    const stop = new AbortController();
    if (isDone) void fetchWhole(id, setWhole, stop.signal);
    else void follow(id, setSoFar, stop.signal);
    return () => stop.abort();
  }, [id, isDone]);
  return { soFar, whole };
}

/** Shows all of it, when the server can be reached. */
async function fetchWhole(
  id: string,
  show: (result: TranscriptionResult) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      return show(await resultOf(id, signal));
    } catch (error) {
      if (error instanceof Refused && error.status < 500) return;
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
  }
}

/** Shows what has been heard of a job, until it has ended. What was told once is not asked for again. */
async function follow(
  id: string,
  show: (transcript: Transcript) => void,
  signal: AbortSignal,
): Promise<void> {
  let segments: Segment[] = [];
  let last = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  const showSoon = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      // Channels are heard one window after the other.
      const inOrder = segments.toSorted((a, b) => a.start - b.start);
      const duration = Math.max(0, ...segments.map(({ end }) => end));
      show({ segments: inOrder, language: "", duration, warnings: [] });
    }, GATHERED);
  };
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  for (;;) {
    try {
      for await (const event of events(`/v1/jobs/${id}/events`, last, signal)) {
        const { segment, type } = event.data as { type: string; segment?: EventSegment };
        if (event.id !== "") last = event.id;
        // Those of attempts before count no more.
        if (type === "job.running") segments = [];
        if (segment) {
          segments.push(segmentOf(segment));
          showSoon();
        }
        if (ENDS.has(type)) return;
      }
    } catch (error) {
      if (error instanceof Refused && error.status < 500) return;
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
    if (signal.aborted) return;
  }
}

const ENDS: ReadonlySet<string> = new Set(["job.succeeded", "job.failed", "job.cancelled"]);

/** A segment as events have it. */
type EventSegment = Omit<Segment, "words"> & { words?: (Omit<Word, "text"> & { word: string })[] };

function segmentOf({ words, ...segment }: EventSegment): Segment {
  return { ...segment, ...(words && { words: words.map(({ word, ...rest }) => ({ ...rest, text: word })) }) };
}
