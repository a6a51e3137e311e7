import type { ResolvedDiarization } from "../config/diarization.js";
import type { Diarizer } from "../types/speakers.js";

/**
 * What is to be said of the speakers that were found: fewer than were asked for, or without the voices that were.
 * @param diarizer what told them apart; undefined: their channels
 * @param hasVoices whether there are vectors of their voices
 */
export function speakerWarnings(
  found: number,
  { count, embeddings }: Pick<ResolvedDiarization, "count" | "embeddings">,
  diarizer: Pick<Diarizer, "engine" | "mostSpeakers"> | undefined,
  hasVoices: boolean,
): string[] {
  const warnings: string[] = [];
  const wanted = count.exactly ?? count.least ?? 0;
  if (found === 0 && wanted > 0) {
    warnings.push("No speakers were found: nobody is heard in the recording");
  } else if (found < wanted) {
    const reason =
      diarizer && wanted > diarizer.mostSpeakers
        ? `the ${diarizer.engine} engine tells no more than ${diarizer.mostSpeakers} apart`
        : "there is too little speech of more";
    warnings.push(
      `${found} ${found === 1 ? "speaker was" : "speakers were"} found of the ${wanted} asked for: ${reason}`,
    );
  }
  if (embeddings && !hasVoices && found > 0) {
    warnings.push(
      diarizer
        ? `The ${diarizer.engine} engine makes no vectors of voices (embeddings); the community engine does`
        : "There are no vectors of voices (embeddings): they take a model of the community engine",
    );
  }
  return warnings;
}
