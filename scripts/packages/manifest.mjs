import { existsSync, readFileSync } from "node:fs";
import { arch, platform } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

// What the packages for the registry say of themselves. The manifest of the repository is the source of all of it.

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..");
export const MANIFEST = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8"));
export const { name: NAME, version: VERSION } = MANIFEST;
export const DEMO = `${NAME}-demo`;
export const SOURCE = `${NAME}-source`;

/**
 * Packages whose code goes into the main package: gRPC's tree has an install script, which some installers refuse, and
 * what Fastify's asks for is what Node.js 22 needs, which Yarn 1 refuses on Node.js 20.
 */
export const VENDORED = [
  "@grpc/grpc-js",
  "@grpc/proto-loader",
  "@grpc/reflection",
  "fastify",
  "grpc-health-check",
  "light-my-request",
  "protobufjs",
];
/** What the addon is built with. */
const BUILD_TOOLS = ["cmake-js", "node-addon-api", "node-api-headers", "nodejs-whisper"];

/**
 * @typedef {object} Platform a system that there is a package with the addon for
 * @property {string} os as Node.js and npm call it
 * @property {string} cpu
 * @property {"glibc" | "musl"} libc
 */

/** This system. @returns {Platform} */
export function thisPlatform() {
  return { os: platform(), cpu: arch(), libc: existsSync("/etc/alpine-release") ? "musl" : "glibc" };
}

/** @param {Platform} platform */
export function platformName({ os, cpu, libc }) {
  return `${NAME}-${os}-${cpu}-${libc === "glibc" ? "gnu" : libc}`;
}

/** What every package has. */
function common(name, description) {
  const { license, repository, homepage, bugs, engines } = MANIFEST;
  return {
    name,
    version: VERSION,
    description,
    license,
    repository,
    homepage,
    bugs,
    // Provenance: the registry shows which commit and which workflow made it.
    publishConfig: { access: "public", provenance: true },
    engines,
  };
}

function pick(object, names) {
  return Object.fromEntries(names.map((name) => [name, object[name]]));
}

/** @param {Platform[]} platforms those with a package */
export function mainManifest(platforms) {
  const { description, keywords, type, exports, types, typesVersions, bin, dependencies } = MANIFEST;
  const kept = Object.keys(dependencies).filter((name) => !VENDORED.includes(name));
  return {
    ...common(NAME, description),
    keywords,
    type,
    exports,
    types,
    typesVersions,
    bin,
    // Native code reads its files, which no archive of a package manager may hold.
    preferUnplugged: true,
    dependencies: pick(dependencies, kept),
    optionalDependencies: Object.fromEntries(platforms.map((one) => [platformName(one), VERSION])),
    // Any demo: where one is installed by its version, npm would refuse every update of this package otherwise.
    peerDependencies: { ...MANIFEST.peerDependencies, [DEMO]: "*", [SOURCE]: VERSION },
    peerDependenciesMeta: {
      ...MANIFEST.peerDependenciesMeta,
      [DEMO]: { optional: true },
      [SOURCE]: { optional: true },
    },
  };
}

/** @param {Platform} platform */
export function platformManifest(platform) {
  const { os, cpu, libc } = platform;
  return {
    ...common(platformName(platform), `The native addon of ${NAME} for ${os} on ${cpu} with ${libc}.`),
    os: [os],
    cpu: [cpu],
    libc: [libc],
    preferUnplugged: true,
  };
}

export function sourceManifest() {
  return {
    ...common(SOURCE, `The native sources of ${NAME}, and what builds them: for \`${NAME} build\`.`),
    type: "module",
    preferUnplugged: true,
    // Without it cmake-js downloads the headers of a whole Node.js.
    binary: MANIFEST.binary,
    dependencies: pick(MANIFEST.devDependencies, BUILD_TOOLS),
  };
}

export function demoManifest() {
  return {
    ...common(DEMO, `A small demonstration model and two recordings, to try ${NAME} without a download.`),
    license: "CC-BY-SA-4.0",
    preferUnplugged: true,
  };
}
