import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";
import { startRegistry } from "./registry.js";

/** The folder of the packages, and what installs them; or why nothing can be installed. */
export type Installable = { packages: string } & ({ registry: string; tools: string } | { missing: string });

declare module "vitest" {
  export interface ProvidedContext {
    installable: Installable;
  }
}

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
/** Package managers and bundlers of other people's projects, none of which this one needs. */
const TOOLS = [
  "pnpm@12.21.0",
  "yarn@1.22.22",
  "@yarnpkg/cli-dist@4.18.1",
  "webpack@5.113.0",
  "rollup@4.68.8",
  "typescript@7.0.2",
  "@rollup/plugin-node-resolve@16.0.3",
  "@rollup/plugin-commonjs@29.0.3",
  "@rollup/plugin-json@6.1.0",
];

/** Makes the packages of the build that there is, unless `AGORA_PACKAGES` names a folder of them. */
export default async function setup(project: TestProject): Promise<() => void> {
  const { AGORA_PACKAGES } = process.env;
  const packages = AGORA_PACKAGES ? path.resolve(AGORA_PACKAGES) : path.join(ROOT, "build", "packages");
  if (!AGORA_PACKAGES) {
    const script = path.join(ROOT, "scripts", "package.mjs");
    execFileSync(process.execPath, [script, "--as-built", "--out", packages], {
      cwd: ROOT,
      stdio: "inherit",
    });
  }
  const upstream = npm("config", "get", "registry").trim().replace(/\/$/, "");
  const isThere = await answers(`${upstream}/node-gyp-build`);
  if (!isThere) {
    const missing = "npm's registry cannot be reached";
    console.warn(`Tests that install packages are skipped: ${missing}`);
    project.provide("installable", { packages, missing });
    return () => {};
  }
  const registry = await startRegistry(packages, upstream);
  project.provide("installable", { packages, registry: registry.url, tools: installTools() });
  return () => registry.close();
}

async function answers(address: string): Promise<boolean> {
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(20_000) });
    // Left unread it would keep this process alive.
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

function npm(...args: string[]): string {
  return execFileSync("npm", args, { cwd: ROOT, encoding: "utf8" });
}

/** @returns the folder of their packages */
function installTools(): string {
  const folder = path.join(ROOT, "build", "install-tools");
  const modules = path.join(folder, "node_modules");
  const version = (name: string) =>
    existsSync(path.join(modules, name))
      ? spawnSync(
          process.execPath,
          ["-p", `require("${path.join(modules, name, "package.json")}").version`],
          {
            encoding: "utf8",
          },
        ).stdout.trim()
      : undefined;
  const isComplete = TOOLS.every((tool) => {
    const at = tool.lastIndexOf("@");
    return version(tool.slice(0, at)) === tool.slice(at + 1);
  });
  if (isComplete) return modules;
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "package.json"), "{}");
  npm("install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", ...TOOLS);
  return modules;
}
