interface ChartProps {
  name: string;
  /** Oldest first. */
  values: readonly number[];
  /** The newest, in words. */
  now: string;
}

const [WIDTH, HEIGHT] = [240, 56];

/** A number over the last minutes. Its scale begins at 0. */
export function Chart({ name, now, values }: ChartProps) {
  const greatest = Math.max(...values, 1e-9);
  const step = WIDTH / Math.max(1, values.length - 1);
  const points = values.map(
    (value, index) => `${index * step},${HEIGHT - (value / greatest) * (HEIGHT - 4)}`,
  );
  return (
    <figure class="chart">
      <figcaption>
        <span class="quiet">{name}</span>
        <strong>{now}</strong>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        {values.length > 1 && (
          <>
            <polygon points={`0,${HEIGHT} ${points.join(" ")} ${WIDTH},${HEIGHT}`} />
            <polyline points={points.join(" ")} />
          </>
        )}
      </svg>
    </figure>
  );
}
