import { useText } from "../text/text.js";
import type { Point } from "./series.js";
import { KEPT } from "./use-metrics.js";

interface ChartProps {
  name: string;
  /** Oldest first. */
  points: readonly Point[];
  /** A value in words. */
  show(value: number): string;
  /** Whether what it counts is nothing good. */
  isBad?: boolean;
}

const [WIDTH, HEIGHT] = [240, 56];
/** Milliseconds that it shows at least: a moment is no course. */
const LEAST = 20_000;

/** A number over the last minutes, the newest on the right. Its scale begins at 0. */
export function Chart({ isBad = false, name, points, show }: ChartProps) {
  const text = useText();
  const values = points.map(({ value }) => value);
  const greatest = Math.max(...values, 1e-9);
  const end = points.at(-1)?.at ?? 0;
  const shown = Math.min(KEPT, Math.max(LEAST, end - (points[0]?.at ?? end)));
  const x = (at: number) => WIDTH * (1 - (end - at) / shown);
  const drawn = points.map(
    ({ at, value }) => `${x(at).toFixed(1)},${(HEIGHT - 1 - (value / greatest) * (HEIGHT - 5)).toFixed(1)}`,
  );
  return (
    <figure class={isBad ? "chart bad" : "chart"}>
      <figcaption>
        <span class="quiet">{name}</span>
        <strong>{show(values.at(-1) ?? 0)}</strong>
        <span class="most quiet">{text.say("atMost", { value: show(Math.max(0, ...values)) })}</span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        {points.length > 1 && (
          <>
            <polygon points={`${x(points[0]!.at)},${HEIGHT} ${drawn.join(" ")} ${WIDTH},${HEIGHT}`} />
            <polyline points={drawn.join(" ")} />
          </>
        )}
      </svg>
    </figure>
  );
}
