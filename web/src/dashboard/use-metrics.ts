import { useEffect, useState } from "preact/hooks";
import { type Metrics, readMetrics } from "../server/metrics.js";

/** Milliseconds between two looks, and how far back they are kept. */
const EVERY = 2000;
export const KEPT = 5 * 60_000;

/** What was seen of it, oldest first: also while another tab of the page was looked at. */
let seen: readonly Metrics[] = [];

/** What the server's metrics are and were of late, looked up again and again. */
export function useMetrics(): readonly Metrics[] {
  const [history, setHistory] = useState(seen);
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      const metrics = await readMetrics(stop.signal).catch(() => undefined);
      if (stop.signal.aborted) return;
      if (metrics) {
        seen = [...seen.filter(({ at }) => metrics.at - at < KEPT), metrics];
        setHistory(seen);
      }
      timer = setTimeout(look, EVERY);
    };
    void look();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, []);
  return history;
}
