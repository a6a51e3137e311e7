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

/** Systems that a release has a package with the addon for: those of src/addon/locate.ts. @type {Platform[]} */
export const RELEASED = [
  { os: "linux", cpu: "x64", libc: "glibc" },
  { os: "linux", cpu: "arm64", libc: "glibc" },
];

/** This system. @returns {Platform} */
export function thisPlatform() {
  return { os: platform(), cpu: arch(), libc: existsSync("/etc/alpine-release") ? "musl" : "glibc" };
}

/** A system's name, such as `linux-x64-gnu`. @param {Platform} platform */
export function systemName({ os, cpu, libc }) {
  return `${os}-${cpu}-${libc === "glibc" ? "gnu" : libc}`;
}

/** @param {string} name as {@link systemName} gives it @returns {Platform} */
export function systemOf(name) {
  const found = [thisPlatform(), ...RELEASED].find((platform) => systemName(platform) === name);
  if (!found)
    throw new Error(`There is no package for ${name}: there are ${RELEASED.map(systemName).join(", ")}`);
  return found;
}

/** @param {Platform} platform */
export function platformName(platform) {
  return `${NAME}-${systemName(platform)}`;
}

/** The package with the CUDA backend, which goes with the one for the same system. */
export const CUDA = `${NAME}-linux-x64-cuda`;

/**
 * Where the product is kept and reported on, as `AGORA_REPOSITORY` names it (`https://…`): only who publishes knows.
 * npm shows which commit a package was made of where it has that.
 */
function place() {
  const { AGORA_REPOSITORY } = process.env;
  if (!AGORA_REPOSITORY) return { publishConfig: { access: "public" } };
  const url = AGORA_REPOSITORY.replace(/(\.git)?\/?$/, "");
  if (!URL.canParse(url) || !url.startsWith("https://"))
    throw new Error(`AGORA_REPOSITORY is ${AGORA_REPOSITORY}: expected the https address of the repository`);
  return {
    repository: { type: "git", url: `git+${url}.git` },
    homepage: `${url}#readme`,
    bugs: { url: `${url}/issues` },
    publishConfig: { access: "public", provenance: true },
  };
}

/** What every package has. */
function common(name, description) {
  const { license, engines } = MANIFEST;
  return { name, version: VERSION, description, license, ...place(), engines };
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
    peerDependencies: { ...MANIFEST.peerDependencies, [DEMO]: "*", [SOURCE]: VERSION, [CUDA]: VERSION },
    peerDependenciesMeta: {
      ...MANIFEST.peerDependenciesMeta,
      [DEMO]: { optional: true },
      [SOURCE]: { optional: true },
      [CUDA]: { optional: true },
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

export function cudaManifest() {
  return {
    ...common(CUDA, `The CUDA backend of ${NAME}, for NVIDIA's GPUs, beside the addon for linux on x64.`),
    os: ["linux"],
    cpu: ["x64"],
    libc: ["glibc"],
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
