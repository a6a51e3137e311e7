import type { Segment } from "../types/result.js";
import type { ChannelTurn, NumberedTurn, Speaker, SpeakerTurn } from "../types/speakers.js";
import { speakerId, speakerNumber } from "./names.js";

/** Seconds of pause within a channel at which a turn of its text ends. */
const TURN_PAUSE = 1;

/** Turns as users get them, on whole milliseconds. */
export function namedTurns(turns: readonly NumberedTurn[]): SpeakerTurn[] {
  return turns.map(({ start, end, speaker, confidence }) => ({
    start: milliseconds(start),
    end: milliseconds(end),
    speaker: speakerId(speaker),
    confidence: round(confidence),
  }));
}

/** What is said on a channel without a long pause is a turn. */
export function textTurns(segments: readonly Segment[]): ChannelTurn[] {
  const open = new Map<number, ChannelTurn>();
  const turns: ChannelTurn[] = [];
  for (const { start, end, channel = 0, words } of segments) {
    for (const span of words?.length ? words : [{ start, end }]) {
      const last = open.get(channel);
      if (last && span.start - last.end < TURN_PAUSE) {
        last.end = Math.max(last.end, span.end);
        continue;
      }
      const turn = { start: span.start, end: span.end, channel };
      open.set(channel, turn);
      turns.push(turn);
    }
  }
  return turns;
}

/** Turns on channels, each a speaker's of its own, by start; speakers are numbered by first speech. */
export function channelTurns(turns: readonly ChannelTurn[]): (SpeakerTurn & { channel: number })[] {
  const names = new Map<number, string>();
  return [...turns]
    .sort((a, b) => a.start - b.start || a.channel - b.channel)
    .map(({ start, end, channel }) => {
      const speaker = names.get(channel) ?? speakerId(names.size);
      names.set(channel, speaker);
      return { start, end, speaker, confidence: 1, channel };
    });
}

/**
 * The speakers of `turns` in order of first speech, whose roles nothing is known of yet.
 * @param voiceOf embedding of a speaker by the id, where it is to be told
 */
export function speakersOf(
  turns: readonly SpeakerTurn[],
  voiceOf: (id: string) => ArrayLike<number> | undefined = () => undefined,
): Speaker[] {
  const heard = new Map<string, { talkTime: number; turns: number }>();
  for (const { speaker, start, end } of turns) {
    const own = heard.get(speaker) ?? { talkTime: 0, turns: 0 };
    own.talkTime += end - start;
    own.turns++;
    heard.set(speaker, own);
  }
  const ids = [...heard.keys()].sort((a, b) => speakerNumber(a) - speakerNumber(b));
  return ids.map((id) => {
    const { talkTime, turns } = heard.get(id)!;
    const embedding = voiceOf(id);
    return {
      id,
      role: null,
      roleConfidence: 0,
      evidence: [],
      talkTime: round(talkTime),
      turns,
      ...(embedding && { embedding: Array.from(embedding) }),
    };
  });
}

function milliseconds(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
