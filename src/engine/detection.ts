import type { NativeLanguages } from "../addon/addon.js";
import { TranscriptionError } from "../errors.js";
import type { LanguageDetection } from "../types/engine.js";

/** What a model of the addon has heard. */
export function languageDetection({ languages, noSpeechProb }: NativeLanguages): LanguageDetection {
  const [best] = languages;
  if (!best) throw new TranscriptionError("INTERNAL", "The model named no language");
  return { ...best, probabilities: languages, noSpeechProb };
}
