import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { PATIENCE, type Patience } from "../../src/doors/socket/limits.js";
import { Peer, type PeerOptions } from "../../src/doors/socket/peer.js";
import { until } from "../support/server.js";

/** Both sides of a connection: ours as doors have it, the other as a test wants it. */
async function connection(patience: Partial<Patience> = {}, options: Partial<PeerOptions> = {}) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
  onTestFinished(() => server.close());
  await once(server, "listening");
  const opened = once(server, "connection");
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    autoPong: false,
  });
  onTestFinished(() => client.terminate());
  client.on("error", () => {});
  const [socket] = (await opened) as [WebSocket];
  if (client.readyState !== WebSocket.OPEN) await once(client, "open");
  const failures: string[] = [];
  const codes: number[] = [];
  const texts: string[] = [];
  client.on("message", (data) => texts.push(String(data)));
  const peer = new Peer(
    socket,
    { idleTimeout: Number.POSITIVE_INFINITY, patience: { ...PATIENCE, ...patience }, ...options },
    {
      onMessage: async () => {},
      onHeard: () => {},
      onFailure: (reason) => failures.push((reason as Error).message),
      onClose: (code) => codes.push(code),
    },
  );
  return { client, peer, socket, failures, codes, texts };
}

const LARGE = "x".repeat(256 * 1024);

describe("a connection", () => {
  it("keeps for a slow reader all that is final, and of what replaces itself the newest", async () => {
    const { client, peer, texts } = await connection({ slow: 1024 ** 2, unread: 64 * 1024 ** 2 });
    client.pause();
    // More than the kernel takes.
    for (let i = 0; i < 40; i++) peer.send({ final: i, LARGE });
    for (let i = 0; i < 1000; i++) peer.offer("text", { partial: i });
    peer.offer("other", { partial: "other" });
    client.resume();
    await until(() => texts.length >= 42);
    const messages = texts.map((text) => JSON.parse(text));
    expect(messages.filter(({ final }) => final !== undefined).map(({ final }) => final)).toEqual(
      Array.from({ length: 40 }, (_, i) => i),
    );
    expect(messages.filter(({ partial }) => partial !== undefined)).toEqual([
      { partial: 999 },
      { partial: "other" },
    ]);
  });

  it("does not tell what a final has replaced by then", async () => {
    const { client, peer, texts } = await connection({ slow: 1024 ** 2, unread: 64 * 1024 ** 2 });
    client.pause();
    for (let i = 0; i < 40; i++) peer.send({ final: i, LARGE });
    peer.offer("text", { partial: "Hello wor" });
    peer.send({ final: "Hello, world." }, "text");
    client.resume();
    await until(() => texts.length >= 41);
    expect(texts.at(-1)).toContain("Hello, world.");
    expect(texts.join("")).not.toContain('Hello wor"');
  });

  it("ends with a reader who leaves too much unread", async () => {
    const { client, peer, failures, codes } = await connection({ unread: 1024 ** 2 });
    client.pause();
    for (let i = 0; i < 100 && failures.length === 0; i++) peer.send({ LARGE });
    expect(failures).toEqual(["The client leaves too much unread"]);
    await until(() => codes.length === 1);
  });

  it("ends with a reader who reads nothing for too long", async () => {
    const { client, peer, failures, codes } = await connection({ stuck: 0.3, unread: 64 * 1024 ** 2 });
    client.pause();
    for (let i = 0; i < 40; i++) peer.send({ LARGE });
    await until(() => codes.length === 1);
    expect(failures).toEqual(["The client has read nothing for 0.3 s"]);
  });

  it("ends with who answers no ping", async () => {
    const { codes } = await connection({ ping: 0.1 });
    await until(() => codes.length === 1);
    expect(codes).toEqual([1006]);
  });

  it("outlasts pings that cannot be answered while nothing is read", async () => {
    const { client, socket, codes } = await connection({ ping: 0.1 });
    client.on("ping", () => client.pong());
    socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(codes).toEqual([]);
    socket.resume();
  });

  it("is closed though nobody answers that", async () => {
    const { client, peer, codes } = await connection({ closing: 0.2 });
    client.pause();
    peer.close(1000, "ü".repeat(200));
    await until(() => codes.length === 1);
  });
});
