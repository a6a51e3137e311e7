import type { Peaks } from "../server/peaks.js";
import type { Party, Turn } from "./turns.js";

/** Pixels of a lane, and between two. */
export const LANE = 34;
export const GAP = 4;
export const PARTY_COLOURS = 8;

interface Lanes {
  turns: readonly Turn[];
  parties: readonly Party[];
  peaks: Peaks | undefined;
  /** Seconds. */
  duration: number;
}

/** Draws a lane for each party: its channel's sound, in its colour where it speaks. Without the sound, where it speaks. */
export function drawLanes(canvas: HTMLCanvasElement, { duration, parties, peaks, turns }: Lanes): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const { clientHeight, clientWidth } = canvas;
  canvas.width = clientWidth * devicePixelRatio;
  canvas.height = clientHeight * devicePixelRatio;
  context.scale(devicePixelRatio, devicePixelRatio);
  const style = getComputedStyle(canvas);
  const colour = (name: string) => style.getPropertyValue(name);
  for (let lane = 0; lane < Math.max(1, parties.length); lane++) {
    const top = lane * (LANE + GAP);
    context.fillStyle = colour("--lane");
    context.fillRect(0, top, clientWidth, LANE);
    const speaks = spokenPixels(turns, lane, clientWidth / duration, clientWidth);
    const own = peaks?.channels[parties[lane]?.channel ?? 0] ?? peaks?.channels[0];
    for (let x = 0; x < clientWidth; x++) {
      context.fillStyle = colour(speaks[x] ? `--party-${lane % PARTY_COLOURS}` : "--sound");
      const half =
        own && peaks
          ? (loudness(own, peaks.per_second, (x * duration) / clientWidth, duration / clientWidth) * LANE) / 2
          : 0;
      if (own) context.fillRect(x, top + LANE / 2 - half, 1, Math.max(1, 2 * half));
      else if (speaks[x]) context.fillRect(x, top, 1, LANE);
    }
  }
}

/** Which pixels a party speaks in. */
function spokenPixels(turns: readonly Turn[], party: number, perSecond: number, width: number): Uint8Array {
  const speaks = new Uint8Array(width);
  for (const turn of turns)
    if (turn.party === party)
      speaks.fill(1, Math.floor(turn.start * perSecond), Math.ceil(turn.end * perSecond));
  return speaks;
}

/** Greatest of a stretch, 0 to 1; the root shows quiet speech, too. */
function loudness(samples: readonly number[], perSecond: number, start: number, seconds: number): number {
  const from = 2 * Math.floor(start * perSecond);
  const to = Math.min(samples.length, Math.max(from + 2, 2 * Math.ceil((start + seconds) * perSecond)));
  let greatest = 0;
  for (let i = from; i < to; i++) greatest = Math.max(greatest, Math.abs(samples[i]!));
  return Math.sqrt(greatest / 127);
}
