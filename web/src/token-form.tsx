import { useState } from "preact/hooks";
import { enter } from "./server/session.js";
import { useText } from "./text/text.js";

export function TokenForm({ onEntered }: { onEntered(): void }) {
  const text = useText();
  const [token, setToken] = useState("");
  const [isWrong, setWrong] = useState(false);
  return (
    <form
      class="token"
      onSubmit={(event) => {
        event.preventDefault();
        enter(token).then(onEntered, () => setWrong(true));
      }}
    >
      <h2>{text.say("tokenTitle")}</h2>
      <label>
        {text.say("token")}
        <input
          type="password"
          autocomplete="current-password"
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="primary" disabled={token === ""}>
        {text.say("enter")}
      </button>
      {isWrong && <p role="alert">{text.say("tokenWrong")}</p>}
    </form>
  );
}
