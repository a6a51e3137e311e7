import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { applyCorrections } from "../../../src/corrections/apply.js";
import type { Correction } from "../../../src/types/corrections.js";
import type { TranscriptionResult } from "../../../src/types/result.js";
import { correctionsOf, type Kept, keepCorrections } from "../server/corrections.js";
import { Refused } from "../server/request.js";
import { changedBy, endsWith, withAdded } from "./correction-list.js";

/** What is put right about a result here, and was elsewhere. */
export interface Corrections {
  /** With those that are on their way to the server; undefined: not known yet. */
  list: readonly Correction[] | undefined;
  /** Why the last one was not kept. */
  trouble: Error | undefined;
  add(...added: Correction[]): void;
  /** Takes back what was added last, all that was added at once. */
  undo(): void;
}

/** What becomes of the corrections that the server has. @throws WrittenOtherwise */
type Change = (now: readonly Correction[]) => readonly Correction[];

/** Times that corrections are put upon those of somebody else. */
const TRIES = 5;
const CHANGED = 412;

/** The corrections of a job's result, kept at the server as they are made. @param whole the result; undefined: not there yet */
export function useCorrections(job: string, whole: TranscriptionResult | undefined): Corrections {
  const [list, setList] = useState<readonly Correction[]>();
  const [trouble, setTrouble] = useState<Error>();
  const kept = useRef<Kept | undefined>(undefined);
  /** Those that are on their way: what is written next is written into what they make of the text. */
  const changes = useRef<Change[]>([]);
  /** What was added at once, of all that was added here. */
  const groups = useRef<(readonly Correction[])[]>([]);
  const saving = useRef(Promise.resolve());
  const isThere = whole !== undefined;

  const shown = () => changedBy(kept.current?.corrections ?? [], changes.current);
  const show = () => setList(shown());
  const load = useCallback(
    async (signal?: AbortSignal) => {
      const before = kept.current?.etag;
      kept.current = await correctionsOf(job, signal);
      if (kept.current.etag !== before) show();
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
    saving.current = saving.current.then(() => load(stop.signal)).catch(() => setList((now) => now ?? []));
    // Somebody may have corrected it in another tab.
    document.addEventListener("visibilitychange", look);
    addEventListener("focus", look);
    return () => {
      stop.abort();
      document.removeEventListener("visibilitychange", look);
      removeEventListener("focus", look);
    };
  }, [job, isThere]);

  const keep = async (change: Change) => {
    for (let tries = 1; ; tries++) {
      if (!kept.current) await load();
      const { corrections, etag } = kept.current!;
      const changed = change(corrections);
      applyCorrections(whole!, changed);
      try {
        return await keepCorrections(job, { corrections: changed, etag });
      } catch (error) {
        if (!(error instanceof Refused) || error.status !== CHANGED || tries === TRIES) throw error;
        await load();
      }
    }
  };
  const save = (change: Change) => {
    setTrouble(undefined);
    changes.current.push(change);
    show();
    saving.current = saving.current.then(async () => {
      try {
        kept.current = await keep(change);
        changes.current.shift();
      } catch (error) {
        setTrouble(error as Error);
        changes.current.shift();
        show();
      }
    });
  };
  return {
    list,
    trouble,
    add: (...added) => {
      groups.current.push(added);
      const seen = kept.current?.corrections ?? [];
      save((now) => withAdded(now, added, [...seen, ...groups.current.flat()]));
    },
    undo: () => {
      const now = shown();
      const last = groups.current.findLast((group) => endsWith(now, group)) ?? now.slice(-1);
      // What somebody else has done since is not this one's to take back.
      save((now) => (endsWith(now, last) ? now.slice(0, now.length - last.length) : now));
    },
  };
}
