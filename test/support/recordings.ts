import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished } from "vitest";
import { answered, type HttpServer, post, uploadsOnDisk } from "./http-server.js";
import { readMetrics } from "./metrics.js";
import { until } from "./server.js";

export const RECORDINGS = "/api/recordings";

type OnRequest = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A system that has recordings under `/files/ID`; `onRequest` answers in its place where it returns true. */
export async function startOther(onRequest: OnRequest = () => false) {
  const files = new Map<string, Uint8Array>();
  const seen: { method: string; url: string; headers: IncomingMessage["headers"] }[] = [];
  const server = createServer((request, response) => {
    const { headers, method = "", url = "" } = request;
    seen.push({ method, url, headers });
    if (onRequest(request, response)) return;
    const bytes = files.get(url.replace(/^\/files\//, ""));
    if (!bytes) return void response.writeHead(404).end("There is <b>no</b> such file");
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
    const part = first === undefined ? bytes : bytes.subarray(Number(first), Number(last) + 1);
    response.writeHead(first === undefined ? 200 : 206, {
      "content-type": "audio/wav",
      "content-length": part.length,
      "last-modified": new Date(0).toUTCString(),
      ...(first !== undefined && { "content-range": `bytes ${first}-${last}/${bytes.length}` }),
    });
    response.end(method === "HEAD" ? undefined : part);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, files, seen, settings: { recordingsStore: `${url}/files/{id}` } };
}

/** Nothing of any request is left. */
export async function expectNothingLeft({ engine, server }: HttpServer): Promise<void> {
  await until(() => engine.running === 0 && uploadsOnDisk() === 0);
  await until(async () => (await readMetrics(server.httpPort!)).get("agora_open_calls") === 0);
  expect((await readMetrics(server.httpPort!)).get('agora_budget_used_bytes{of="disk"}')).toBe(0);
}

export const get = async (url: string, init?: RequestInit) => answered(await fetch(url, init));
export const transcribe = (url: string, id: string) =>
  post(url, undefined, { path: `${RECORDINGS}/${id}/transcribe-whisperx` });
