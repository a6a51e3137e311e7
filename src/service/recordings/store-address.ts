import { fileURLToPath } from "node:url";
import type { ValueKind } from "../setting-values.js";

/** Where recordings are, as `RECORDINGS_STORE` says it. */
export type StoreAddress =
  | { kind: "folder"; path: string }
  | ({ kind: "s3" } & S3Address)
  /** @param template with {@link PLACE} where the id belongs */
  | { kind: "http"; template: string };

/** A part of a bucket of S3, or of what speaks its protocol. */
export interface S3Address {
  bucket: string;
  /** Before each key: empty, or with a slash at its end. */
  prefix: string;
  /** undefined: as the AWS SDK finds it. */
  region: string | undefined;
  /** undefined: as {@link region}, which is Amazon's where nothing says otherwise. */
  endpoint: string | undefined;
  /**
   * Whether the bucket is named in the path rather than in the host's name; undefined: where `endpoint`, `AWS_ENDPOINT_URL_S3`
   * or `AWS_ENDPOINT_URL` is given, a profile's endpoint not counted.
   */
  pathStyle: boolean | undefined;
}

/** Where the id of a recording belongs in an address. */
export const PLACE = "{id}";

/** By Amazon's rules, and underscores, which older buckets have. */
const BUCKET = /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/i;
/** What Amazon calls safe in a key. */
const PREFIX = /^(?:[\w!.*'()-]{1,255}\/){0,10}$/;

/** A folder's path, `file:`, `s3://bucket/prefix`, or an address with `{id}` in it. */
export const storeAddress: ValueKind<string> = {
  expected: `a folder, s3://bucket/prefix, or an address such as https://example.org/files/${PLACE}`,
  parse: (text) => (parseStoreAddress(text) ? text : undefined),
};

/** The same without another system: what is put there as well. */
export const sharedStore: ValueKind<string> = {
  expected: "a folder, or s3://bucket/prefix",
  parse: (text) => (isSharedKind(parseStoreAddress(text)?.kind) ? text : undefined),
};

function isSharedKind(kind: StoreAddress["kind"] | undefined): boolean {
  return kind === "folder" || kind === "s3";
}

/** @returns undefined for what is none */
export function parseStoreAddress(text: string): StoreAddress | undefined {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(text)?.[1]?.toLowerCase();
  // A relative path may have a colon, but no two slashes behind it.
  if (scheme === undefined || (scheme !== "file" && !text.includes("://")))
    return { kind: "folder", path: text };
  try {
    if (scheme === "file") return { kind: "folder", path: fileURLToPath(text) };
    if (scheme === "s3") return s3Address(new URL(text));
    if (scheme === "https" || scheme === "http") return httpAddress(text);
  } catch {
    // No URL.
  }
  return undefined;
}

function s3Address({
  hash,
  hostname,
  password,
  pathname,
  port,
  searchParams,
  username,
}: URL): StoreAddress | undefined {
  const { endpoint, path_style, region, ...others } = Object.fromEntries(searchParams);
  const path = pathname.slice(1);
  const prefix = path === "" || path.endsWith("/") ? path : `${path}/`;
  const isAddress =
    BUCKET.test(hostname) &&
    PREFIX.test(prefix) &&
    [hash, password, port, username, ...Object.keys(others)].every((part) => part === "") &&
    (region === undefined || /^[a-z0-9-]{1,40}$/.test(region)) &&
    (path_style === undefined || /^(true|false)$/.test(path_style)) &&
    (endpoint === undefined || isPlainOrigin(endpoint));
  if (!isAddress) return undefined;
  const pathStyle = path_style === undefined ? undefined : path_style === "true";
  return { kind: "s3", bucket: hostname, prefix, region, endpoint, pathStyle };
}

/** An address without what would be a secret in it, or lead anywhere on a server. */
function isPlainOrigin(text: string): boolean {
  const { hash, password, pathname, protocol, search, username } = new URL(text);
  return (
    /^https?:$/.test(protocol) &&
    pathname === "/" &&
    [hash, password, search, username].every((part) => part === "")
  );
}

function httpAddress(template: string): StoreAddress | undefined {
  const [one, other] = ["a", "b"].map((id) => new URL(template.replaceAll(PLACE, id))) as [URL, URL];
  // What is secret has a setting of its own; and no id says which server is asked.
  const isAddress =
    [one.username, one.password, one.hash].every((part) => part === "") &&
    one.origin === other.origin &&
    one.href !== other.href;
  return isAddress ? { kind: "http", template } : undefined;
}
