import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { gunzipSync } from "node:zlib";

/** A registry of npm's protocol on this machine. */
export interface LocalRegistry {
  /** Without a slash at the end. */
  url: string;
  close(): void;
}

interface Manifest {
  name: string;
  version: string;
  optionalDependencies?: Record<string, string>;
}

interface Packed {
  file: string;
  bytes: Buffer;
  manifest: Manifest;
  integrity: string;
  shasum: string;
}

/**
 * Serves the packages whose tarballs lie in `folder`, and sends clients to `upstream` for all others: what users will
 * see once the packages are published.
 */
export async function startRegistry(folder: string, upstream: string): Promise<LocalRegistry> {
  const packages = readdirSync(folder)
    .filter((name) => name.endsWith(".tgz"))
    .map((name) => packed(folder, name));
  const others = madeElsewhere(packages.map(({ manifest }) => manifest));
  const server = createServer(({ url = "/" }, response) => {
    const [, name = "", separator, hash] = decodeURIComponent(url).split("/");
    const found = packages.find(({ manifest }) => manifest.name === name);
    const other = others.find((manifest) => manifest.name === name);
    if (!found && other && separator === undefined) {
      response.writeHead(200, { "content-type": "application/json" });
      // Of no bytes: there is nothing to be fetched.
      const integrity = `sha512-${createHash("sha512").digest("base64")}`;
      response.end(
        JSON.stringify(packumentOf(other, { tarball: `${origin()}/${name}/-/none.tgz`, integrity })),
      );
    } else if (!found) {
      const isOurs = name.startsWith("agora-transcribe");
      response.writeHead(isOurs ? 404 : 302, isOurs ? {} : { location: new URL(url, `${upstream}/`).href });
      response.end(isOurs ? "{}" : undefined);
    } else if (separator === "-" && hash === found.shasum) {
      response.end(found.bytes);
    } else {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify(packument(found, origin())));
    }
  });
  const origin = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: origin(),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function packed(folder: string, file: string): Packed {
  const bytes = readFileSync(path.join(folder, file));
  const hash = (name: string) => createHash(name).update(bytes);
  return {
    file,
    bytes,
    manifest: JSON.parse(fileOfTar(gunzipSync(bytes), "package/package.json")),
    integrity: `sha512-${hash("sha512").digest("base64")}`,
    shasum: hash("sha1").digest("hex"),
  };
}

/**
 * Packages with the addon for other systems, which no system of those tests wants the tarball of: installers look at
 * what they say of themselves.
 */
function madeElsewhere(manifests: readonly Manifest[]): Manifest[] {
  const wanted = manifests.flatMap(({ optionalDependencies = {} }) => Object.entries(optionalDependencies));
  return wanted
    .filter(([name]) => !manifests.some((manifest) => manifest.name === name))
    .map(([name, version]) => {
      const [os, cpu, libc] = name.replace("agora-transcribe-", "").split("-");
      return { name, version, os: [os], cpu: [cpu], libc: [libc === "gnu" ? "glibc" : libc] };
    });
}

/** A file of a tar archive: headers of 512 bytes, the name first, the size in octal at 124. */
function fileOfTar(tar: Buffer, wanted: string): string {
  for (let at = 0; at < tar.length; ) {
    const name = tar.toString("utf8", at, at + 100).replace(/\0.*$/s, "");
    const size = Number.parseInt(tar.toString("ascii", at + 124, at + 136), 8) || 0;
    if (name === wanted) return tar.toString("utf8", at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error(`There is no ${wanted} in the tarball`);
}

function packument({ file, manifest, integrity, shasum }: Packed, origin: string) {
  const { name } = manifest;
  // Caches of package managers must not take a tarball for one of the same version that was made before.
  return packumentOf(manifest, { tarball: `${origin}/${name}/-/${shasum}/${file}`, integrity, shasum });
}

function packumentOf(manifest: Manifest, dist: object) {
  const { name, version } = manifest;
  // Package managers refuse, or wait with, what is younger than a day.
  const long = "2026-01-01T00:00:00.000Z";
  return {
    name,
    "dist-tags": { latest: version },
    versions: { [version]: { ...manifest, dist } },
    time: { created: long, modified: long, [version]: long },
  };
}
