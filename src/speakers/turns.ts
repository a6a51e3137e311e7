import type { DiarizedRecording, NumberedTurn, Speaker, SpeakerTurn } from "../types/speakers.js";
import { speakerId } from "./names.js";

/** Turns as users get them, on whole milliseconds. */
export function namedTurns(turns: readonly NumberedTurn[]): SpeakerTurn[] {
  return turns.map(({ start, end, speaker, confidence }) => ({
    start: milliseconds(start),
    end: milliseconds(end),
    speaker: speakerId(speaker),
    confidence: round(confidence),
  }));
}

/** The speakers of `turns` in order of first speech, whose roles nothing is known of yet. */
export function speakersOf(
  turns: readonly SpeakerTurn[],
  embeddings: DiarizedRecording["embeddings"] = [],
): Speaker[] {
  const ids = [...new Set(turns.map(({ speaker }) => speaker))].sort();
  return ids.map((id, index) => {
    const own = turns.filter(({ speaker }) => speaker === id);
    const embedding = embeddings[index];
    return {
      id,
      role: null,
      roleConfidence: 0,
      evidence: [],
      talkTime: round(own.reduce((sum, { start, end }) => sum + end - start, 0)),
      turns: own.length,
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
