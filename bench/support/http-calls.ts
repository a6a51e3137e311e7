import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
} from "node:http";
import type { Ended, RunningCall, SendOptions } from "./calls.js";

/** The ways to send a recording over HTTP. */
export const HTTP_WAYS = [
  "http form",
  "http chunked",
  "http events",
  "http inference",
  "http asr",
  "http job",
] as const;
export type HttpWay = (typeof HTTP_WAYS)[number];

const TRANSCRIPTIONS = "/v1/audio/transcriptions";
const PATHS: Record<HttpWay, string> = {
  "http form": TRANSCRIPTIONS,
  "http chunked": TRANSCRIPTIONS,
  "http events": TRANSCRIPTIONS,
  "http inference": "/inference",
  "http asr": "/asr?output=json",
  "http job": "/v1/jobs",
};
/** Milliseconds between two looks at a job. */
const LOOK_EVERY = 100;
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

  /**
   * @param send `deadline` is the request's own `timeout`; `options` are fields, as they stand in contract v2
   * @returns a job that is cancelled is told to the server, if that has accepted it
   */
  send(way: HttpWay, bytes: Buffer, send: SendOptions = {}): RunningCall {
    const body = formOf(way, bytes, send);
    const isChunked = way === "http chunked" || send.silent || send.pause !== undefined;
    const sending = this.#request("POST", PATHS[way], {
      "content-type": `multipart/form-data; boundary=${BOUNDARY}`,
      ...(!isChunked && { "content-length": body.length }),
    });
    const answered = answerTo(sending);
    void upload(sending, body, send);
    if (way === "http job") return this.#follow(answered, sending);
    return { ended: answered.then((answer) => read(way, answer)), cancel: () => void sending.destroy() };
  }

  /** A job from its acceptance to its end. */
  #follow(accepting: Promise<Answer>, sending: ClientRequest): RunningCall {
    let isCancelled = false;
    const follow = async (): Promise<Ended> => {
      const accepted = await accepting;
      if (accepted.status !== 202) return { status: accepted.status, message: messageIn(accepted.body) };
      const path = `/v1/jobs/${JSON.parse(accepted.body).id}`;
      let isTold = false;
      for (;;) {
        if (isCancelled && !isTold) {
          isTold = true;
          await this.#ask("DELETE", path);
        }
        const { body, status } = await this.#ask("GET", path);
        if (status !== 200) return { status, message: messageIn(body) };
        const job = JSON.parse(body);
        if (job.status === "succeeded") return read("http job", await this.#ask("GET", `${path}/result`));
        if (job.status === "cancelled") return { status: -1, message: "cancelled" };
        if (job.status === "failed") return { status: 500, message: job.error.message };
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
      }
    };
    const cancel = () => {
      isCancelled = true;
      // Nobody knows of a job that is not accepted yet.
      if (!sending.writableFinished) sending.destroy();
    };
    return { ended: follow(), cancel };
  }

  #ask(method: string, path: string): Promise<Answer> {
    const sending = this.#request(method, path);
    sending.end();
    return answerTo(sending);
  }

  #request(method: string, path: string, headers: OutgoingHttpHeaders = {}): ClientRequest {
    return request({ agent: this.#agent, host: "127.0.0.1", port: this.#port, method, path, headers });
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

interface Answer {
  status: number;
  body: string;
}

/** Never rejects; status -1: there was no answer, or not all of it. */
function answerTo(sending: ClientRequest): Promise<Answer> {
  return new Promise((resolve) => {
    const fail = ({ message }: Error) => resolve({ status: -1, body: message });
    const onClose = () => fail(new Error("The connection was closed"));
    sending.on("error", fail);
    sending.once("close", onClose);
    sending.once("response", async (response: IncomingMessage) => {
      // What ends early from here on, its reader sees.
      sending.off("close", onClose);
      try {
        let body = "";
        for await (const piece of response) body += piece;
        resolve({ status: response.statusCode!, body });
      } catch (error) {
        fail(error as Error);
      }
    });
  });
}

function read(way: HttpWay, { body, status }: Answer): Ended {
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
