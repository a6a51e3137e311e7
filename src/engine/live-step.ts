import type { NativeLiveOptions, NativeLiveResult, NativeLiveToken } from "../addon/addon.js";
import { SAMPLE_RATE } from "../types/audio.js";
import type { LiveStepRequest, LiveStepResult } from "../types/live-step.js";

/** New tokens that there may be without any sound, and for each second of it: nobody speaks faster. */
const LEAST_TOKENS = 50;
const TOKENS_PER_SECOND = 8;
/** What {@link LiveStepRequest.maxTokens} may be. */
const MOST_TOKENS = 448;

/** A step as the addon takes it; `tokens` of the text before. */
export function nativeLiveOptions(request: LiveStepRequest, prompt: readonly number[]): NativeLiveOptions {
  const seconds = request.samples.length / SAMPLE_RATE;
  const maxTokens = request.maxTokens ?? Math.ceil(LEAST_TOKENS + TOKENS_PER_SECOND * seconds);
  return {
    // Each step is a request of its own: those of several streams are taken as they come.
    request: 0,
    priority: "live",
    language: request.language ?? "",
    translate: request.task === "translate",
    prompt: [...prompt],
    forced: [...request.forced],
    expected: [...(request.expected ?? [])],
    frontier: request.frontier,
    final: request.final,
    tail: request.tail,
    maxTokens: Math.min(maxTokens, MOST_TOKENS),
  };
}

/** What the addon has written, with its texts. */
export function liveStepResult(native: NativeLiveResult): LiveStepResult {
  return { ...native, text: textOf(native.tokens), tailText: textOf(native.tail) };
}

function textOf(tokens: readonly NativeLiveToken[]): string {
  return tokens.map(({ text }) => text).join("");
}
