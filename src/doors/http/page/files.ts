import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { brotliCompressSync } from "node:zlib";
import { packageFile } from "../../../package-files.js";

/** A file of the page, as it is sent. */
export interface PageFile {
  type: string;
  bytes: Buffer;
  /** Compressed by brotli, where that is smaller. */
  brotli: Buffer | undefined;
  etag: string;
  /** Whether its name changes with what is in it. */
  isHashed: boolean;
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/**
 * The page's files by their paths, all that there are, so that no path of a client is ever looked for in a folder. Empty
 * where the page has not been built.
 */
export function pageFiles(): ReadonlyMap<string, PageFile> {
  found ??= filesIn(packageFile("dist", "web"));
  return found;
}

/** They stay as they are while a process runs, and take a tenth of a second to compress. */
let found: ReadonlyMap<string, PageFile> | undefined;

function filesIn(folder: string): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  for (const name of namesIn(folder)) {
    const type = TYPES[path.extname(name)];
    if (type === undefined) continue;
    const bytes = readFileSync(path.join(folder, name));
    const small = brotliCompressSync(bytes);
    files.set(name === "index.html" ? "/" : `/${name}`, {
      type,
      bytes,
      brotli: small.length < bytes.length ? small : undefined,
      etag: `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`,
      isHashed: name.startsWith("assets/"),
    });
  }
  return files;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: "utf8" });
  } catch {
    return [];
  }
}
