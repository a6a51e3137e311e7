import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { FileServer } from "./file-server.js";

const REVISION = "0123456789abcdef0123456789abcdef01234567";

/** Has `server` answer as the Hugging Face Hub does for a repository with the files of `folder`. */
export function publishOnHub(server: FileServer, name: string, folder: string): void {
  const siblings = [];
  for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()) {
    if (!statSync(join(folder, entry)).isFile()) continue;
    const content = readFileSync(join(folder, entry));
    const sha256 = createHash("sha256").update(content).digest("hex");
    const blobId = createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
    const isLarge = /\.(safetensors|bin)$/.test(entry);
    siblings.push({
      rfilename: entry,
      size: content.length,
      blobId,
      ...(isLarge && { lfs: { sha256, size: content.length } }),
    });
    server.files.set(`/${name}/resolve/${REVISION}/${entry}`, { content, etag: `"${sha256}"` });
  }
  const listing = Buffer.from(JSON.stringify({ sha: REVISION, siblings }));
  server.files.set(`/api/models/${name}/revision/main?blobs=true`, { content: listing });
}
