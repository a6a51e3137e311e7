import type { Segment, Speaker, Transcript, Word } from "../server/result.js";
import type { Text } from "../text/text.js";

/** What one speaker says until another one does. */
export interface Turn {
  /** Index of its party in {@link partiesOf}. */
  party: number;
  start: number;
  end: number;
  /** As it is written. */
  text: string;
  /** Where its words are written in it. */
  words: PlacedWord[];
  /** Where the segments are that it is made of. */
  parts: TurnPart[];
}

/** A segment of a turn, and the characters that are its own. */
export interface TurnPart {
  /** Its id. */
  segment: number;
  from: number;
  /** Exclusive. */
  to: number;
}

/** A word, and the characters that are its own. */
export interface PlacedWord {
  word: Word;
  from: number;
  /** Exclusive. */
  to: number;
}

/** Somebody who is heard. */
export interface Party {
  /** Speaker id, or channel. */
  key: string;
  name: string;
  /** That it is heard on, where channels are apart. */
  channel: number | undefined;
  /** Seconds. */
  talkTime: number;
}

/** A pause of so many seconds begins a new turn of the same speaker, so that no turn fills a page. */
const LONG_PAUSE = 4;
const LONGEST = 60;

/** Those who are heard, in order of their first words. */
export function partiesOf({ segments, speakers = [] }: Transcript, text: Text): Party[] {
  const parties = new Map<string, Party>();
  for (const segment of segments) {
    const key = keyOf(segment);
    const party = parties.get(key) ?? { key, name: "", channel: segment.channel, talkTime: 0 };
    parties.set(key, { ...party, talkTime: party.talkTime + segment.end - segment.start });
  }
  const names = new Map<string, number>();
  return [...parties.values()].map((party, index) => {
    const name = nameOf(party.key, index, speakers, text);
    const count = (names.get(name) ?? 0) + 1;
    names.set(name, count);
    return { ...party, name: count > 1 ? `${name} ${count}` : name };
  });
}

function nameOf(key: string, index: number, speakers: readonly Speaker[], text: Text): string {
  const speaker = speakers.find(({ id }) => id === key);
  if (speaker?.name !== undefined) return speaker.name;
  if (speaker?.role === "seller" || speaker?.role === "client") return text.say(speaker.role);
  if (key === "" && speakers.length > 0) return text.say("unknownSpeaker");
  return text.say("speaker", { number: index + 1 });
}

/** The turns of a transcript in order. */
export function turnsOf({ segments }: Transcript, parties: readonly Party[]): Turn[] {
  const turns: Turn[] = [];
  for (const segment of segments) {
    const party = parties.findIndex(({ key }) => key === keyOf(segment));
    const last = turns.at(-1);
    const goesOn =
      last?.party === party && segment.start - last.end < LONG_PAUSE && segment.end - last.start < LONGEST;
    const turn = goesOn
      ? last
      : { party, start: segment.start, end: segment.end, text: "", words: [], parts: [] };
    if (!goesOn) turns.push(turn);
    write(turn, segment);
  }
  return turns;
}

/** Some languages have no space between words: they stand where the text of their segment has them. */
function write(turn: Turn, segment: Segment): void {
  const start = turn.text === "" ? 0 : turn.text.length + 1;
  turn.text = `${turn.text}${start > 0 ? " " : ""}${segment.text}`;
  turn.end = segment.end;
  turn.parts.push({ segment: segment.id, from: start, to: turn.text.length });
  let from = start;
  // Where the model does not tell words apart, the phrase stands for them.
  for (const word of segment.words ?? [segment]) {
    const found = turn.text.indexOf(word.text, from);
    if (found !== -1) from = found;
    const to = Math.min(turn.text.length, from + word.text.length);
    turn.words.push({ word, from, to });
    from = to;
  }
}

/** The text of a segment with something else in place of some characters of its turn. @param place within that segment */
export function partWith(
  turn: Turn,
  place: { from: number; to: number },
  written: string,
): { segment: number; text: string } {
  const { from, segment, to } = turn.parts.findLast((part) => part.from <= place.from)!;
  return { segment, text: turn.text.slice(from, place.from) + written + turn.text.slice(place.to, to) };
}

export function wordCount(turns: readonly Turn[]): number {
  return turns.reduce((sum, { text }) => sum + text.split(/\s+/).length, 0);
}

function keyOf({ channel, speaker }: Segment): string {
  return speaker ?? (channel === undefined ? "" : `channel ${channel}`);
}
