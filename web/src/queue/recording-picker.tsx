import { useEffect, useRef, useState } from "preact/hooks";
import { type KeptRecording, listRecordings } from "../server/recordings.js";
import { useText } from "../text/text.js";

const MIB = 1024 ** 2;

interface RecordingPickerProps {
  /** @param ids of those that were chosen */
  onPick(ids: readonly string[]): void;
  onClose(): void;
}

/** Recordings that the server has, to be transcribed: those that it keeps are listed, any can be told by its id. */
export function RecordingPicker({ onClose, onPick }: RecordingPickerProps) {
  const text = useText();
  const dialog = useRef<HTMLDialogElement>(null);
  const [found, setFound] = useState<readonly KeptRecording[]>([]);
  const [hasMore, setHasMore] = useState(false);
  const [last, setLast] = useState<string>();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [named, setNamed] = useState("");
  useEffect(() => dialog.current?.showModal(), []);
  useEffect(() => {
    const stop = new AbortController();
    listRecordings(last, stop.signal).then(
      (page) => {
        setFound((now) => [...now, ...page.recordings]);
        setHasMore(page.hasMore);
      },
      // Another system may have them, which tells of none.
      () => setHasMore(false),
    );
    return () => stop.abort();
  }, [last]);
  const toggle = (id: string) =>
    setChosen((now) => new Set(now.has(id) ? [...now].filter((each) => each !== id) : [...now, id]));
  const ids = [...chosen, ...(named.trim() === "" ? [] : [named.trim()])];
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="picker-title">
      <form method="dialog" class="picker" onSubmit={() => onPick(ids)}>
        <h2 id="picker-title">{text.say("kept")}</h2>
        {found.length > 0 && (
          <ul>
            {found.map((recording) => (
              <li key={recording.id}>
                <label>
                  <input
                    type="checkbox"
                    checked={chosen.has(recording.id)}
                    onChange={() => toggle(recording.id)}
                  />
                  <span class="name" title={recording.id}>
                    {recording.filename || recording.id}
                  </span>
                  <span class="quiet">{factsOf(recording, text)}</span>
                </label>
              </li>
            ))}
          </ul>
        )}
        {hasMore && (
          <button type="button" onClick={() => setLast(found.at(-1)?.id)}>
            {text.say("showOlder")}
          </button>
        )}
        <label class="field">
          {text.say(found.length > 0 ? "orById" : "byId")}
          <input
            value={named}
            pattern="[A-Za-z0-9][A-Za-z0-9_\-]*"
            maxLength={64}
            autocomplete="off"
            onInput={(event) => setNamed(event.currentTarget.value)}
          />
        </label>
        <div class="actions">
          <button type="submit" class="primary" disabled={ids.length === 0}>
            {text.say("transcribe")}
          </button>
          <button type="button" onClick={() => dialog.current?.close()}>
            {text.say("close")}
          </button>
        </div>
      </form>
    </dialog>
  );
}

function factsOf({ bytes, created_at }: KeptRecording, text: ReturnType<typeof useText>): string {
  const date =
    created_at === null
      ? []
      : [new Date(created_at).toLocaleString(text.language, { dateStyle: "medium", timeStyle: "short" })];
  return [...date, ...(bytes === null ? [] : [text.say("mib", { value: Math.max(0.1, bytes / MIB) })])].join(
    " · ",
  );
}
