import type { IncomingHttpHeaders } from "node:http";
import { type Dispatcher, request } from "undici";
import { isPrivate } from "./secrets.js";

const MAX_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const TRANSIENT_STATUSES = new Set([408, 425, 429, 500, 502, 503, 504]);
const TRANSIENT_CODES = new Set([
  "EAI_AGAIN",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "ETIMEDOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
  "UND_ERR_SOCKET",
]);

/** A transfer that failed, with the reason as its message. */
export class TransferError extends Error {
  /**
   * @param transient whether another try may succeed
   * @param retryAfter seconds that the server asked to wait
   */
  constructor(
    reason: string,
    readonly transient: boolean,
    readonly retryAfter?: number,
    options?: ErrorOptions,
  ) {
    super(reason, options);
  }
}

export interface FileRequest {
  url: URL;
  headers: Record<string, string>;
  /** Sent to the server of `url` alone, only once it has answered 401, and never in the clear to another machine. */
  token: string | undefined;
  dispatcher: Dispatcher;
  signal: AbortSignal;
}

export interface FileResponse {
  /** 200, 206 or 416. */
  status: number;
  headers: IncomingHttpHeaders;
  /** The content; throws TransferError when the connection breaks or stalls. */
  body: AsyncIterable<Buffer>;
  /** Ends the transfer; to be called when the body is not read to its end. */
  discard(): void;
}

/**
 * GET that follows redirects, though not from https to http, where what arrives could be read and changed.
 * @throws TransferError for every other status and for network failures
 */
export async function getFile(options: FileRequest): Promise<FileResponse> {
  let url = options.url;
  const token = isPrivate(url) ? options.token : undefined;
  let authorized = false;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; ) {
    const sendsToken = authorized && url.origin === options.url.origin;
    const response = await send(url, options, sendsToken ? token : undefined);
    const { statusCode: status, headers, body } = response;
    if (status === 200 || status === 206 || status === 416) {
      // An abandoned body emits an error that nobody waits for any more.
      body.on("error", () => {});
      return { status, headers, body: readBody(body), discard: () => void body.destroy() };
    }
    // Waits for the end of short bodies, so that the connection can be used again.
    await body.dump({ limit: 65_536 }).catch(() => {});
    if (REDIRECTS.has(status)) {
      url = redirectTarget(headers.location, url);
      redirects++;
    } else if (status === 401 && token && !authorized && url.origin === options.url.origin) {
      authorized = true;
    } else {
      throw refused(status, headers);
    }
  }
  throw new TransferError(`more than ${MAX_REDIRECTS} redirects`, false);
}

async function send(
  url: URL,
  options: FileRequest,
  token: string | undefined,
): Promise<Dispatcher.ResponseData> {
  // Without this header some servers compress, and neither ranges nor sizes would fit.
  const headers: Record<string, string> = { ...options.headers, "accept-encoding": "identity" };
  if (token) headers.authorization = `Bearer ${token}`;
  try {
    return await request(url, { headers, dispatcher: options.dispatcher, signal: options.signal });
  } catch (error) {
    throw networkError(error);
  }
}

async function* readBody(body: Dispatcher.ResponseData["body"]): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body) yield chunk;
  } catch (error) {
    throw networkError(error);
  }
}

function redirectTarget(location: string | string[] | undefined, from: URL): URL {
  const target =
    typeof location === "string" && URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (!target || !/^https?:$/.test(target.protocol)) {
    throw new TransferError(
      `redirected to ${JSON.stringify(location)}, which is no http or https URL`,
      false,
    );
  }
  if (from.protocol === "https:" && target.protocol === "http:") {
    throw new TransferError(
      `redirected from https to ${JSON.stringify(target.origin)}, which is not safe`,
      false,
    );
  }
  return target;
}

function refused(status: number, headers: IncomingHttpHeaders): TransferError {
  const hint =
    status === 401 || status === 403
      ? "; if the model needs an account, put its access token into HF_TOKEN, or a mirror's into AGORA_MIRROR_TOKEN; it is sent over https alone"
      : status === 407
        ? "; the proxy wants a user name and password"
        : "";
  return new TransferError(
    `HTTP status ${status}${hint}`,
    TRANSIENT_STATUSES.has(status),
    retryAfter(headers),
  );
}

/** `Retry-After` in seconds: a number or a date, RFC 9110 section 10.2.3. */
function retryAfter(headers: IncomingHttpHeaders): number | undefined {
  const value = headers["retry-after"];
  if (typeof value !== "string") return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

function networkError(error: unknown): TransferError {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const known = typeof code === "string";
  const reason = known ? `${message || "the connection failed"} (${code})` : String(message ?? error);
  const transient = known && (TRANSIENT_CODES.has(code) || code.startsWith("HPE_"));
  return new TransferError(reason, transient, undefined, { cause: error });
}
