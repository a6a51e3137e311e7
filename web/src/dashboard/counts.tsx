import { useText } from "../text/text.js";

/** What there are so many of. */
export interface Count {
  /** Tells it from the others. */
  key: string;
  name: string;
  /** What else is to be said of it. */
  detail?: string | undefined;
  count: number;
}

interface CountsProps {
  name: string;
  rows: readonly Count[];
  /** What is said where there are none. */
  none: string;
  isBad?: boolean;
}

/** Numbers beside each other, as a table with a bar for each. */
export function Counts({ isBad = false, name, none, rows }: CountsProps) {
  const text = useText();
  const greatest = Math.max(...rows.map(({ count }) => count), 1);
  return (
    <section class={isBad ? "counts bad" : "counts"} aria-label={name}>
      <h3>{name}</h3>
      {rows.length === 0 ? (
        <p class="quiet">{none}</p>
      ) : (
        <table>
          <tbody>
            {rows.map(({ count, detail, key, name }) => (
              <tr key={key} style={`--share: ${count / greatest}`}>
                <th scope="row">
                  {name} {detail !== undefined && <span class="quiet">{detail}</span>}
                </th>
                <td>{text.number(count)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
