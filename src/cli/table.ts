/** Rows in columns as wide as their widest cell, two spaces apart, without trailing space. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows
    .map((row) => {
      const line = row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ");
      return `${line.trimEnd()}\n`;
    })
    .join("");
}
