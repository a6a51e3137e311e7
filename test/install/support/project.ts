import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, inject, onTestFinished } from "vitest";

const installable = inject("installable");
/** Why nothing can be installed; undefined where it can. */
export const missing = "missing" in installable ? installable.missing : undefined;
const { registry, tools } = "missing" in installable ? { registry: "", tools: "" } : installable;
/** The folder of the packages: tarballs, and what is in them by the packages' names. */
export const packages = installable.packages;

export type Manager = "npm" | "pnpm" | "Yarn 1" | "Yarn 4";

/** The package managers of the matrix: program, and the command that adds packages to a project. */
export const MANAGERS: Record<Manager, { program: [string, ...string[]]; add: string[] }> = {
  npm: { program: ["npm"], add: ["install", "--no-audit", "--no-fund"] },
  pnpm: { program: [path.join(tools, "@pnpm", `exe.linux-${process.arch}`, "pnpm")], add: ["add"] },
  "Yarn 1": {
    program: [process.execPath, path.join(tools, "yarn/bin/yarn.js")],
    add: ["add", "--no-lockfile"],
  },
  "Yarn 4": { program: [process.execPath, path.join(tools, "@yarnpkg/cli-dist/bin/yarn.js")], add: ["add"] },
};

export const PACKAGES = ["agora-transcribe", "agora-transcribe-demo"];

/** A program that ended, with what it wrote. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A module of the tools, for its program or its API. */
export function toolFile(file: string): string {
  return path.join(tools, file);
}

/** A folder with only these programs, for PATH. */
export function pathWith(...programs: string[]): string {
  const folder = temporary("agora-bin-");
  for (const program of programs) {
    const { stdout } = spawnSync("/bin/sh", ["-c", `command -v ${program}`], { encoding: "utf8" });
    if (stdout.trim()) symlinkSync(stdout.trim(), path.join(folder, program));
  }
  return folder;
}

/** A new folder that is deleted when the test has finished, or when `later` calls. */
export function temporary(prefix: string, later: Later = onTestFinished): string {
  const folder = mkdtempSync(path.join(tmpdir(), prefix));
  chmodSync(folder, 0o755);
  later(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

type Later = (remove: () => void) => void;

/** One project with the packages for all tests around the call, in whose folders they do not meet. */
export function sharedProject(): () => Project {
  let project: Project;
  beforeAll(() => {
    const removals: (() => void)[] = [];
    project = new Project("project", {}, (remove) => void removals.push(remove));
    const { code, stdout, stderr } = project.install("npm");
    if (code !== 0) throw new Error(stdout + stderr);
    return () => {
      for (const remove of removals) remove();
    };
  });
  return () => project;
}

/** Somebody's project, in a folder of its own. */
export class Project {
  readonly folder: string;
  readonly #environment: NodeJS.ProcessEnv;

  /** @param name of its folder; @param environment beside this process's; @param later says when it is deleted */
  constructor(name = "project", environment: NodeJS.ProcessEnv = {}, later: Later = onTestFinished) {
    this.folder = path.join(temporary("agora-install-", later), name);
    mkdirSync(this.folder, { recursive: true });
    this.write("package.json", JSON.stringify({ name: "somebodys", version: "1.0.0", private: true }));
    this.write(".npmrc", `registry=${registry}/\n`);
    const settings = [
      `npmRegistryServer: "${registry}"`,
      'unsafeHttpWhitelist: ["127.0.0.1"]',
      "enableTelemetry: false",
      // It takes a package of that version that it has for this one, from whatever build.
      `globalFolder: ${JSON.stringify(path.join(path.dirname(this.folder), "yarn"))}`,
    ];
    this.write(".yarnrc.yml", `${settings.join("\n")}\n`);
    this.write("yarn.lock", "");
    this.#environment = {
      ...withoutNpm(process.env),
      npm_config_registry: `${registry}/`,
      YARN_ENABLE_IMMUTABLE_INSTALLS: "false",
      CI: "",
      ...environment,
    };
  }

  write(name: string, text: string): void {
    mkdirSync(path.dirname(path.join(this.folder, name)), { recursive: true });
    writeFileSync(path.join(this.folder, name), text);
  }

  has(name: string): boolean {
    return existsSync(path.join(this.folder, name));
  }

  install(manager: Manager, names: readonly string[] = PACKAGES, ...flags: string[]): Ended {
    const { program, add } = MANAGERS[manager];
    if (manager !== "Yarn 1" && manager !== "Yarn 4")
      rmSync(path.join(this.folder, "yarn.lock"), { force: true });
    return this.run(...program, ...add, ...flags, ...names);
  }

  /** Runs Node.js on a program in this folder, or as the manager does it where packages lie elsewhere. */
  node(manager: Manager, ...args: string[]): Ended {
    if (manager !== "Yarn 4") return this.run(process.execPath, ...args);
    return this.run(...MANAGERS[manager].program, "node", ...args);
  }

  /** The command line on the sample, with the demo model. */
  transcribe(manager: Manager): Ended {
    this.write(
      "sample.mjs",
      `import { createRequire } from "node:module";
       const require = createRequire(import.meta.url);
       const sample = require.resolve("agora-transcribe-demo/samples/sales-call-en.wav");
       const { transcribe } = await import("agora-transcribe");
       try {
         console.log((await transcribe(sample, { model: "demo" })).text);
       } catch (error) {
         console.error(error.name, error.code, error.message);
         process.exitCode = 3;
       }`,
    );
    return this.node(manager, "sample.mjs");
  }

  run(program: string, ...args: string[]): Ended {
    const ended: SpawnSyncReturns<string> = spawnSync(program, args, {
      cwd: this.folder,
      encoding: "utf8",
      env: this.#environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    return { code: ended.status, stdout: ended.stdout, stderr: ended.stderr || String(ended.error ?? "") };
  }
}

/** Settings of the npm that runs the tests are not those of the project. */
function withoutNpm(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !/^(npm_|NODE_OPTIONS|VITEST|AGORA_)/i.test(name)),
  );
}
