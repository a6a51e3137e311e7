import { throwIfAborted } from "../errors.js";
import type { DetectionUse, Engine, UnknownLanguageOptions, WindowResult } from "../types/engine.js";

/**
 * As `Engine.detectAndTranscribe`, with any engine: those that have no such method listen to the window twice.
 * @param use `transcribeFrom` may be infinite: the language is all that is wanted
 */
export async function detectAndTranscribe(
  engine: Engine,
  samples: Float32Array,
  options: UnknownLanguageOptions,
  use: DetectionUse,
  signal: AbortSignal,
): Promise<WindowResult | undefined> {
  if (engine.detectAndTranscribe && use.transcribeFrom <= 1)
    return engine.detectAndTranscribe(samples, options, use, signal);
  const detection = await engine.detectLanguage(samples, options, signal);
  throwIfAborted(signal);
  use.onDetected(detection);
  const { language, probability } = detection;
  if (probability < use.transcribeFrom) return undefined;
  return engine.transcribeWindow(samples, { ...options, language }, signal);
}
