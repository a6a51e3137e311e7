import type { Segment, Speaker, Transcript, Word } from "../server/result.js";
import type { Text } from "../text/text.js";

/** What one speaker says until another one does. */
export interface Turn {
  /** Index of its party in {@link partiesOf}. */
  party: number;
  start: number;
  end: number;
  words: Word[];
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
  return [...parties.values()].map((party, index) => ({
    ...party,
    name: nameOf(party.key, index, speakers, text),
  }));
}

function nameOf(key: string, index: number, speakers: readonly Speaker[], text: Text): string {
  const speaker = speakers.find(({ id }) => id === key);
  if (speaker?.name !== undefined) return speaker.name;
  if (speaker?.role === "seller" || speaker?.role === "client") return text.say(speaker.role);
  if (key === "") return text.say("unknownSpeaker");
  return text.say("speaker", { number: index + 1 });
}

/** The turns of a transcript in order. */
export function turnsOf({ segments }: Transcript, parties: readonly Party[]): Turn[] {
  const turns: Turn[] = [];
  for (const segment of segments) {
    const party = parties.findIndex(({ key }) => key === keyOf(segment));
    const words = segment.words ?? [{ ...segment, text: segment.text }];
    const last = turns.at(-1);
    const goesOn =
      last?.party === party && segment.start - last.end < LONG_PAUSE && segment.end - last.start < LONGEST;
    if (goesOn) {
      last.words.push(...words);
      last.end = segment.end;
    } else turns.push({ party, start: segment.start, end: segment.end, words: [...words] });
  }
  return turns;
}

/** Where the model does not tell words apart, phrases stand for them. */
export function wordCount(turns: readonly Turn[]): number {
  const texts = turns.flatMap(({ words }) => words.map(({ text }) => text.split(/\s+/).length));
  return texts.reduce((sum, count) => sum + count, 0);
}

function keyOf({ channel, speaker }: Segment): string {
  return speaker ?? (channel === undefined ? "" : `channel ${channel}`);
}
