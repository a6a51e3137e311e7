import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface Received {
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Receiver {
  url: string;
  /** `host:port`, as settings name it. */
  host: string;
  received: Received[];
}

/** A receiver of webhooks on this machine. @param answer status of the answer to the one with this index; 0: none ever */
export async function startReceiver(
  answer: (index: number, received: Received) => number = () => 204,
): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text) => {
      body += text;
    });
    request.on("end", () => {
      const index = received.push({ headers: request.headers, body }) - 1;
      const status = answer(index, received[index]!);
      if (status === 0) return;
      // Where it leads is nobody's business.
      response
        .writeHead(status, status >= 300 && status < 400 ? { location: "http://127.0.0.1:1/" } : {})
        .end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/hook`, host: `127.0.0.1:${port}`, received };
}
