import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import type { Message } from "./live-server.js";
import { until } from "./server.js";

/** A message of AudioSocket. */
export function audioSocketFrame(kind: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const frame = Buffer.alloc(3 + payload.length);
  frame[0] = kind;
  frame.writeUInt16BE(payload.length, 1);
  frame.set(payload, 3);
  return frame;
}

export const uuidBytes = (uuid: string) => Buffer.from(uuid.replaceAll("-", ""), "hex");

/** A channel of Asterisk's whose audio goes to the server. */
export class AsteriskChannel {
  readonly socket: Socket;
  /** What the server has said. */
  received = Buffer.alloc(0);
  isClosed = false;

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    this.socket.on("data", (data) => {
      this.received = Buffer.concat([this.received, data]);
    });
    this.socket.on("error", () => {});
    this.socket.on("end", () => this.socket.end());
    this.socket.on("close", () => {
      this.isClosed = true;
    });
    onTestFinished(() => void this.socket.destroy());
  }

  send(kind: number, payload?: Uint8Array): void {
    this.socket.write(audioSocketFrame(kind, payload));
  }

  /** As Asterisk does it: the UUID first. */
  join(uuid: string): this {
    this.send(0x01, uuidBytes(uuid));
    return this;
  }

  async closed(): Promise<void> {
    await until(() => this.isClosed);
  }
}

/** What `GET /api/calls…` answers. */
export async function askCalls(httpPort: number, path = ""): Promise<{ status: number; json: Message }> {
  const response = await fetch(`http://127.0.0.1:${httpPort}/api/calls${path}`);
  const text = await response.text();
  return { status: response.status, json: text === "" ? undefined : JSON.parse(text) };
}

/** The call when it has ended. */
export async function endedCall(httpPort: number, id: string): Promise<Message> {
  let found: Message;
  await until(async () => {
    found = (await askCalls(httpPort, `/${id}`)).json;
    return found?.status === "ended";
  });
  return found;
}

/** Follows the events of a call, until it has ended. */
export function followCall(httpPort: number, id: string, headers: Record<string, string> = {}) {
  const controller = new AbortController();
  onTestFinished(() => controller.abort());
  const seen: { id: number | undefined; data: Message }[] = [];
  const ended = (async () => {
    const response = await fetch(`http://127.0.0.1:${httpPort}/api/calls/${id}/events`, {
      headers,
      signal: controller.signal,
    });
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const block = text.slice(0, end);
        text = text.slice(end + 2);
        const data = /^data: (.*)$/m.exec(block)?.[1];
        const number = /^id: (.*)$/m.exec(block)?.[1];
        if (data)
          seen.push({ id: number === undefined ? undefined : Number(number), data: JSON.parse(data) });
      }
    }
    return response.status;
  })();
  ended.catch(() => {});
  return {
    seen,
    ended,
    types: () => seen.map(({ data }) => data.type as string),
    leave: () => controller.abort(),
  };
}
