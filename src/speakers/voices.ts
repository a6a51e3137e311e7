import type { VoiceMeasure } from "../types/speakers.js";

/** How alike the speakers' voices are to those that are looked for. */
export interface VoiceMatch {
  /** The speaker who clearly has one of them; undefined: nobody does. */
  speaker: string | undefined;
  /** Cosine of the most alike, by speaker id. */
  likeness: ReadonlyMap<string, number>;
  /** What is to be said where nobody is found. */
  warnings: string[];
}

/**
 * Looks for the one speaker who has one of `known` voices: alike enough to be the same person's, and clearly more so than
 * any other speaker, who are other people.
 * @param voices of the speakers, by id; who was heard too little has none
 */
export function findVoice(
  known: readonly (readonly number[])[],
  voices: ReadonlyMap<string, ArrayLike<number>>,
  { alike, margin }: VoiceMeasure,
): VoiceMatch {
  const likeness = new Map(
    [...voices].map(([id, voice]) => [id, Math.max(...known.map((each) => cosine(each, voice)))]),
  );
  const [best, next] = [...likeness].sort(([, a], [, b]) => b - a);
  if (best && best[1] >= alike && best[1] - (next?.[1] ?? Number.NEGATIVE_INFINITY) >= margin)
    return { speaker: best[0], likeness, warnings: [] };
  const found = [...likeness].map(([id, value]) => `${id} ${value.toFixed(2)}`).join(", ");
  const what =
    found === ""
      ? "nobody says enough to have a voice"
      : best![1] < alike
        ? `nobody's voice is alike (${found} of ${alike})`
        : `several voices are about as alike (${found})`;
  return { speaker: undefined, likeness, warnings: [`The seller is not known by the voice: ${what}`] };
}

/** From -1 to 1; 0 where one is nothing. */
function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [product, lengthA, lengthB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!;
    lengthA += a[i]! ** 2;
    lengthB += b[i]! ** 2;
  }
  const length = Math.sqrt(lengthA * lengthB);
  return length > 0 ? product / length : 0;
}
