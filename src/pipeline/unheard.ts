import type { Span } from "./assemble.js";

/** Seconds of speech without text that are worth a word. */
const MIN_UNHEARD = 1;
/** Seconds by which times of text and of speech may differ. */
const MARGIN = 0.5;
/** Stretches that a warning names. */
const NAMED = 5;

/** Stretches of at least a second of `spoken` that no segment covers. Both in order of time. */
export function unheardSpeech(spoken: readonly Span[], segments: readonly Span[]): Span[] {
  const unheard: Span[] = [];
  for (const { start, end } of spoken) {
    let from = start;
    for (const segment of segments) {
      if (segment.start - MARGIN > from) add(unheard, from, Math.min(end, segment.start - MARGIN));
      from = Math.max(from, segment.end + MARGIN);
      if (from >= end) break;
    }
    add(unheard, from, end);
  }
  return unheard;
}

function add(spans: Span[], start: number, end: number): void {
  if (end - start >= MIN_UNHEARD) spans.push({ start, end });
}

/** Says how much speech gave no text, and where. `channel`: where there are several. */
export function unheardWarnings(spans: readonly Span[], channel?: number): string[] {
  return warnings(spans, channel, "sound like speech but gave no text");
}

/** Says how much sound gave text that was left out, and where. */
export function droppedWarnings(spans: readonly Span[], channel?: number): string[] {
  const what = "gave text that was left out as invented, for the model takes the sound for no speech";
  return warnings(spans, channel, what);
}

function warnings(spans: readonly Span[], channel: number | undefined, what: string): string[] {
  if (spans.length === 0) return [];
  const total = spans.reduce((sum, { start, end }) => sum + end - start, 0);
  const named = spans.slice(0, NAMED).map(({ start, end }) => `${start.toFixed(1)}–${end.toFixed(1)} s`);
  const more = spans.length > NAMED ? ` and ${spans.length - NAMED} more` : "";
  const where = channel === undefined ? "" : ` of channel ${channel}`;
  return [`${total.toFixed(1)} s${where} ${what}: ${named.join(", ")}${more}`];
}
