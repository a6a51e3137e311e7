import type { RefObject } from "preact";
import type { Correction } from "../../../src/types/corrections.js";
import { clock } from "../format.js";
import type { Speaker } from "../server/result.js";
import type { Text } from "../text/text.js";
import { speakerIdOf } from "./speaker-form.js";
import type { Party, Turn } from "./turns.js";

interface TurnListProps {
  list: RefObject<HTMLOListElement | null>;
  turns: readonly Turn[];
  parties: readonly Party[];
  speakers: readonly Speaker[];
  /** Id of one speaker more. */
  another: string;
  text: Text;
  /** Whether it can be said here who speaks. */
  isEditing: boolean;
  onCorrect(...corrections: Correction[]): void;
  /** Plays from there on. */
  onPlay(seconds: number): void;
  onClick(event: MouseEvent): void;
  onKeyDown(event: KeyboardEvent): void;
}

/** The turns as they are written: hours of them, so that this is made anew only when the text is another. */
export function turnList(props: TurnListProps) {
  const { another, isEditing, list, onClick, onCorrect, onKeyDown, onPlay, parties, speakers, text, turns } =
    props;
  const idOf = (party: Party) => (speakers.length === 0 ? speakerIdOf(party) : party.key);
  return (
    <ol class={isEditing ? "turns editing" : "turns"} ref={list} onClick={onClick} onKeyDown={onKeyDown}>
      {turns.map((turn, index) => (
        <li class="turn" key={index} style={{ "--party": `var(--party-${turn.party % 8})` }}>
          <div class="who">
            {isEditing ? (
              <select
                class="turn-speaker"
                aria-label={text.say("whoSaysThis")}
                value={parties[turn.party] && idOf(parties[turn.party]!)}
                onChange={({ currentTarget: { value } }) =>
                  onCorrect(
                    ...turn.parts.map(({ segment }) => ({ op: "speaker" as const, segment, speaker: value })),
                  )
                }
              >
                {parties.map((party) => (
                  <option
                    key={party.key}
                    value={idOf(party)}
                    disabled={party.key === "" && speakers.length > 0}
                  >
                    {party.name}
                  </option>
                ))}
                <option value={another}>{text.say("anotherSpeaker")}</option>
              </select>
            ) : (
              <strong>{parties[turn.party]?.name}</strong>
            )}
            <button type="button" class="time" onClick={() => onPlay(turn.start)} title={text.say("play")}>
              <time>{clock(turn.start)}</time>
            </button>
          </div>
          <p>{turn.text}</p>
        </li>
      ))}
    </ol>
  );
}
