import type { Statistic } from "./alternate.js";
import type { MemoryRow } from "./memory.js";
import type { Met, Row } from "./row.js";

const VERDICTS: Record<Met, string> = { target: "target met", "at least": "minimum met", no: "**missed**" };

/** The rows as a Markdown table. */
export function markdown(rows: readonly Row[], memory: MemoryRow | undefined): string {
  const lines = rows.map((row) => {
    const also = Object.entries(row.also ?? {}).map(([what, ratio]) => `; ${times(ratio)} ${what}`);
    return line(
      row.what,
      cell(row.ours, row.best.ours, row.unit),
      cell(row.peer, row.best.peer, row.unit),
      `**${times(row.ratio)}**${also.join("")}`,
      row.goal && row.met
        ? `${times(row.goal.target)} (${times(row.goal.atLeast)}): ${VERDICTS[row.met]}`
        : "–",
    );
  });
  if (memory) {
    const types = Object.entries(memory.ours).map(
      ([name, { peak, file, limits }]) =>
        `${name} ${megabytes(peak)} (file ${megabytes(file)}, limit ${megabytes(limits.target)})`,
    );
    const limits = "1.5× (2×) the model file + 1 GB";
    lines.push(line(memory.what, types.join(", "), "–", "–", `${limits}: ${VERDICTS[memory.met]}`));
  }
  return [
    line("what", "agora-transcribe", "whisper.cpp", "ratio", "target (at least)"),
    line("---", "---", "---", "---", "---"),
    ...lines,
  ].join("\n");
}

function line(...cells: string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** The best with its range, then the others. */
function cell(results: Record<string, Statistic>, best: string, unit: string): string {
  const { median, min, max, samples } = results[best]!;
  const range = samples.length > 1 ? ` (${digits(min)}–${digits(max)})` : "";
  const others = Object.entries(results)
    .filter(([name]) => name !== best)
    .map(([name, value]) => `, ${name} ${digits(value.median)}`);
  return `${digits(median)} ${unit}${range} ${best}${others.join("")}`;
}

function times(ratio: number): string {
  return `${digits(ratio)}×`;
}

function digits(value: number): string {
  return value >= 100
    ? value.toFixed(0)
    : value
        .toPrecision(3)
        .replace(/(\.\d*?)0+$/, "$1")
        .replace(/\.$/, "");
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
