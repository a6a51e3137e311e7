import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { freePort } from "../../bench/support/free-port.js";

/** A queue's server in a process of its own, with files of its own. */
export interface BrokerProcess {
  /** Of a database that nobody has used. */
  freshUrl(): Promise<string>;
  /** As though its machine had lost its power. */
  kill(): Promise<void>;
  /** Again, with the files of before. */
  start(): Promise<void>;
}

/** Where jobs are kept. */
export interface JobStoreKind {
  name: string;
  /** What is missing here; undefined: nothing is. */
  missing: string | undefined;
  /** The one that all tests of a file share; undefined: a folder. */
  broker?: () => Promise<BrokerProcess>;
}

/** What a file's tests have started, ended with the file. */
const atEnd: (() => unknown)[] = [];
afterAll(async () => {
  for (const end of atEnd.splice(0)) await end();
});

const redisServer = findProgram("redis-server", "/usr/bin");
const postgresPrograms = findPostgres();

export const REDIS: JobStoreKind = {
  name: "Redis",
  missing: redisServer === undefined ? "redis-server" : undefined,
  broker: once(startRedis),
};
export const POSTGRES: JobStoreKind = {
  name: "PostgreSQL",
  missing: postgresPrograms === undefined ? "postgresql" : undefined,
  broker: once(startPostgres),
};
export const SQLITE: JobStoreKind = { name: "SQLite", missing: undefined };

/** Everything that jobs can be kept in. */
export const JOB_STORES = [SQLITE, REDIS, POSTGRES];
/** Those that several machines share. */
export const QUEUES = [REDIS, POSTGRES];

/** Name of the tests of a store, which says so where they are skipped. */
export function titleOf({ missing, name }: JobStoreKind): string {
  return missing === undefined ? name : `${name} (needs ${missing}, which is not installed here)`;
}

async function startRedis(): Promise<BrokerProcess> {
  const folder = temporaryFolderOfFile();
  const port = await freePort();
  let child: ChildProcess | undefined;
  let databases = 0;
  const args = ["--port", port, "--bind", "127.0.0.1", "--dir", folder, "--databases", 1000].map(String);
  const files = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
  const broker: BrokerProcess = {
    freshUrl: async () => `redis://127.0.0.1:${port}/${databases++}`,
    kill: async () => {
      await killed(child);
    },
    start: async () => {
      child = spawn(redisServer!, [...args, ...files, "--maxmemory-policy", "noeviction"], {
        stdio: ["ignore", "pipe", "pipe"],
      });
      await said(child, "Ready to accept connections");
    },
  };
  await broker.start();
  atEnd.unshift(broker.kill);
  return broker;
}

async function startPostgres(): Promise<BrokerProcess> {
  const folder = temporaryFolderOfFile();
  const port = await freePort();
  const isRoot = process.getuid?.() === 0;
  // PostgreSQL does not run as root.
  const identity = isRoot ? idsOf("postgres") : {};
  if (isRoot) chownSync(folder, identity.uid!, identity.gid!);
  const data = join(folder, "data");
  const options = { ...identity, cwd: folder, env: { PATH: process.env.PATH ?? "", LC_ALL: "C" } };
  const initdb = ["-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8"];
  execFileSync(join(postgresPrograms!, "initdb"), initdb, { ...options, stdio: "ignore" });
  let child: ChildProcess | undefined;
  let databases = 0;
  const url = (database: string) => `postgres://postgres@127.0.0.1:${port}/${database}`;
  const settings = [`port=${port}`, "listen_addresses=127.0.0.1", `unix_socket_directories=${folder}`];
  const args = [...settings, "max_connections=300", "wal_level=minimal", "max_wal_senders=0"];
  const broker: BrokerProcess = {
    freshUrl: async () => {
      const { default: pg } = await import("pg");
      const client = new pg.Client({ connectionString: url("postgres") });
      await client.connect();
      const name = `jobs_${databases++}`;
      await client.query(`CREATE DATABASE ${name}`);
      await client.end();
      return url(name);
    },
    kill: async () => {
      // Its children end with it, and are to be gone before the next one.
      child?.kill("SIGQUIT");
      await ended(child);
    },
    start: async () => {
      const program = join(postgresPrograms!, "postgres");
      child = spawn(program, ["-D", data, ...args.flatMap((each) => ["-c", each])], {
        ...options,
        stdio: ["ignore", "pipe", "pipe"],
      });
      await said(child, "database system is ready to accept connections");
    },
  };
  await broker.start();
  atEnd.unshift(broker.kill);
  return broker;
}

/** In every test of a file the same. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function temporaryFolderOfFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "agora-broker-"));
  atEnd.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Resolves when a process has written `text`. */
function said(child: ChildProcess, text: string): Promise<void> {
  let output = "";
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout!, child.stderr!])
      stream.setEncoding("utf8").on("data", (piece: string) => {
        output += piece;
        if (output.includes(text)) resolve();
      });
    child.once("exit", () => reject(new Error(`It has ended without saying ${text}: ${output}`)));
  });
}

async function killed(child: ChildProcess | undefined): Promise<void> {
  child?.kill("SIGKILL");
  await ended(child);
}

async function ended(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once("exit", resolve));
}

function idsOf(user: string): { uid?: number; gid?: number } {
  const [uid, gid] = ["-u", "-g"].map((flag) =>
    Number(execFileSync("id", [flag, user], { encoding: "utf8" })),
  );
  return { uid: uid!, gid: gid! };
}

function findProgram(name: string, ...folders: string[]): string | undefined {
  const all = [...folders, ...(process.env.PATH ?? "").split(":")];
  return all.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Debian has its programs in a folder of its own for each version. */
function findPostgres(): string | undefined {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = versions.map((version) => join(root, version, "bin"));
  const found = findProgram("initdb", ...folders);
  return found === undefined ? undefined : join(found, "..");
}
