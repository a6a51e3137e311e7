import { assignRoles } from "../speakers/roles.js";
import { channelTurns, speakersOf, textTurns } from "../speakers/turns.js";
import type { Segment, TranscriptionResult } from "../types/result.js";

/**
 * A result as it is corrected: where channels are apart and nobody has told speakers, each channel is a speaker, with a role
 * by what is said on it. One channel is no channel.
 * @param wantsSpeakers whether there have to be some: then all that is said on one channel is the first one's
 */
export function withParties(result: TranscriptionResult, wantsSpeakers: boolean): TranscriptionResult {
  const { channels = [], segments, speakers } = result;
  if (speakers) return result;
  if (channels.length > 1) return told(result, segments);
  const { channels: _, ...rest } = result;
  const alone = segments.map(({ channel: _, ...segment }) => segment);
  return wantsSpeakers ? told(rest, alone) : { ...rest, segments: alone };
}

/** Each channel of `segments` is a speaker. */
function told(result: TranscriptionResult, segments: readonly Segment[]): TranscriptionResult {
  const areApart = segments.some(({ channel }) => channel !== undefined);
  const turns = channelTurns(textTurns(segments));
  const ids = new Map(turns.map(({ channel, speaker }) => [channel, speaker]));
  const label = { speakerConfidence: 1 };
  const labelled = segments.map((segment) => {
    const speaker = ids.get(segment.channel ?? 0)!;
    return {
      ...segment,
      speaker,
      ...label,
      ...(segment.words && { words: segment.words.map((word) => ({ ...word, speaker, ...label })) }),
    };
  });
  const speakers = speakersOf(turns);
  return {
    ...result,
    segments: labelled,
    speakers: areApart ? assignRoles(speakers, labelled, {}) : speakers,
    turns: areApart ? turns : turns.map(({ channel: _, ...turn }) => turn),
  };
}
