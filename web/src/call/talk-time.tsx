import { useState } from "preact/hooks";
import type { Correction } from "../../../src/types/corrections.js";
import { clock } from "../format.js";
import type { Speaker } from "../server/result.js";
import { useText } from "../text/text.js";
import { SpeakerForm } from "./speaker-form.js";
import type { Party } from "./turns.js";

interface TalkTimeProps {
  parties: readonly Party[];
  speakers: readonly Speaker[];
  /** undefined: who they are cannot be said yet. */
  onCorrect: ((...corrections: Correction[]) => void) | undefined;
}

/** How much each one speaks, and who it is. */
export function TalkTime({ onCorrect, parties, speakers }: TalkTimeProps) {
  const text = useText();
  const [opened, setOpened] = useState<string>();
  const total = parties.reduce((sum, { talkTime }) => sum + talkTime, 0);
  if (total === 0) return null;
  const party = parties.find(({ key }) => key === opened);
  const [seller, client] = (["seller", "client"] as const).map((role) =>
    speakers.filter((speaker) => speaker.role === role),
  );
  const canSwap = onCorrect && seller!.length === 1 && client!.length === 1;
  return (
    <section class="talk-time" aria-label={text.say("talkTime")}>
      <ul>
        {parties.map(({ key, name, talkTime }, index) => (
          <li
            key={key}
            style={{ "--party": `var(--party-${index % 8})`, "--share": String(talkTime / total) }}
          >
            {onCorrect && (key !== "" || speakers.length === 0) ? (
              <button
                type="button"
                class="name"
                title={text.say("whoIsThis")}
                aria-haspopup="dialog"
                onClick={() => setOpened(key)}
              >
                {name}
              </button>
            ) : (
              <span class="name">{name}</span>
            )}
            <span class="bar" aria-hidden="true" />
            <span class="quiet">
              {clock(talkTime)} · {text.say("percent", { value: Math.round((100 * talkTime) / total) })}
            </span>
          </li>
        ))}
      </ul>
      {canSwap && (
        <button
          type="button"
          onClick={() =>
            onCorrect(
              { op: "role", speaker: seller![0]!.id, role: "client" },
              { op: "role", speaker: client![0]!.id, role: "seller" },
            )
          }
        >
          ⇄ {text.say("swapRoles")}
        </button>
      )}
      {party && onCorrect && (
        <SpeakerForm
          key={party.key}
          party={party}
          parties={parties}
          speakers={speakers}
          onCorrect={onCorrect}
          onClose={() => setOpened(undefined)}
        />
      )}
    </section>
  );
}
