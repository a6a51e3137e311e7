import { useEffect, useState } from "preact/hooks";
import { type Metrics, readMetrics } from "../server/metrics.js";
import { useText } from "../text/text.js";
import { Chart } from "./chart.js";
import { cores, memory, requests, running, seriesOf, speed, waiting } from "./series.js";

/** Milliseconds between two looks, and how many are shown: five minutes. */
const EVERY = 2000;
const SHOWN = 150;
const MIB = 1024 ** 2;

/** What the server does, for who runs it. */
export function Dashboard() {
  const text = useText();
  const [history, setHistory] = useState<readonly Metrics[]>([]);
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      const metrics = await readMetrics(stop.signal).catch(() => undefined);
      if (metrics) setHistory((now) => [...now.slice(-SHOWN), metrics]);
      if (!stop.signal.aborted) timer = setTimeout(look, EVERY);
    };
    void look();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, []);
  const now = history.at(-1);
  if (!now) return null;
  const charts = [
    { name: text.say("chartSpeed"), measure: speed, show: (value: number) => text.say("times", { value }) },
    { name: text.say("chartRunning"), measure: running, show: text.number.bind(text) },
    { name: text.say("chartWaiting"), measure: waiting, show: text.number.bind(text) },
    { name: text.say("chartRequests"), measure: requests, show: text.number.bind(text) },
    { name: text.say("chartCores"), measure: cores, show: text.number.bind(text) },
    {
      name: text.say("chartMemory"),
      measure: memory,
      show: (value: number) => text.say("mib", { value: Math.round(value / MIB) }),
    },
  ];
  const outcomes = now.by("agora_requests_total", "outcome");
  return (
    <section class="dashboard" aria-label={text.say("dashboard")}>
      <p class="quiet">
        {now.label("agora_info", "model")} · {now.label("agora_info", "device")} ·{" "}
        {now.label("agora_info", "version")}
      </p>
      <div class="charts">
        {charts.map(({ measure, name, show }) => {
          const values = seriesOf(history, measure);
          return <Chart key={name} name={name} values={values} now={show(values.at(-1) ?? 0)} />;
        })}
      </div>
      {outcomes.length > 0 && (
        <table>
          <caption>{text.say("outcomes")}</caption>
          <tbody>
            {outcomes.map(([outcome, count]) => (
              <tr key={outcome}>
                <th scope="row">{outcome}</th>
                <td>{text.number(count)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
