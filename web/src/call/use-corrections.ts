import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { applyCorrections } from "../../../src/corrections/apply.js";
import type { Correction } from "../../../src/types/corrections.js";
import type { TranscriptionResult } from "../../../src/types/result.js";
import { correctionsOf, type Kept, keepCorrections } from "../server/corrections.js";
import { Refused } from "../server/request.js";

/** What is put right about a result here, and was elsewhere. */
export interface Corrections {
  /** undefined: not known yet. */
  list: readonly Correction[] | undefined;
  /** Why the last one was not kept. */
  trouble: Error | undefined;
  add(...added: Correction[]): void;
  /** Takes the last one back. */
  undo(): void;
}

/** Times that corrections are put upon those of somebody else. */
const TRIES = 5;
const CHANGED = 412;

/** The corrections of a job's result, kept at the server as they are made. @param whole the result; undefined: not there yet */
export function useCorrections(job: string, whole: TranscriptionResult | undefined): Corrections {
  const [list, setList] = useState<readonly Correction[]>();
  const [trouble, setTrouble] = useState<Error>();
  const kept = useRef<Kept | undefined>(undefined);
  const saving = useRef(Promise.resolve());
  const isThere = whole !== undefined;

  const load = useCallback(
    async (signal?: AbortSignal) => {
      kept.current = await correctionsOf(job, signal);
      setList(kept.current.corrections);
    },
    [job],
  );

  useEffect(() => {
    if (!isThere) return;
    const stop = new AbortController();
    const look = () => {
      if (document.visibilityState === "visible")
        saving.current = saving.current.then(() => load(stop.signal)).catch(() => {});
    };
    load(stop.signal).catch(() => setList((now) => now ?? []));
    // Somebody may have corrected it in another tab.
    document.addEventListener("visibilitychange", look);
    addEventListener("focus", look);
    return () => {
      stop.abort();
      document.removeEventListener("visibilitychange", look);
      removeEventListener("focus", look);
    };
  }, [job, isThere]);

  /** @param change what becomes of those that the server has */
  const save = (change: (now: readonly Correction[]) => readonly Correction[]) => {
    setTrouble(undefined);
    saving.current = saving.current.then(async () => {
      try {
        for (let tries = 1; ; tries++) {
          if (!kept.current) await load();
          const { corrections, etag } = kept.current!;
          const changed = change(corrections);
          applyCorrections(whole!, changed);
          setList(changed);
          try {
            kept.current = await keepCorrections(job, { corrections: changed, etag });
            return;
          } catch (error) {
            if (!(error instanceof Refused) || error.status !== CHANGED || tries === TRIES) throw error;
            await load();
          }
        }
      } catch (error) {
        setTrouble(error as Error);
        setList(kept.current?.corrections ?? []);
      }
    });
  };
  return {
    list,
    trouble,
    add: (...added) => save((now) => [...now, ...added]),
    undo: () => {
      const last = list?.at(-1);
      // What somebody else has done since is not this one's to take back.
      save((now) => (JSON.stringify(now.at(-1)) === JSON.stringify(last) ? now.slice(0, -1) : now));
    },
  };
}
