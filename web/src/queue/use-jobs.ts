import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type Choices, cancelJob, type Job, jobOf, listJobs, type Source, submit } from "../server/jobs.js";
import { Refused, Unreachable } from "../server/request.js";

/** A recording on its way to the server. */
export interface Upload {
  key: string;
  source: Source;
  choices: Choices;
  /** 0 to 1. */
  fraction: number;
  /** Why the server did not take it. */
  refusal: Refused | Unreachable | undefined;
  stop: AbortController;
}

export interface Jobs {
  all: readonly Job[];
  uploads: readonly Upload[];
  /** Recordings that this page has sent, by job. */
  files: ReadonlyMap<string, File>;
  state: "loading" | "ready" | "gone" | "locked";
  /** Whether the server has older ones. */
  hasOlder: boolean;
  showOlder(): void;
  add(sources: Iterable<Source>, choices: Choices): void;
  retry(upload: Upload): void;
  dismiss(upload: Upload): void;
  cancel(job: Job): Promise<void>;
  refresh(): void;
}

/** Milliseconds from one look at the server's jobs to the next: while something runs, and while nothing does. */
const BUSY = 1000;
const IDLE = 5000;
/** Uploads at once: browsers have six connections to a host. */
const AT_ONCE = 2;

/**
 * The jobs as the server has them, so that every page shows the same, and what this page is sending.
 * @param opened id of the one that is open, which need not be among the newest
 */
export function useJobs(opened: string | undefined): Jobs {
  const [all, setAll] = useState<readonly Job[]>([]);
  const [state, setState] = useState<Jobs["state"]>("loading");
  const [uploads, setUploads] = useState<readonly Upload[]>([]);
  const files = useRef(new Map<string, File>());
  const [looks, setLooks] = useState(0);
  const [pages, setPages] = useState(1);
  const [hasOlder, setHasOlder] = useState(false);
  const refresh = useCallback(() => setLooks((count) => count + 1), []);

  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      let wait = IDLE;
      try {
        const { hasMore, jobs: newest } = await listJobs(pages, stop.signal);
        const isOlder = opened !== undefined && !newest.some(({ id }) => id === opened);
        const older = isOlder ? await jobOf(opened, stop.signal).catch(ignoreMissing) : undefined;
        const jobs = older ? [...newest, older] : newest;
        setAll(jobs);
        setHasOlder(hasMore);
        setState("ready");
        if (jobs.some(({ status }) => status === "queued" || status === "running")) wait = BUSY;
      } catch (error) {
        if (stop.signal.aborted) return;
        if (error instanceof Refused && error.status === 401) return setState("locked");
        if (error instanceof Unreachable || (error as Refused).status >= 500) setState("gone");
      }
      timer = setTimeout(look, wait);
    };
    void look();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [looks, opened, pages]);

  const change = (key: string, part: Partial<Upload>) =>
    setUploads((now) => now.map((each) => (each.key === key ? { ...each, ...part } : each)));

  const sending = useRef(new Set<string>());
  useEffect(() => {
    for (const upload of uploads) {
      if (sending.current.size >= AT_ONCE) break;
      if (upload.refusal !== undefined || sending.current.has(upload.key)) continue;
      sending.current.add(upload.key);
      submit(
        upload.source,
        upload.choices,
        upload.key,
        (fraction) => change(upload.key, { fraction }),
        upload.stop.signal,
      )
        .then(
          (job) => {
            if (upload.source instanceof File) files.current.set(job.id, upload.source);
            setUploads((now) => now.filter(({ key }) => key !== upload.key));
            refresh();
          },
          (error: unknown) =>
            change(upload.key, { refusal: error instanceof Refused ? error : new Unreachable() }),
        )
        .finally(() => {
          sending.current.delete(upload.key);
          setUploads((now) => [...now]);
        });
    }
  }, [uploads]);

  return {
    all,
    uploads,
    files: files.current,
    state,
    hasOlder,
    showOlder: () => setPages((count) => count + 1),
    refresh,
    add: (added, choices) =>
      setUploads((now) => [
        ...now,
        ...[...added].map((source) => ({
          ...newUpload(),
          source,
          choices,
          fraction: 0,
          refusal: undefined,
        })),
      ]),
    retry: (upload) => change(upload.key, { refusal: undefined, fraction: 0, stop: new AbortController() }),
    dismiss: (upload) => {
      upload.stop.abort(new Error("dismissed"));
      setUploads((now) => now.filter(({ key }) => key !== upload.key));
    },
    cancel: async ({ id }) => {
      await cancelJob(id).catch(() => {});
      refresh();
    },
  };
}

function newUpload(): { key: string; stop: AbortController } {
  return {
    key: Array.from(crypto.getRandomValues(new Uint32Array(4)), String).join("-"),
    stop: new AbortController(),
  };
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof Refused && error.status === 404) return undefined;
  throw error;
}
