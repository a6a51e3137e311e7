import { TranscriptionError } from "../errors.js";
import type { LanguageDetection } from "./types.js";

/** What a model of the addon has named, most probable first. */
export function languageDetection(probabilities: LanguageDetection["probabilities"]): LanguageDetection {
  const [best] = probabilities;
  if (!best) throw new TranscriptionError("INTERNAL", "The model named no language");
  return { ...best, probabilities };
}
