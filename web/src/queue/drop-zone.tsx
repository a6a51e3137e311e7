import { useEffect, useRef, useState } from "preact/hooks";
import { type Choices, type Source, serverFacts } from "../server/jobs.js";
import { useText } from "../text/text.js";
import { LanguageChoice } from "./language-choice.js";
import { RecordingPicker } from "./recording-picker.js";

/** Milliseconds before a server is asked again that could not say. */
const AGAIN = 5000;

interface DropZoneProps {
  /** Whether the server answers. */
  isReady: boolean;
  onSources(sources: Iterable<Source>, choices: Choices): void;
}

/** Takes recordings, dropped anywhere on the page or chosen here or at the server, with how they are to be transcribed. */
export function DropZone({ isReady, onSources }: DropZoneProps) {
  const text = useText();
  const [hasRecordings, setHasRecordings] = useState(false);
  const [isPicking, setPicking] = useState(false);
  useEffect(() => {
    if (!isReady) return;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = () =>
      serverFacts(stop.signal).then(
        ({ finds_recordings }) => setHasRecordings(finds_recordings),
        () => {
          // It may be loading its model.
          if (!stop.signal.aborted) timer = setTimeout(look, AGAIN);
        },
      );
    void look();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [isReady]);
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setOver] = useState(false);
  const [choices, setChoices] = useState<Choices>({ language: "", speakers: "channels" });
  const latest = useRef(choices);
  latest.current = choices;
  useEffect(() => {
    const over = (event: DragEvent) => {
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent) => event.relatedTarget === null && setOver(false);
    const drop = (event: DragEvent) => {
      event.preventDefault();
      setOver(false);
      if (event.dataTransfer) onSources([...event.dataTransfer.files], latest.current);
    };
    addEventListener("dragover", over);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", over);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
    };
  }, []);
  return (
    <div class={isOver ? "drop over" : "drop"}>
      <p>{text.say("drop")}</p>
      <p class="quiet">{text.say("dropHint")}</p>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          onSources([...(event.currentTarget.files ?? [])], choices);
          event.currentTarget.value = "";
        }}
      />
      <div class="buttons">
        <button type="button" class="primary" onClick={() => input.current?.click()}>
          {text.say("choose")}
        </button>
        {hasRecordings && (
          <button type="button" onClick={() => setPicking(true)}>
            {text.say("fromServer")}
          </button>
        )}
      </div>
      {isPicking && (
        <RecordingPicker onPick={(ids) => onSources(ids, choices)} onClose={() => setPicking(false)} />
      )}
      <div class="choices">
        <LanguageChoice
          value={choices.language}
          onChange={(language) => setChoices({ ...choices, language })}
        />
        <label>
          {text.say("speakers")}
          <select
            value={choices.speakers}
            onChange={(event) =>
              setChoices({ ...choices, speakers: event.currentTarget.value as Choices["speakers"] })
            }
          >
            <option value="channels">{text.say("channelsApart")}</option>
            <option value="voices">{text.say("tellApart")}</option>
            <option value="none">{text.say("asOne")}</option>
          </select>
        </label>
      </div>
    </div>
  );
}
