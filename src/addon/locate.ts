import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { TranscriptionError } from "../errors.js";
import { companionFolder, packageFile, packageRequire, packageRoot } from "../package-files.js";
import { VERSION } from "../version.js";

/** A system as far as binaries depend on it. */
export interface System {
  platform: string;
  arch: string;
  /** `undefined` where the system is not Linux. */
  libc: "glibc" | "musl" | undefined;
}

/** Systems that there is a package with a prebuilt addon for. */
const PREBUILT = ["linux-x64-gnu", "linux-arm64-gnu"];
/** What prebuilt addons need at least, which is what Node.js 20 needs. */
const OLDEST = "glibc 2.28 and the libstdc++ of GCC 8, as in RHEL 8, Debian 11 or Ubuntu 20.04";
const BUILD = "`npx agora-transcribe build` builds one here, with a C++ compiler and CMake";

/** This system. */
export function thisSystem(): System {
  const { platform, arch } = process;
  if (platform !== "linux") return { platform, arch, libc: undefined };
  return { platform, arch, libc: libcOf(ownMappings()) };
}

/** Files that this program has in its memory; empty where that is not told. */
function ownMappings(): string {
  try {
    return readFileSync("/proc/self/maps", "utf8");
  } catch {
    return "";
  }
}

/**
 * The C library of a program, by the files in its memory: not every system with musl is Alpine. (`process.report` tells it
 * too, and may wait for names of hosts from the network.)
 * @param mappings as /proc/PID/maps has them; a file whose package was upgraded since is marked there as deleted
 */
export function libcOf(mappings: string): "glibc" | "musl" {
  if (/\/libc(\.so\.6|-2\.\d+\.so)( \(deleted\))?$/m.test(mappings)) return "glibc";
  return mappings !== "" || existsSync("/etc/alpine-release") ? "musl" : "glibc";
}

/** The package with the prebuilt addon for a system; there need not be one. */
export function platformPackage({ platform, arch, libc }: System): string {
  const suffix = libc === undefined ? "" : `-${libc === "glibc" ? "gnu" : libc}`;
  return `agora-transcribe-${platform}-${arch}${suffix}`;
}

/**
 * The native addon's file, as node-gyp-build finds it: in the folder that `AGORA_TRANSCRIBE_PREBUILD` names; built in
 * this package; in the package for this system.
 * @throws TranscriptionError DEVICE_UNAVAILABLE that says what to do
 */
export function locateAddon(): string {
  const { AGORA_TRANSCRIBE_PREBUILD: given } = process.env;
  const here = addonIn(packageRoot());
  if (here !== undefined) return here;
  if (given) {
    throw new TranscriptionError(
      "DEVICE_UNAVAILABLE",
      `AGORA_TRANSCRIBE_PREBUILD names ${given}, where there is no addon for this system in build/Release or prebuilds`,
    );
  }
  const system = thisSystem();
  const folder = companionFolder(platformPackage(system));
  const prebuilt = folder && addonIn(folder);
  if (prebuilt) return prebuilt;
  const isClone = existsSync(packageFile("scripts", "build-native.mjs"));
  throw new TranscriptionError("DEVICE_UNAVAILABLE", missingAddon(system, isClone));
}

function addonIn(folder: string): string | undefined {
  const { resolve } = packageRequire()("node-gyp-build") as { resolve(folder: string): string };
  try {
    // A relative folder that is given is one of the working folder, and not of whoever requires the file.
    return path.resolve(resolve(folder));
  } catch {
    return undefined;
  }
}

/** What there is no addon for, why, and what to do about it. */
export function missingAddon(system: System, isClone = false): string {
  const { platform, arch, libc } = system;
  const name = platformPackage(system);
  if (platform !== "linux") {
    return (
      `agora-transcribe works on Linux only; this is ${platform} on ${arch}. Run it in ` +
      `${platform === "win32" ? "WSL" : "a container"}, or on a Linux machine as a server (\`agora-transcribe serve\`)`
    );
  }
  if (isClone) return "The native addon is not built: run `npm run build:native`";
  if (!isPrebuilt(name)) {
    return `There is no prebuilt addon of agora-transcribe for Linux on ${arch} with ${libc}: ${BUILD}`;
  }
  return (
    `The native addon of agora-transcribe is not installed: it is the optional dependency ${name}, which is left out ` +
    "where optional dependencies are, or where a lock file or node_modules come from another system. " +
    `\`npm install ${name}@${VERSION}\` adds it; ${BUILD}`
  );
}

/** Why the addon cannot be loaded in what runs this program, and what to do; undefined in Node.js and Electron. */
export function wrongRuntime({ bun, deno }: NodeJS.ProcessVersions): string | undefined {
  const name = bun ? `Bun ${bun}` : deno ? `Deno ${deno}` : undefined;
  return (
    name &&
    `The native addon of agora-transcribe needs libuv, which Node.js has and ${name} does not (Bun ends the whole process): ` +
      "run this program by Node.js, or call a server that it runs (`npx agora-transcribe serve`)"
  );
}

/** Why an addon that is there could not be loaded, and what to do about it. */
export function unloadableAddon(file: string, cause: Error): string {
  const problem = `The native addon ${file} could not be loaded: ${cause.message}`;
  if (!/GLIBC|CXXABI|ld-linux|libstdc\+\+|musl/.test(cause.message)) return problem;
  return `${problem}\nPrebuilt addons need ${OLDEST}; ${BUILD}`;
}

/** Why an addon of `version`, if it tells one, is not this package's, and what to do; undefined where it is. */
export function otherVersion(file: string, version: string | undefined): string | undefined {
  if (version === VERSION) return undefined;
  const { AGORA_TRANSCRIBE_PREBUILD: given } = process.env;
  const found = `The native addon ${file} is of version ${version ?? "unknown"}, this package of ${VERSION}`;
  if (given) return `${found}: \`npx agora-transcribe build --out ${given}\` builds it anew`;
  if (existsSync(packageFile("scripts", "build-native.mjs"))) return `${found}: run \`npm run build:native\``;
  const name = platformPackage(thisSystem());
  // What was built in this package is taken before any that is installed.
  const isOwn = file.startsWith(packageRoot() + path.sep);
  if (isOwn || !isPrebuilt(name)) return `${found}: ${BUILD}`;
  return `${found}: \`npm install ${name}@${VERSION}\` brings the one for it; ${BUILD}`;
}

/** @param name of a package, as {@link platformPackage} gives it */
function isPrebuilt(name: string): boolean {
  return PREBUILT.includes(name.replace("agora-transcribe-", ""));
}
