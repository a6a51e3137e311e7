import { useEffect, useRef, useState } from "preact/hooks";
import { useText } from "../text/text.js";

interface WordEditorProps {
  /** As it is now. */
  word: string;
  /** Pixels, in what holds the text. */
  left: number;
  top: number;
  /** @param goesOn to the word behind it */
  onSave(written: string, goesOn: boolean): void;
  onClose(): void;
}

/** Where a word is written anew. Tab goes on to the next one. */
export function WordEditor({ left, onClose, onSave, top, word }: WordEditorProps) {
  const text = useText();
  const field = useRef<HTMLInputElement>(null);
  const [written, setWritten] = useState(word);
  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  return (
    <form
      class="word-editor"
      style={{ left: `${left}px`, top: `${top}px` }}
      onSubmit={(event) => {
        event.preventDefault();
        onSave(written, false);
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") onClose();
        if (event.key !== "Tab" || event.shiftKey || event.target !== field.current) return;
        event.preventDefault();
        onSave(written, true);
      }}
    >
      <input
        ref={field}
        value={written}
        size={Math.max(8, word.length + 2)}
        aria-label={text.say("writtenAs")}
        onInput={(event) => setWritten(event.currentTarget.value)}
      />
      <button type="submit" class="primary">
        {text.say("save")}
      </button>
      <button type="button" onClick={onClose}>
        {text.say("leave")}
      </button>
    </form>
  );
}
