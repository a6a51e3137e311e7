import { useEffect, useRef } from "preact/hooks";
import { useText } from "../text/text.js";

/** What keys do. */
export function Keys({ onClose }: { onClose(): void }) {
  const text = useText();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const keys = [
    ["␣", text.say("keyPlay")],
    ["← →", text.say("keyBack")],
    ["K J", text.say("keyTurn")],
    ["< >", text.say("keySpeed")],
    ["E", text.say("keyEdit")],
    ["/", text.say("keySearch")],
    ["?", text.say("keyHelp")],
    ["Esc", text.say("keyEscape")],
  ];
  return (
    <dialog ref={dialog} onClose={onClose} aria-label={text.say("keys")}>
      <h2>{text.say("keys")}</h2>
      <dl>
        {keys.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit" class="primary">
          {text.say("close")}
        </button>
      </form>
    </dialog>
  );
}
