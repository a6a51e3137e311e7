import { readFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { Caller, type Ended, WAYS } from "../../bench/support/calls.js";
import { freePort } from "../../bench/support/free-port.js";
import { type ServerProcess, startServerProcess } from "../../bench/support/server-process.js";
import { RECORDING, SOME_FILE } from "../support/server.js";

/** An implementation that answers at once: what a model takes would only make the calls fewer. */
const FAKE = { MODEL_IMPLEMENTATION: "fake", MODEL_NAME: SOME_FILE };
/** Calls that go on at once. */
const LANES = 4;

async function start(settings: Record<string, string> = {}): Promise<ServerProcess> {
  const server = await startServerProcess({ ...FAKE, ...settings }, "test/support/fake-server-process.ts");
  onTestFinished(() => server.kill());
  return server;
}

/** Clients that call without a pause until they are told to stop. */
function keepCalling(caller: Caller): { ended: Ended[]; stop(): Promise<void> } {
  const ended: Ended[] = [];
  let isOver = false;
  const lanes = Array.from({ length: LANES }, async (_, lane) => {
    for (let i = lane; !isOver; i++) ended.push(await caller.send(WAYS[i % WAYS.length]!, RECORDING).ended);
  });
  return {
    ended,
    stop: async () => {
      isOver = true;
      await Promise.all(lanes);
      caller.close();
    },
  };
}

/** Waits until some more calls have been answered. */
async function someMore(ended: Ended[]): Promise<void> {
  const enough = ended.length + 10 * LANES;
  while (ended.length < enough) await new Promise((resolve) => setTimeout(resolve, 10));
}

function expectNoLoss(ended: Ended[]): void {
  expect(ended.filter(({ text }) => text === undefined)).toEqual([]);
  expect(new Set(ended.map(({ text }) => text)).size).toBe(1);
}

it("loses no call behind a balancer of connections when a new process takes over", async () => {
  const old = await start();
  let target = old.port;
  const balancer = createServer((inbound) => {
    const outbound = connect(target, "localhost");
    for (const socket of [inbound, outbound]) socket.on("error", () => {});
    inbound.pipe(outbound).pipe(inbound);
  }).listen(0, "localhost");
  onTestFinished(() => void balancer.close());
  await new Promise((resolve) => balancer.once("listening", resolve));
  const { ended, stop } = keepCalling(new Caller((balancer.address() as AddressInfo).port));
  await someMore(ended);
  const next = await start();
  target = next.port;
  expect(await old.stop()).toBe(0);
  await someMore(ended);
  await stop();
  expectNoLoss(ended);
  expect(await next.stop()).toBe(0);
});

it("loses no call of clients that balance over both addresses and try again as deploy/README.md says", async () => {
  const port = await freePort("localhost");
  const old = await start();
  const both = `ipv4:127.0.0.1:${old.port},127.0.0.1:${port}`;
  const caller = new Caller(both, { "grpc.service_config": JSON.stringify(await clientConfig()) });
  const { ended, stop } = keepCalling(caller);
  await someMore(ended);
  // Takes connections at once, and calls when its model is loaded.
  const next = await start({ SERVER_PORT: String(port) });
  await someMore(ended);
  expect(await old.stop()).toBe(0);
  await someMore(ended);
  await stop();
  expectNoLoss(ended);
  expect(await next.stop()).toBe(0);
});

/** The service config that deploy/README.md gives to clients. */
async function clientConfig(): Promise<object> {
  const readme = await readFile(new URL("../../deploy/README.md", import.meta.url), "utf8");
  return JSON.parse(/```json\n(\{\s*"loadBalancingConfig"[\s\S]*?)```/.exec(readme)![1]!);
}
