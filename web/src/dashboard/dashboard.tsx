import type { Metrics } from "../server/metrics.js";
import { type Text, useText } from "../text/text.js";
import { Chart } from "./chart.js";
import { type Count, Counts } from "./counts.js";
import { failuresOf, kindOf } from "./failures.js";
import { type HeardSpeakers, languagesOf, speakersOf } from "./heard.js";
import { RequestTable } from "./request-table.js";
import * as measure from "./series.js";
import { useMetrics } from "./use-metrics.js";

const MIB = 1024 ** 2;
/** Rows of languages and of failures: more would be read by nobody. */
const SHOWN = 8;

/** What the server does and has done, for who runs it. */
export function Dashboard() {
  const text = useText();
  const history = useMetrics();
  const now = history.at(-1);
  if (!now) return null;
  const times = (value: number) => text.say("times", { value });
  const number = (value: number) => text.number(value);
  const mib = (value: number) => text.say("mib", { value: Math.round(value / MIB) });
  const charts = [
    { name: text.say("chartSpeed"), of: measure.speed, show: times },
    { name: text.say("chartRunning"), of: measure.running, show: number },
    { name: text.say("chartWaiting"), of: measure.waiting, show: number },
    { name: text.say("chartRequests"), of: measure.requests, show: number },
    { name: text.say("chartFailures"), of: measure.failures, show: number, isBad: true },
    { name: text.say("chartLive"), of: measure.live, show: number },
    { name: text.say("chartCores"), of: measure.cores, show: number },
    { name: text.say("chartMemory"), of: measure.memory, show: mib },
  ];
  return (
    <section class="dashboard server" aria-label={text.say("dashboard")}>
      <p class="quiet">{aboutServer(now, text)}</p>
      <h2>{text.say("lately")}</h2>
      <div class="charts">
        {charts.map(({ of, ...shown }) => (
          <Chart key={shown.name} points={measure.seriesOf(history, of)} {...shown} />
        ))}
      </div>
      <h2>{text.say("sinceStart")}</h2>
      <div class="panels">
        <Counts name={text.say("languages")} rows={languageRows(now, text)} none={text.say("noneYet")} />
        <Counts
          name={text.say("heardSpeakers")}
          rows={speakerRows(now, text)}
          none={text.say("noSpeakersYet")}
        />
        <Counts
          name={text.say("failures")}
          rows={failureRows(now, text)}
          none={text.say("noFailures")}
          isBad
        />
      </div>
      <RequestTable metrics={now} />
    </section>
  );
}

function aboutServer(now: Metrics, text: Text): string {
  const facts = ["model", "device", "version"].map((label) => now.label("agora_info", label));
  const since = new Date(1000 * now.sum("process_start_time_seconds"));
  const time = since.toLocaleString(text.language, { dateStyle: "medium", timeStyle: "short" });
  return [...facts.filter((fact) => fact !== undefined), text.say("runsSince", { time })].join(" · ");
}

function languageRows(now: Metrics, text: Text): Count[] {
  const names = new Intl.DisplayNames(text.language, { type: "language" });
  const nameOf = (code: string) =>
    code === "none" ? text.say("nobodySpoke") : code === "other" ? text.say("otherLanguage") : names.of(code);
  return languagesOf(now)
    .slice(0, SHOWN)
    .map(({ code, probability, recordings }) => ({
      key: code,
      name: nameOf(code) ?? code,
      detail:
        probability === undefined || code === "none"
          ? undefined
          : text.say("sureTo", { value: Math.round(100 * probability) }),
      count: recordings,
    }));
}

function speakerRows(now: Metrics, text: Text): Count[] {
  return speakersOf(now).map((heard) => ({
    key: String(heard.from),
    name: speakersName(heard, text),
    count: heard.recordings,
  }));
}

function speakersName({ from, to }: HeardSpeakers, text: Text): string {
  if (from === 0) return text.say("nobodySpoke");
  if (to === undefined) return text.say("speakersAndMore", { count: from });
  return from === to ? text.count("speakersCount", from) : text.say("speakersFromTo", { from, to });
}

function failureRows(now: Metrics, text: Text): Count[] {
  return failuresOf(now)
    .slice(0, SHOWN)
    .map(([code, count]) => {
      const kind = kindOf(code);
      return { key: code, name: kind ? text.say(kind) : code, detail: kind && code, count };
    });
}
