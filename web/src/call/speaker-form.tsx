import { useEffect, useRef, useState } from "preact/hooks";
import { freeSpeaker } from "../../../src/corrections/draft.js";
import type { Correction } from "../../../src/types/corrections.js";
import type { SpeakerRole } from "../../../src/types/speakers.js";
import type { Speaker } from "../server/result.js";
import { useText } from "../text/text.js";
import type { Party } from "./turns.js";

interface SpeakerFormProps {
  party: Party;
  parties: readonly Party[];
  speakers: readonly Speaker[];
  onCorrect(...corrections: Correction[]): void;
  onClose(): void;
}

/** Who somebody is, once for all that he says: name, role, and whether he is one with another. */
export function SpeakerForm({ onClose, onCorrect, parties, party, speakers }: SpeakerFormProps) {
  const text = useText();
  const dialog = useRef<HTMLDialogElement>(null);
  const id = speakerIdOf(party);
  const speaker = speakers.find((each) => each.id === id);
  const [name, setName] = useState(speaker?.name ?? "");
  const [role, setRole] = useState<SpeakerRole | "">(speaker?.role ?? "");
  const [into, setInto] = useState("");
  useEffect(() => dialog.current?.showModal(), []);
  const others = parties.filter((other) => other !== party && other.key !== "");
  const save = () => {
    if (into !== "") return onCorrect({ op: "merge", speaker: id, into });
    const corrections: Correction[] = [];
    if (name.trim() !== (speaker?.name ?? ""))
      corrections.push({ op: "name", speaker: id, name: name.trim() });
    if (role !== (speaker?.role ?? "")) corrections.push({ op: "role", speaker: id, role: role || null });
    if (corrections.length > 0) onCorrect(...corrections);
  };
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="speaker-title">
      <form method="dialog" class="speaker-form" onSubmit={save}>
        <h2 id="speaker-title">{party.name}</h2>
        <label>
          {text.say("name")}
          <input
            value={name}
            maxLength={200}
            placeholder={party.name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <label>
          {text.say("role")}
          <select value={role} onChange={(event) => setRole(event.currentTarget.value as SpeakerRole | "")}>
            <option value="">{text.say("noRole")}</option>
            <option value="seller">{text.say("seller")}</option>
            <option value="client">{text.say("client")}</option>
          </select>
        </label>
        {others.length > 0 && (
          <label>
            {text.say("sameAs")}
            <select value={into} onChange={(event) => setInto(event.currentTarget.value)}>
              <option value="">{text.say("nobodyElse")}</option>
              {others.map((other) => (
                <option key={other.key} value={other.key}>
                  {other.name}
                </option>
              ))}
            </select>
          </label>
        )}
        <div class="actions">
          <button type="submit" class="primary">
            {text.say("save")}
          </button>
          <button type="button" onClick={() => dialog.current?.close()}>
            {text.say("leave")}
          </button>
        </div>
      </form>
    </dialog>
  );
}

/** Where nobody has told speakers apart, all that is said is the first one's. */
export function speakerIdOf({ key }: Party): string {
  return key === "" ? "SPEAKER_00" : key;
}

/** Id of one speaker more: of nobody who was heard, or was told by a correction. @param heard without any correction */
export function anotherSpeaker(heard: readonly Speaker[], list: readonly Correction[]): string {
  const told = list.flatMap((each) => ("speaker" in each ? [each.speaker] : []));
  return freeSpeaker(["SPEAKER_00", ...heard.map(({ id }) => id), ...told]);
}
