import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { toolOf } from "../support/deploy-tools.js";
import { startFakeServer } from "../support/server.js";

const path = (name: string): string => fileURLToPath(new URL(`../../deploy/${name}`, import.meta.url));
const read = (name: string): string => readFileSync(path(name), "utf8");
const README = read("README.md");
const promtool = toolOf("promtool");

/** What Prometheus adds to every series, and series of its own. */
const SCRAPED = ["instance", "job"];
const PROMETHEUS = ["up"];

/** Types of the metrics that a server exports, by name. */
async function exportedMetrics(): Promise<Map<string, string>> {
  const { server } = await startFakeServer({ settings: { metricsHost: "localhost", metricsPort: 0 } });
  const text = await (await fetch(`http://localhost:${server.metricsPort}/metrics`)).text();
  return new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!]));
}

/** Names of series, as queries know them. */
function seriesOf(metrics: ReadonlyMap<string, string>): string[] {
  const parts = (name: string) => ["bucket", "sum", "count"].map((part) => `${name}_${part}`);
  return [...metrics].flatMap(([name, type]) => (type === "histogram" ? parts(name) : [name]));
}

/** Labels of the product's metrics, as README's table has them. */
function labelsOf(metric: string): string[] {
  const name = metric.replace(/_(bucket|sum|count)$/, "");
  const [, labels = ""] = new RegExp(`\`${name}\\{([^}]*)\\}\``).exec(README) ?? [];
  return labels.split(",").filter((label) => label !== "");
}

const RULES = [...read("monitoring/alerts.yaml").matchAll(/^ +expr: (>-\n(?: {10}.*\n)+|.*)/gm)].map(
  ([, text]) => text!,
);
const PANELS = JSON.parse(read("monitoring/grafana-dashboard.json")).panels.flatMap(
  ({ targets = [] }: { targets?: { expr: string }[] }) => targets.map(({ expr }) => expr),
) as string[];

it.each([
  ["alerts", RULES],
  ["dashboard", PANELS],
])("every series of the %s is exported, with the labels that it is asked for by", async (_, queries) => {
  const series = [...seriesOf(await exportedMetrics()), ...PROMETHEUS];
  expect(queries.length).toBeGreaterThan(15);
  const wrong: string[] = [];
  for (const query of queries) {
    const selectors = [...query.matchAll(/\b(up|(?:agora|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)];
    if (!/agora:/.test(query)) expect(selectors.length, query).toBeGreaterThan(0);
    for (const [, name, filter = ""] of selectors) {
      if (!series.includes(name!)) wrong.push(`${name} of ${query}`);
      const asked = [...filter.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, label]) => label!);
      for (const label of asked.filter((one) => !SCRAPED.includes(one) && !labelsOf(name!).includes(one)))
        wrong.push(`label ${label} of ${name}`);
    }
  }
  expect(wrong).toEqual([]);
});

it("every metric of the product is in README's table", async () => {
  const own = [...(await exportedMetrics()).keys()].filter((name) => name.startsWith("agora_"));
  expect(own.length).toBeGreaterThan(25);
  expect(own.filter((name) => !new RegExp(`\`${name}[\`{]`).test(README))).toEqual([]);
});

it("every alert is explained in README", () => {
  const alerts = [...read("monitoring/alerts.yaml").matchAll(/- alert: (\w+)/g)].map(([, name]) => name!);
  expect(alerts.length).toBeGreaterThan(10);
  expect(alerts.filter((name) => !README.includes(`\`${name}\``))).toEqual([]);
});

it.skipIf(promtool === undefined)(
  "the alerts are well formed, and fire when they should (needs promtool)",
  () => {
    for (const args of [
      ["check", "rules", path("monitoring/alerts.yaml")],
      ["test", "rules", path("monitoring/alerts.test.yaml")],
    ]) {
      const { status, stdout, stderr } = spawnSync(promtool!, args, { encoding: "utf8" });
      expect(status, stdout + stderr).toBe(0);
    }
  },
);
