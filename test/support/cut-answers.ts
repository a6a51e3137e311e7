import { type AddressInfo, connect, createServer } from "node:net";
import { onTestFinished } from "vitest";

export interface CutAnswers {
  /** Where `url` is reached through it. */
  url: string;
  /** Ends the connection on which the next request comes that holds `text`, with what was asked done, and not answered. */
  cutAfter(text: string): void;
  /** How many were cut. */
  cuts: number;
}

/** A way to a server on this machine that may end between what it has done and its word of it. */
export async function cutAnswers(url: string): Promise<CutAnswers> {
  const { hostname, port } = new URL(url);
  let wanted: string | undefined;
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    let isDoomed = false;
    near.on("data", (piece) => {
      if (wanted !== undefined && piece.includes(wanted)) {
        wanted = undefined;
        isDoomed = true;
      }
      far.write(piece);
    });
    far.on("data", (piece) => {
      if (!isDoomed) return near.write(piece);
      found.cuts++;
      far.destroy();
      return near.destroy();
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const)
      one.on("close", () => other.destroy()).on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
  });
  const way = new URL(url);
  way.port = String((server.address() as AddressInfo).port);
  const found: CutAnswers = {
    url: way.href,
    cuts: 0,
    cutAfter: (text) => {
      wanted = text;
    },
  };
  return found;
}
