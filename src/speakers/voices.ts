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
  measure: VoiceMeasure,
): VoiceMatch {
  const likeness = new Map(
    [...voices].map(([id, voice]) => [id, Math.max(...known.map((each) => cosine(each, voice)))]),
  );
  const { key, reason } = clearest(likeness, measure);
  const warnings = reason === undefined ? [] : [`The seller is not known by the voice: ${reason}`];
  return { speaker: key, likeness, warnings };
}

/** Whose voices those of speakers are. */
export interface NamedVoices {
  /** Names of speakers, by id. */
  names: ReadonlyMap<string, string>;
  /** What is to be said of names that nobody has. */
  warnings: string[];
}

/**
 * Gives each of `known` voices to the one speaker who has it, as {@link findVoice} does. Where several would be one
 * speaker's, the most alike is, if it is so clearly.
 * @param known by name
 * @param voices of the speakers, by id; who was heard too little has none
 */
export function nameVoices(
  known: Readonly<Record<string, readonly number[]>>,
  voices: ReadonlyMap<string, ArrayLike<number>>,
  measure: VoiceMeasure,
): NamedVoices {
  const claims = new Map<string, Map<string, number>>();
  const warnings: string[] = [];
  for (const [name, voice] of Object.entries(known)) {
    const likeness = new Map([...voices].map(([id, own]) => [id, cosine(voice, own)]));
    const { key: id, reason } = clearest(likeness, measure);
    if (id === undefined) warnings.push(`${name} is not known by the voice: ${reason}`);
    else claims.set(id, (claims.get(id) ?? new Map()).set(name, likeness.get(id)!));
  }
  const names = new Map<string, string>();
  for (const [id, likeness] of claims) {
    const { key: name } = clearest(likeness, measure);
    if (name !== undefined) names.set(id, name);
    for (const other of likeness.keys()) {
      if (other === name) continue;
      const who = name ?? [...likeness.keys()].filter((each) => each !== other).join(", ");
      const why = name === undefined ? `${id} is as much like` : `${id} is more like`;
      warnings.push(`${other} is not known by the voice: ${why} ${who}`);
    }
  }
  return { names, warnings };
}

/** The most alike, if it is alike enough and clearly more so than all else; or why there is none. */
function clearest(
  likeness: ReadonlyMap<string, number>,
  { alike, margin }: VoiceMeasure,
): { key: string; reason?: undefined } | { key?: undefined; reason: string } {
  const [best, next] = [...likeness].sort(([, a], [, b]) => b - a);
  if (best && best[1] >= alike && best[1] - (next?.[1] ?? Number.NEGATIVE_INFINITY) >= margin)
    return { key: best[0] };
  const found = [...likeness].map(([id, value]) => `${id} ${value.toFixed(2)}`).join(", ");
  if (!best) return { reason: "nobody says enough to have a voice" };
  return {
    reason:
      best[1] < alike
        ? `nobody's voice is alike (${found} of ${alike})`
        : `several voices are about as alike (${found})`,
  };
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
