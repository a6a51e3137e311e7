import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { listen } from "../../service/listen.js";

/** What the pages of {@link MetricsPage} show. */
export interface Pages {
  metrics(): Promise<string>;
  /** Why no calls are accepted now; undefined: they are. */
  notReady(): string | undefined;
  /** Called with what kept a page from being shown. */
  onError(error: Error): void;
}

/** Seconds that a client may take for its request. */
const PATIENCE = 10;
/** Connections at once: far more than anybody needs who watches, and few beside those of calls. */
const MOST_CONNECTIONS = 256;
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * Pages for those who watch the server: `/metrics` for Prometheus, `/healthz` (the process answers) and `/readyz` (it
 * accepts calls). Needs no token, and shows nothing of what is transcribed.
 */
export class MetricsPage {
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** @throws TranscriptionError INVALID_ARGUMENT when the address cannot be used */
  static async open(host: string, port: number, pages: Pages): Promise<MetricsPage> {
    const server = createServer(
      { headersTimeout: PATIENCE * 1000, requestTimeout: PATIENCE * 1000 },
      (request, response) => void answer(pages, request, response),
    );
    server.maxConnections = MOST_CONNECTIONS;
    await listen(server, { host, port }, ["metricsHost", "metricsPort"]);
    return new MetricsPage(server);
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

/** Nothing that a page does may leave this function: it would end the process. */
async function answer(pages: Pages, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.on("error", pages.onError);
  try {
    const [status, text, type = "text/plain; charset=utf-8"] = await page(pages, request);
    if (status === 405) response.setHeader("allow", "GET, HEAD");
    response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(text) });
    response.end(request.method === "HEAD" ? undefined : text);
  } catch (error) {
    pages.onError(error as Error);
    if (response.headersSent) response.destroy();
    else response.writeHead(500).end();
  }
}

type Page = [status: number, text: string, type?: string];

async function page(pages: Pages, { method, url }: IncomingMessage): Promise<Page> {
  if (method !== "GET" && method !== "HEAD") return [405, "Expected GET\n"];
  switch (url?.split("?", 1)[0]) {
    case "/metrics":
      return [200, await pages.metrics(), METRICS_TYPE];
    case "/healthz":
      return [200, "ok\n"];
    case "/readyz": {
      const reason = pages.notReady();
      return reason === undefined ? [200, "ok\n"] : [503, `${reason}\n`];
    }
    default:
      return [404, "Here are /metrics, /healthz and /readyz\n"];
  }
}
