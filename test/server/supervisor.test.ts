import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { notifySupervisor } from "../../src/addon/supervisor.js";
import { startCli } from "../support/cli.js";
import { SOME_FILE } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";

const SCRIPT = fileURLToPath(new URL("../support/fake-server-process.ts", import.meta.url));
/** Node.js has no sockets of datagrams on Unix to listen with; Python does. */
const LISTENER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace("@", "\\0", 1) if sys.argv[1].startswith("@") else sys.argv[1])
print("bound", flush=True)
while True:
    print(s.recv(4096).decode().replace("\\n", " "), flush=True)
`;
const hasPython = spawnSync("python3", ["-c", "import socket"]).status === 0;

/** What a supervisor at `address` was told. */
async function supervisor(address: string): Promise<string[]> {
  const child = spawn("python3", ["-c", LISTENER, address], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const told: string[] = [];
  const lines = createInterface({ input: child.stdout });
  const bound = once(lines, "line");
  await bound;
  lines.on("line", (line) => told.push(line));
  return told;
}

async function has(told: string[], pattern: RegExp): Promise<void> {
  while (!told.some((line) => pattern.test(line))) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe.skipIf(!hasPython)("a supervisor (needs python3)", () => {
  it.each(["file", "abstract"])(
    "hears what becomes of the server, at a socket of the kind %s",
    async (kind) => {
      const folder = await temporaryFolder();
      const address = kind === "file" ? join(folder, "notify") : `@agora-test-${process.pid}`;
      const told = await supervisor(address);
      const env = {
        MODEL_NAME: SOME_FILE,
        AGORA_CACHE_DIR: folder,
        NOTIFY_SOCKET: address,
        SERVER_HTTP: "false",
      };
      const args = ["serve", "--port", "0", "--host", "localhost", "--implementation", "fake"];
      const running = startCli(args, { script: SCRIPT, cwd: folder, env });
      onTestFinished(() => void running.child.kill("SIGKILL"));
      await has(told, /^READY=1 STATUS=/);
      running.child.kill("SIGHUP");
      await has(told, /^RELOADING=1 MONOTONIC_USEC=\d+$/);
      await has(told, /^READY=1$/);
      running.child.kill("SIGTERM");
      await has(told, /^STOPPING=1/);
      expect((await running.ended).code).toBe(0);
      expect(told.map((line) => line.split("=")[0])).toEqual(["READY", "RELOADING", "READY", "STOPPING"]);
    },
  );
});

it.skipIf(!hasPython)("is not told of a server that reads its settings again before it serves", async () => {
  const folder = await temporaryFolder();
  const [address, loading] = [join(folder, "notify"), join(folder, "loading")];
  const told = await supervisor(address);
  const env = {
    MODEL_NAME: SOME_FILE,
    AGORA_CACHE_DIR: folder,
    NOTIFY_SOCKET: address,
    FAKE_LOADING: loading,
    SERVER_HTTP: "false",
  };
  const args = ["serve", "--port", "0", "--host", "localhost", "--implementation", "fake"];
  const running = startCli(args, { script: SCRIPT, cwd: folder, env });
  onTestFinished(() => void running.child.kill("SIGKILL"));
  await running.stderrHas("and loads the model");
  running.child.kill("SIGHUP");
  await running.stderrHas("Read certificates");
  await writeFile(loading, "");
  await has(told, /^READY=1 STATUS=/);
  expect(told).toHaveLength(1);
});

it("is told nothing where there is none, or it is gone", () => {
  onTestFinished(() => void vi.unstubAllEnvs());
  vi.stubEnv("NOTIFY_SOCKET", undefined);
  notifySupervisor("READY=1");
  for (const address of ["/no/such/socket", "@nobody", "x".repeat(200)]) {
    vi.stubEnv("NOTIFY_SOCKET", address);
    notifySupervisor("READY=1");
  }
});

const hasAnalyze = spawnSync("systemd-analyze", ["--version"]).status === 0;

describe("the unit", () => {
  const unit = fileURLToPath(new URL("../../deploy/agora-transcribe.service", import.meta.url));

  it.skipIf(!hasAnalyze)("leaves little for whoever gets into the server (needs systemd-analyze)", () => {
    const args = ["security", "--offline=true", "--no-pager", unit];
    const { stdout, stderr } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
    const [, exposure] = /Overall exposure level for \S+: ([\d.]+)/.exec(stdout) ?? [];
    expect(Number(exposure), stdout + stderr).toBeLessThanOrEqual(2);
  });

  it("waits for the server to say that it serves", () => {
    expect(readFileSync(unit, "utf8")).toMatch(/^Type=notify$/m);
  });
});
