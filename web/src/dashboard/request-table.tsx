import type { Metrics } from "../server/metrics.js";
import { useText } from "../text/text.js";

/** Rows: those that are asked for the most. */
const SHOWN = 10;
const SECONDS = "agora_request_duration_seconds";

/** What was asked of the server, how often, and how long that took in the mean. */
export function RequestTable({ metrics }: { metrics: Metrics }) {
  const text = useText();
  const methods = metrics.by("agora_requests_total", "method").slice(0, SHOWN);
  if (methods.length === 0) return null;
  const greatest = Math.max(...methods.map(([, count]) => count));
  return (
    <section class="counts requests" aria-label={text.say("requests")}>
      <h3>{text.say("requests")}</h3>
      <table>
        <thead>
          <tr>
            <th scope="col">{text.say("requestMethod")}</th>
            <th scope="col">{text.say("requestNumber")}</th>
            <th scope="col">{text.say("requestTime")}</th>
          </tr>
        </thead>
        <tbody>
          {methods.map(([method, count]) => (
            <tr key={method} style={`--share: ${count / greatest}`}>
              {/* Of what a path may have in a place, its name says enough. */}
              <th scope="row">{method.replace(/\([^)]*\)/g, "")}</th>
              <td>{text.number(count)}</td>
              <td>{text.say("seconds", { value: text.precise(meanOf(metrics, method)) })}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Seconds. */
function meanOf(metrics: Metrics, method: string): number {
  return metrics.sum(`${SECONDS}_sum`, { method }) / Math.max(1, metrics.sum(`${SECONDS}_count`, { method }));
}
