/** Samples of a server's metrics, by name with labels as they stand in the text. */
export async function readMetrics(metricsPort: number): Promise<Map<string, number>> {
  const response = await fetch(`http://localhost:${metricsPort}/metrics`, {
    headers: { connection: "close" },
  });
  const lines = (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const [, name, value] = /^([a-z_0-9]+(?:\{.*\})?) (\S+)$/i.exec(line)!;
      return [name!, Number(value)];
    }),
  );
}
