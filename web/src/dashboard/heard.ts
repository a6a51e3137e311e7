import type { Metrics } from "../server/metrics.js";

/** A language in which recordings were, since the server was started. */
export interface HeardLanguage {
  /** ISO 639-1; `none`: nobody spoke; `other`: one without a name here. */
  code: string;
  recordings: number;
  /** Mean probability where it was detected; undefined: it was always said. */
  probability: number | undefined;
}

/** Most frequent first. */
export function languagesOf(metrics: Metrics): HeardLanguage[] {
  return metrics.by("agora_transcriptions_total", "language").map(([code, recordings]) => {
    const detected = metrics.sum("agora_language_probability_count", { language: code });
    const sum = metrics.sum("agora_language_probability_sum", { language: code });
    return { code, recordings, probability: detected > 0 ? sum / detected : undefined };
  });
}

/** Recordings with so many speakers. */
export interface HeardSpeakers {
  from: number;
  /** The same, as a rule; undefined: as many and more. */
  to: number | undefined;
  recordings: number;
}

/** Fewest speakers first, without those numbers that no recording has. */
export function speakersOf(metrics: Metrics): HeardSpeakers[] {
  const found: HeardSpeakers[] = [];
  let [least, below] = [0, 0];
  for (const [most, upTo] of metrics.buckets("agora_recording_speakers")) {
    const to = Number.isFinite(most) ? most : undefined;
    if (upTo > below) found.push({ from: least, to, recordings: upTo - below });
    [least, below] = [most + 1, upTo];
  }
  return found;
}
