import { clock } from "../format.js";
import { useText } from "../text/text.js";
import type { Party } from "./turns.js";

/** How much each one speaks. */
export function TalkTime({ parties }: { parties: readonly Party[] }) {
  const text = useText();
  const total = parties.reduce((sum, { talkTime }) => sum + talkTime, 0);
  if (total === 0) return null;
  return (
    <ul class="talk-time" aria-label={text.say("talkTime")}>
      {parties.map(({ key, name, talkTime }, index) => (
        <li key={key} style={{ "--party": `var(--party-${index % 8})`, "--share": String(talkTime / total) }}>
          <span class="name">{name}</span>
          <span class="bar" aria-hidden="true" />
          <span class="quiet">
            {clock(talkTime)} · {text.say("percent", { value: Math.round((100 * talkTime) / total) })}
          </span>
        </li>
      ))}
    </ul>
  );
}
