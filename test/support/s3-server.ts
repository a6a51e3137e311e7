import { createHash, createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished, vi } from "vitest";

export interface S3Object {
  bytes: Buffer;
  type: string;
  metadata: Record<string, string>;
  modifiedAt: Date;
}

export interface S3Server {
  url: string;
  /** By key; there is one bucket, whatever it is called. */
  objects: Map<string, S3Object>;
  /** Methods and keys, as they came. */
  requests: string[];
  /** Statuses that the next requests are answered with, whatever they ask. */
  failures: number[];
  /** Called with what is asked before it is answered; answers it by itself if it returns true. */
  onRequest: (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;
}

const KEY = "an-access-key";
const SECRET = "a/secret+key";
/** Keys in a page of a list: few, so that there are several pages. */
const PAGE = 2;

/**
 * What the protocol of Amazon S3 says of objects (PUT, GET with Range, HEAD, DELETE, ListObjectsV2; paths with the bucket),
 * strictly: signatures (version 4) and hashes of content have to be right, lengths have to be told. The environment has
 * its credentials until the test ends.
 */
export async function startS3(): Promise<S3Server> {
  vi.stubEnv("AWS_ACCESS_KEY_ID", KEY);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", SECRET);
  vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
  const state: Omit<S3Server, "url"> = {
    objects: new Map(),
    requests: [],
    failures: [],
    onRequest: () => false,
  };
  const server = createServer((request, response) => {
    // Who is gone is not answered.
    request.on("error", () => {});
    void answer(state, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    vi.unstubAllEnvs();
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(state, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

async function answer(
  { failures, objects, onRequest, requests }: Omit<S3Server, "url">,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { headers, method = "" } = request;
  const { pathname, searchParams } = new URL(request.url!, "http://s3");
  const key = decodeURIComponent(pathname.split("/").slice(2).join("/"));
  requests.push(`${method} ${key}`);
  if (await onRequest(request, response)) return;
  const body = await bodyOf(request);
  const failure = failures.shift();
  if (failure !== undefined) return refuse(response, failure, "SomeError");
  if (!isSigned(request)) return refuse(response, 403, "SignatureDoesNotMatch");
  if (method === "PUT") {
    if (headers["content-length"] === undefined) return refuse(response, 411, "MissingContentLength");
    const hash = createHash("sha256").update(body).digest("hex");
    if (headers["x-amz-content-sha256"] !== hash) return refuse(response, 400, "XAmzContentSHA256Mismatch");
    const metadata = Object.entries(headers).flatMap(([name, value]) =>
      name.startsWith("x-amz-meta-") ? [[name.slice("x-amz-meta-".length), String(value)]] : [],
    );
    const type = headers["content-type"] ?? "";
    objects.set(key, { bytes: body, type, metadata: Object.fromEntries(metadata), modifiedAt: new Date() });
    return void response.end();
  }
  if (method === "DELETE") {
    objects.delete(key);
    return void response.writeHead(204).end();
  }
  if (key === "") return list(objects, searchParams, response);
  const object = objects.get(key);
  if (!object) return refuse(response, 404, "NoSuchKey");
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
  const bytes = first === undefined ? object.bytes : object.bytes.subarray(Number(first), Number(last) + 1);
  response.writeHead(first === undefined ? 200 : 206, {
    "content-length": bytes.length,
    "content-type": object.type,
    "last-modified": object.modifiedAt.toUTCString(),
    ...(first !== undefined && { "content-range": `bytes ${first}-${last}/${object.bytes.length}` }),
    ...Object.fromEntries(
      Object.entries(object.metadata).map(([name, value]) => [`x-amz-meta-${name}`, value]),
    ),
  });
  response.end(method === "HEAD" ? undefined : bytes);
}

function list(objects: S3Server["objects"], asked: URLSearchParams, response: ServerResponse): void {
  const after = asked.get("continuation-token") ?? "";
  const keys = [...objects.keys()]
    .filter((key) => key.startsWith(asked.get("prefix") ?? "") && key > after)
    .sort();
  const page = keys.slice(0, PAGE);
  const next = keys.length > PAGE ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : "";
  const contents = page.map((key) => {
    const { bytes, modifiedAt } = objects.get(key)!;
    return `<Contents><Key>${key}</Key><LastModified>${modifiedAt.toISOString()}</LastModified><Size>${bytes.length}</Size></Contents>`;
  });
  response.setHeader("content-type", "application/xml");
  response.end(
    `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
      `<IsTruncated>${next !== ""}</IsTruncated>${next}${contents.join("")}</ListBucketResult>`,
  );
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { "content-type": "application/xml" });
  response.end(`<Error><Code>${code}</Code><Message>A text of another system</Message></Error>`);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Whether the request is signed with the secret (AWS Signature Version 4). */
function isSigned({ headers, method, url }: IncomingMessage): boolean {
  const [, scope, names, signature] =
    /^AWS4-HMAC-SHA256 Credential=an-access-key\/(\S+), SignedHeaders=(\S+), Signature=(\w+)$/.exec(
      headers.authorization ?? "",
    ) ?? [];
  if (scope === undefined) return false;
  const { pathname, searchParams } = new URL(url!, "http://s3");
  const encode = (text: string) =>
    encodeURIComponent(text).replace(
      /[!'()*]/g,
      (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  const query = [...searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&");
  const signed = names!.split(";").map((name) => `${name}:${String(headers[name]).trim()}\n`);
  const canonical = [method, pathname, query, signed.join(""), names, headers["x-amz-content-sha256"]].join(
    "\n",
  );
  const hash = createHash("sha256").update(canonical).digest("hex");
  const key = scope
    .split("/")
    .reduce<string | Buffer>(
      (last, part) => createHmac("sha256", last).update(part).digest(),
      `AWS4${SECRET}`,
    );
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hash].join("\n");
  return createHmac("sha256", key).update(text).digest("hex") === signature;
}
