import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import type { Ended, RunningCall, SendOptions } from "./calls.js";

/** The ways to send a recording over HTTP. */
export const HTTP_WAYS = ["http form", "http chunked", "http events", "http inference", "http asr"] as const;
export type HttpWay = (typeof HTTP_WAYS)[number];

const TRANSCRIPTIONS = "/v1/audio/transcriptions";
const PATHS: Record<HttpWay, string> = {
  "http form": TRANSCRIPTIONS,
  "http chunked": TRANSCRIPTIONS,
  "http events": TRANSCRIPTIONS,
  "http inference": "/inference",
  "http asr": "/asr?output=json",
};
const BOUNDARY = "----a-boundary-of-the-bench";

/** A client with connections of its own, which it keeps for its next calls. */
export class HttpCaller {
  readonly #agent: Agent;
  readonly #port: number;

  /** @param port on this machine @param connections at most */
  constructor(port: number, connections = Number.POSITIVE_INFINITY) {
    this.#port = port;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  /** @param send `deadline` is the request's own `timeout`; `options` are fields, as they stand in contract v2 */
  send(way: HttpWay, bytes: Buffer, send: SendOptions = {}): RunningCall {
    const body = formOf(way, bytes, send);
    const isChunked = way === "http chunked" || send.silent || send.pause !== undefined;
    const sending = request({
      agent: this.#agent,
      host: "127.0.0.1",
      port: this.#port,
      method: "POST",
      path: PATHS[way],
      headers: {
        "content-type": `multipart/form-data; boundary=${BOUNDARY}`,
        ...(!isChunked && { "content-length": body.length }),
      },
    });
    const ended = answerTo(sending, way);
    void upload(sending, body, send);
    return { ended, cancel: () => void sending.destroy() };
  }

  close(): void {
    this.#agent.destroy();
  }
}

function formOf(way: HttpWay, bytes: Buffer, { deadline, options = {} }: SendOptions): Buffer {
  const fields: [string, string][] = Object.entries(options).map(([name, value]) => [name, String(value)]);
  if (deadline !== undefined) fields.push(["timeout", (Math.max(1, deadline) / 1000).toFixed(3)]);
  if (way === "http events") fields.push(["stream", "true"]);
  if (PATHS[way] === TRANSCRIPTIONS) fields.push(["model", "whisper-1"]);
  const file = way === "http asr" ? "audio_file" : "file";
  const part = (disposition: string, value: string | Buffer): Buffer[] => [
    Buffer.from(`--${BOUNDARY}\r\ncontent-disposition: form-data; ${disposition}\r\n\r\n`),
    Buffer.from(value),
    Buffer.from("\r\n"),
  ];
  return Buffer.concat([
    ...part(`name="${file}"; filename="call.wav"`, bytes),
    ...fields.flatMap(([name, value]) => part(`name="${name}"`, value)),
    Buffer.from(`--${BOUNDARY}--\r\n`),
  ]);
}

async function upload(
  sending: ClientRequest,
  body: Buffer,
  { chunk = 32 * 1024, pause = 0, silent = false }: SendOptions,
): Promise<void> {
  if (pause === 0 && !silent) return void sending.end(body);
  // One that is silent never comes to the end.
  const last = silent ? body.length - 100 : body.length;
  for (let at = 0; at < last && !sending.destroyed; at += chunk) {
    sending.write(body.subarray(at, Math.min(at + chunk, last)));
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
  }
  if (!silent && !sending.destroyed) sending.end();
}

/** Never rejects; status -1: there was no answer, or not all of it. */
function answerTo(sending: ClientRequest, way: HttpWay): Promise<Ended> {
  return new Promise((resolve) => {
    const fail = ({ message }: Error) => resolve({ status: -1, message });
    const onClose = () => fail(new Error("The connection was closed"));
    sending.on("error", fail);
    sending.once("close", onClose);
    sending.once("response", async (response: IncomingMessage) => {
      // What ends early from here on, its reader sees.
      sending.off("close", onClose);
      try {
        let text = "";
        for await (const piece of response) text += piece;
        resolve(read(way, response.statusCode!, text));
      } catch (error) {
        fail(error as Error);
      }
    });
  });
}

function read(way: HttpWay, status: number, body: string): Ended {
  if (status !== 200) return { status, message: messageIn(body) };
  if (way !== "http events") return { status, text: inOneLine(JSON.parse(body).text) };
  const blocks = body.split("\n\n").filter((block) => /^data: /m.test(block));
  const last = blocks.at(-1) ?? "";
  const data = /^data: (.*)$/m.exec(last)?.[1] ?? "{}";
  if (/^event: error$/m.test(last)) return { status, message: messageIn(data) };
  return { status, text: inOneLine(JSON.parse(data).text) };
}

/** whisper.cpp's server has a line for each segment. */
function inOneLine(text: string): string {
  return text.trim().replaceAll("\n", " ");
}

function messageIn(body: string): string {
  try {
    return String(JSON.parse(body).error.message);
  } catch {
    return body.slice(0, 200);
  }
}
