import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ServedFile {
  content: Buffer;
  etag?: string;
  /** Whether ranges are honoured. Default true. */
  ranges?: boolean;
}

export type Answer = (request: IncomingMessage, response: ServerResponse, server: FileServer) => void;

/** An HTTP server on 127.0.0.1 that serves files with ranges, and misbehaves when a test asks for it. */
export class FileServer {
  /** Requests so far, in order. */
  readonly requests: IncomingMessage[] = [];
  /** By path. */
  readonly files = new Map<string, ServedFile>();
  /** Answers to the next requests, one each; after them files are served. */
  readonly script: Answer[] = [];
  readonly #server = createServer((request, response) => {
    this.requests.push(request);
    const answer = this.script.shift();
    if (answer) answer(request, response, this);
    else this.serve(request, response);
  });

  static async start(): Promise<FileServer> {
    const server = new FileServer();
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    const file = this.files.get(request.url ?? "");
    if (!file) {
      response.writeHead(404).end("not here");
      return;
    }
    const { content, etag } = file;
    if (etag) response.setHeader("etag", etag);
    const start = file.ranges === false ? 0 : rangeStart(request, etag);
    if (start === undefined || start === 0) {
      response.writeHead(200, { "content-length": content.length }).end(content);
    } else if (start >= content.length) {
      response.writeHead(416, { "content-range": `bytes */${content.length}` }).end();
    } else {
      const range = `bytes ${start}-${content.length - 1}/${content.length}`;
      response.writeHead(206, { "content-range": range, "content-length": content.length - start });
      response.end(content.subarray(start));
    }
  }
}

/** First byte of a `Range: bytes=N-`, unless `If-Range` names another version. */
function rangeStart(request: IncomingMessage, etag: string | undefined): number | undefined {
  const condition = request.headers["if-range"];
  if (condition !== undefined && condition !== etag) return undefined;
  const match = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
  return match ? Number(match[1]) : undefined;
}

/** Announces the whole file, sends `bytes` of it and breaks the connection. */
export function cutAfter(bytes: number): Answer {
  return (request, response, server) => {
    const { content, etag } = server.files.get(request.url ?? "")!;
    response.writeHead(200, { "content-length": content.length, ...(etag && { etag }) });
    response.write(content.subarray(0, bytes), () => response.destroy());
  };
}

/** Answers with a status and no content. */
export function status(code: number, headers: Record<string, string> = {}): Answer {
  return (_request, response) => void response.writeHead(code, headers).end();
}
