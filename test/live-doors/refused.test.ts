import { connect } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { startLive } from "../support/live-server.js";
import { AsteriskChannel } from "../support/phone-calls.js";
import { until } from "../support/server.js";

const TOKEN = "correct-horse-battery";
const UPGRADE = [
  "GET /v1/realtime HTTP/1.1",
  "host: 127.0.0.1",
  "connection: Upgrade",
  "upgrade: websocket",
  "sec-websocket-version: 13",
  "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
];

describe("a connection that is refused", () => {
  it.each([
    ["at the port of HTTP", "httpPort", "HTTP/1.1 401"],
    ["at the port of Vosk's clients", "voskPort", "HTTP/1.1 401"],
    ["at the port of AudioSocket", "audioSocketPort", "\0\0\0"],
  ] as const)("is gone though its client never closes its own side, %s", async (_, key, answer) => {
    const { server, transcriber } = await startLive({ settings: { apiToken: TOKEN, maxCalls: 1 } });
    const ports = { ...server.livePorts, httpPort: server.httpPort };
    const other = new AsteriskChannel(ports.audioSocketPort!).join("40325ec2-5efd-4bd3-805f-53576e581d13");
    other.send(0x10, Buffer.alloc(320));
    await until(() => transcriber.streams.length === 1);

    const socket = connect({ port: ports[key]!, host: "127.0.0.1", allowHalfOpen: true });
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => {});
    let [received, isGone] = ["", false];
    socket.on("data", (data) => {
      received += data.toString("latin1");
    });
    socket.once("close", () => {
      isGone = true;
    });
    socket.write(`${UPGRADE.join("\r\n")}\r\n\r\n`);
    await until(() => received.length > 0);
    // Who writes to a connection that is gone is told so.
    await until(() => {
      if (!isGone) socket.write("more");
      return isGone;
    });
    expect(received.startsWith(answer)).toBe(true);
  });
});
