import type { DiarizedRecording, NumberedTurn, Speaker, SpeakerTurn } from "../types/speakers.js";
import { speakerId, speakerNumber } from "./names.js";

/** Turns as users get them, on whole milliseconds. */
export function namedTurns(turns: readonly NumberedTurn[]): SpeakerTurn[] {
  return turns.map(({ start, end, speaker, confidence }) => ({
    start: milliseconds(start),
    end: milliseconds(end),
    speaker: speakerId(speaker),
    confidence: round(confidence),
  }));
}

/**
 * The speakers of `turns` in order of first speech, whose roles nothing is known of yet.
 * @param embeddings by speaker number
 */
export function speakersOf(
  turns: readonly SpeakerTurn[],
  embeddings: DiarizedRecording["embeddings"] = [],
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
    const embedding = embeddings[speakerNumber(id)];
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
