import type { ResolvedRequest } from "../config/options.js";
import { TranscriptionError } from "../errors.js";
import type { Engine, RequestWindowOptions } from "../types/engine.js";
import type { FittedText, PromptTexts } from "../types/prompt.js";
import { countCodePoints, countWords } from "./stats.js";

/** What a request comes to with one particular model. */
export interface ModelRequest {
  /** Code of the language; undefined: to be detected. */
  language: string | undefined;
  /** Longest window in seconds. */
  maxWindow: number;
  /** Options of every window, but for its language and the text before it. */
  window: RequestWindowOptions;
  warnings: string[];
}

/**
 * Settles what depends on the model.
 * @throws TranscriptionError INVALID_ARGUMENT when the model does not have the language, or its implementation an option
 */
export function fitToModel(request: ResolvedRequest, engine: Engine): ModelRequest {
  const { model } = engine;
  const warnings: string[] = [];
  let { task } = request.window;
  if (task === "translate" && !model.multilingual) {
    warnings.push(`Model ${model.name} is English only and cannot translate; transcribed instead`);
    task = "transcribe";
  }
  // Half of the decoder's context is for the prompt, as in openai-whisper.
  const maxTokens = Math.min(
    request.maxTokens ?? engine.maxTokens ?? Math.floor(model.textContext / 2),
    model.textContext,
  );
  // Words are what speakers are told by, where the implementation times them.
  const wordTimestamps =
    request.window.wordTimestamps || (request.diarize !== undefined && timesWordsOf(engine));
  const options = { ...request.window, task, maxTokens, wordTimestamps };
  engine.checkOptions?.(options, { conditionOnPreviousText: request.conditionOnPreviousText });
  const window = { ...options, ...promptFor(engine, options, warnings) };
  return {
    language: languageFor(request.language, engine),
    maxWindow: Math.min(request.chunkLength, engine.maxWindow),
    window,
    warnings,
  };
}

/** Whether the engine tells times of words, as it does unless it says otherwise. */
export function timesWordsOf({ timesWords = true }: Pick<Engine, "timesWords">): boolean {
  return timesWords;
}

/** As much of the request's texts as the model takes; `warnings` tell what it does not. */
function promptFor(engine: Engine, options: PromptTexts, warnings: string[]): PromptTexts {
  const { hotwords, initialPrompt, prefix } = options;
  const texts = { hotwords, initialPrompt, prefix };
  const fitted = hotwords || initialPrompt || prefix ? engine.fitPrompt?.(texts) : undefined;
  if (!fitted) return texts;
  const warn = (what: string, which: string, given: string, { text, tokens }: FittedText): void => {
    if (text === given) return;
    const used = isWhole(given, text)
      ? `${countWords(text)} of ${countWords(given)} words`
      : `${countCodePoints(text)} of ${countCodePoints(given)} characters`;
    warnings.push(`${what} cut to the ${which} ${used} (${tokens} tokens; a prompt holds ${fitted.room})`);
  };
  warn("The hotwords were", "first", hotwords, fitted.hotwords);
  warn("The initial prompt was", "last", initialPrompt, fitted.initialPrompt);
  warn("The prefix was", "first", prefix, fitted.prefix);
  return {
    hotwords: fitted.hotwords.text,
    initialPrompt: fitted.initialPrompt.text,
    prefix: fitted.prefix.text,
  };
}

/** Whether a text that was cut still ends, or begins, with a whole word. */
function isWhole(given: string, kept: string): boolean {
  if (kept === "") return true;
  const [after] = given.startsWith(kept) ? given.slice(kept.length) : "";
  const before = given.endsWith(kept) ? given.at(-kept.length - 1) : undefined;
  return /^\s/.test(after ?? before ?? "x");
}

function languageFor(language: string | undefined, { model }: Engine): string | undefined {
  if (language === undefined) return model.languages.length === 1 ? model.languages[0] : undefined;
  if (model.languages.includes(language)) return language;
  const known =
    model.languages.length > 5
      ? `its ${model.languages.length} languages are in the transcriber's info.languages`
      : `it has ${model.languages.join(", ")}`;
  throw new TranscriptionError(
    "INVALID_ARGUMENT",
    `Model ${model.name} does not have the language "${language}"; ${known}`,
    { option: "language" },
  );
}
