import type { TranscriptionResult } from "../types/result.js";
import type { DiarizationResult, Speaker, SpeakerTurn } from "../types/speakers.js";

/** The names of those whose voices are known, by their ids. */
export function knownNames(speakers: readonly Speaker[] = []): Map<string, string> {
  return new Map(speakers.flatMap(({ id, name }) => (name === undefined ? [] : [[id, name] as const])));
}

/**
 * A result in which speakers go by names in place of their ids: in segments, words, turns and speakers.
 * @param names by id; who has none keeps the id. Default: those of the voices that are known
 */
export function renameSpeakers<T extends TranscriptionResult | DiarizationResult>(
  result: T,
  names: ReadonlyMap<string, string> = knownNames(result.speakers),
): T {
  if (names.size === 0) return result;
  const called = <S extends { speaker?: string | null }>(said: S): S =>
    typeof said.speaker === "string" ? { ...said, speaker: names.get(said.speaker) ?? said.speaker } : said;
  const { turns, speakers }: { turns?: SpeakerTurn[]; speakers?: Speaker[] } = result;
  return {
    ...result,
    ...("segments" in result && {
      segments: result.segments.map((segment) => ({
        ...called(segment),
        ...(segment.words && { words: segment.words.map(called) }),
      })),
    }),
    ...(turns && { turns: turns.map(called) }),
    ...(speakers && {
      speakers: speakers.map((speaker) => ({ ...speaker, id: names.get(speaker.id) ?? speaker.id })),
    }),
  };
}
