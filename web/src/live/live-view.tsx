import { useEffect, useState } from "preact/hooks";
import { clock } from "../format.js";
import { LanguageChoice } from "../queue/language-choice.js";
import type { Sentence } from "../text/dictionary.js";
import { useText } from "../text/text.js";
import { microphones } from "./microphone.js";
import type { Live, Trouble } from "./use-live.js";

const TROUBLES: Readonly<Record<Exclude<Trouble["kind"], "told">, Sentence>> = {
  insecure: "micInsecure",
  refused: "micRefused",
  missing: "micMissing",
  unusable: "micUnusable",
  gone: "liveGone",
};

/** What is said into a microphone, as it is said: what is settled, and what may still change. */
export function LiveView({ live }: { live: Live }) {
  const text = useText();
  const [devices, setDevices] = useState<readonly MediaDeviceInfo[]>([]);
  const [device, setDevice] = useState("");
  const [channels, setChannels] = useState(1);
  const [language, setLanguage] = useState("");
  const { heard, isSaved, lag, peak, settled, state, trouble, unsettled } = live;
  useEffect(() => {
    const look = () => void microphones().then(setDevices, () => {});
    look();
    navigator.mediaDevices?.addEventListener("devicechange", look);
    return () => navigator.mediaDevices?.removeEventListener("devicechange", look);
  }, [state]);
  const isIdle = state === "idle";
  const who = (channel: number) => text.say("channel", { number: channel + 1 });
  return (
    <section class="live" aria-label={text.say("microphone")}>
      <div class="live-choices">
        <button
          type="button"
          class={isIdle ? "primary" : "primary stop"}
          disabled={state === "asking" || state === "ending"}
          onClick={() => void (isIdle ? live.start({ device, channels, language }) : live.stop())}
        >
          {isIdle ? `● ${text.say("listen")}` : `■ ${text.say("stopListening")}`}
        </button>
        <label>
          {text.say("microphone")}
          <select
            disabled={!isIdle}
            value={device}
            onChange={(event) => setDevice(event.currentTarget.value)}
          >
            <option value="">{text.say("usualDevice")}</option>
            {devices.map(({ deviceId, label }, index) => (
              <option key={deviceId} value={deviceId}>
                {label || `${text.say("microphone")} ${index + 1}`}
              </option>
            ))}
          </select>
        </label>
        <LanguageChoice isDisabled={!isIdle} value={language} onChange={setLanguage} />
        <label class="check">
          <input
            type="checkbox"
            disabled={!isIdle}
            checked={channels === 2}
            onChange={() => setChannels(3 - channels)}
          />
          {text.say("twoChannels")}
        </label>
      </div>
      {trouble && (
        <p class="notice" role="alert">
          {trouble.kind === "told"
            ? text.say("liveRefused", { reason: trouble.reason })
            : text.say(TROUBLES[trouble.kind])}
        </p>
      )}
      {!isIdle && (
        <p class="live-facts quiet">
          <meter value={Math.sqrt(peak)} max={1} aria-label={text.say("level")} />
          <span class="clock">{clock(heard)}</span>
          {lag !== undefined && <span class="lag">{text.say("lag", { seconds: lag })}</span>}
          {channels === 2 && live.channels === 1 && <span>{text.say("oneChannelOnly")}</span>}
        </p>
      )}
      {isIdle && settled.length === 0 && <p class="quiet">{text.say("liveHint")}</p>}
      <div class="live-text" lang={language || undefined}>
        <div role="log" aria-label={text.say("settledText")}>
          {settled.map((said) => (
            <p key={`${said.channel} ${said.start}`}>
              {live.channels > 1 && <strong data-party={said.channel}>{who(said.channel)}</strong>}{" "}
              {said.text}
            </p>
          ))}
        </div>
        {[...unsettled.values()]
          .filter((said) => said.text !== "")
          .map((said) => (
            <p class="unsettled" key={said.channel} aria-hidden="true">
              {live.channels > 1 && <strong>{who(said.channel)}</strong>} {said.text}
            </p>
          ))}
      </div>
      {isSaved && (
        <p class="notice" role="status">
          {text.say("liveSaved")} <a href="#/">{text.say("recordings")}</a>
        </p>
      )}
    </section>
  );
}
