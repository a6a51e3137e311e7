import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

const LOWEST = 10_000;
const HIGHEST = 65_535;
const TRIES = 100;
/** Those that Linux gives to who asks for none: its own, where it says so. */
const EPHEMERAL = "/proc/sys/net/ipv4/ip_local_port_range";
const USUAL = [32_768, 60_999];

/**
 * A port on which nobody listens, for a server that cannot be told to choose its own, or that is to have the same one again. None
 * that the system gives to connections that go out: one of those would have it in the time before, or between two starts.
 */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  const [first, last] = ephemeralPorts();
  const below = Math.max(0, first - LOWEST);
  const above = Math.max(0, HIGHEST - last);
  // Where the system gives all of them there is nothing better.
  if (below + above === 0) return tried(0, host).then((port) => port!);
  for (let tries = 0; tries < TRIES; tries++) {
    const index = randomInt(below + above);
    const port = await tried(index < below ? LOWEST + index : last + 1 + index - below, host);
    if (port !== undefined) return port;
  }
  throw new Error(`None of ${TRIES} ports is free`);
}

/** @returns undefined where somebody has it */
function tried(wanted: number, host: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer().once("error", () => resolve(undefined));
    server.listen(wanted, host, () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function ephemeralPorts(): [number, number] {
  let said: number[] = USUAL;
  try {
    said = readFileSync(EPHEMERAL, "utf8").trim().split(/\s+/).map(Number);
  } catch {
    // Another system, which has as good as the same.
  }
  return [said[0]!, said[1]!];
}
