import { type Counter, Histogram, type Registry } from "prom-client";
import { LANGUAGES, type TranscriptionResult } from "../../index.js";
import { counter } from "./observed.js";

/** Probabilities that tell doubtful from sure. */
const PROBABILITIES = [0.5, 0.8, 0.95];
const SPEAKERS = [0, 1, 2, 3, 4, 5, 8];
/** Where nobody speaks, and what is in no list of ours: whatever an implementation says, there are so many series. */
const NO_LANGUAGE = "none";
const OTHER_LANGUAGE = "other";

/** What recordings turn out to be. */
export class ResultMetrics {
  readonly #transcriptions: Counter;
  readonly #probability: Histogram;
  readonly #speakers: Histogram;

  constructor(registry: Registry) {
    this.#transcriptions = counter(
      registry,
      "agora_transcriptions_total",
      "Recordings that were transcribed, by their language; none where nothing was spoken.",
      ["language"],
    );
    this.#probability = new Histogram({
      name: "agora_language_probability",
      help: "Probability of languages that were detected, by the language.",
      buckets: PROBABILITIES,
      labelNames: ["language"],
      registers: [registry],
    });
    this.#speakers = new Histogram({
      name: "agora_recording_speakers",
      help: "Speakers in recordings in which they were told apart, by their voices or their channels.",
      buckets: SPEAKERS,
      registers: [registry],
    });
  }

  transcribed(result: TranscriptionResult): void {
    const language = labelOf(result.language);
    this.#transcriptions.inc({ language });
    if (result.languageProbabilities.length > 0)
      this.#probability.observe({ language }, result.languageProbability);
    const speakers = speakersIn(result);
    if (speakers !== undefined) this.#speakers.observe(speakers);
  }
}

function labelOf(language: string): string {
  if (language === "") return NO_LANGUAGE;
  return Object.hasOwn(LANGUAGES, language) ? language : OTHER_LANGUAGE;
}

/** undefined: they were not told apart. */
function speakersIn({ channels, speakers }: TranscriptionResult): number | undefined {
  return speakers?.length ?? channels?.filter(({ text }) => text !== "").length;
}
