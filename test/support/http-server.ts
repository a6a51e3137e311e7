import { readdirSync, readlinkSync } from "node:fs";
import { connect } from "node:net";
import { type FakeServer, type FakeServerOptions, startFakeServer } from "./server.js";

export interface HttpServer extends FakeServer {
  /** Where the HTTP door is found. */
  url: string;
}

/** A server with a fake engine whose HTTP door is open on a free port, ready. */
export async function startHttp(options: FakeServerOptions = {}): Promise<HttpServer> {
  const fake = await startFakeServer({
    ...options,
    settings: { http: true, httpHost: "127.0.0.1", httpPort: 0, ...options.settings },
  });
  return { ...fake, url: `http://127.0.0.1:${fake.server.httpPort}` };
}

/** A form of the audio API with a recording, and fields after it, in the order given. */
export function formOf(
  recording: Uint8Array | undefined,
  fields: Readonly<Record<string, string | readonly string[]>> = {},
  filename = "a.wav",
): FormData {
  const form = new FormData();
  if (recording) form.append("file", new Blob([recording as Uint8Array<ArrayBuffer>]), filename);
  for (const [name, values] of Object.entries(fields))
    for (const value of [values].flat()) form.append(name, value);
  return form;
}

export interface Answered {
  status: number;
  headers: Headers;
  /** As text, and as JSON where it is. */
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers are of many kinds
  json: any;
}

/** Sends a form to a path of the audio API. */
export async function post(
  url: string,
  body: RequestInit["body"] | undefined,
  { path = "/v1/audio/transcriptions", ...init }: RequestInit & { path?: string } = {},
): Promise<Answered> {
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    ...(body !== undefined && { body }),
    ...init,
  });
  return answered(response);
}

export async function answered(response: Response): Promise<Answered> {
  const text = await response.text();
  const isJson = text !== "" && response.headers.get("content-type")?.startsWith("application/json");
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  };
}

/** What the beginning of a transcription's request is answered with, whose rest never comes. */
export async function answerToBeginning(
  port: number,
  headers: Readonly<Record<string, string | number>>,
  body: Uint8Array = new Uint8Array(),
): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const lines = Object.entries({ host: "localhost", ...headers }).map(([name, value]) => `${name}: ${value}`);
  socket.write(`POST /v1/audio/transcriptions HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
  socket.write(body);
  let text = "";
  // Ends when the server has waited for the rest for long enough.
  for await (const data of socket) text += data;
  return text;
}

/** Temporary files without a name that this process has: uploads, and what decoders need of them. */
export function uploadsOnDisk(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return /\/(#\d+|agora-[\da-f-]{36}) \(deleted\)$/.test(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false;
    }
  }).length;
}

/** Events of an answer: their names, where they have one, and their data. */
export function eventsOf(text: string): { event?: string; data: Record<string, unknown> }[] {
  return text
    .split("\n\n")
    .filter((block) => /^data: /m.test(block))
    .map((block) => {
      const event = /^event: (.*)$/m.exec(block)?.[1];
      const data = JSON.parse(/^data: (.*)$/m.exec(block)![1]!);
      return { ...(event !== undefined && { event }), data };
    });
}
