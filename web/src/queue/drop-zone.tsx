import { useEffect, useRef, useState } from "preact/hooks";
import type { Choices } from "../server/jobs.js";
import { useText } from "../text/text.js";
import { LanguageChoice } from "./language-choice.js";

/** Takes recordings, dropped anywhere on the page or chosen, with how they are to be transcribed. */
export function DropZone({ onFiles }: { onFiles(files: Iterable<File>, choices: Choices): void }) {
  const text = useText();
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
      if (event.dataTransfer) onFiles([...event.dataTransfer.files], latest.current);
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
          onFiles([...(event.currentTarget.files ?? [])], choices);
          event.currentTarget.value = "";
        }}
      />
      <button type="button" class="primary" onClick={() => input.current?.click()}>
        {text.say("choose")}
      </button>
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
