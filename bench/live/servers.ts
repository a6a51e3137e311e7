import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { freePort } from "../support/free-port.js";
import { startServerProcess } from "../support/server-process.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAM = fileURLToPath(new URL("whisper_live_server.py", import.meta.url));
/** Where WhisperLive is installed; made when it is first needed. */
const FOLDER = process.env.AGORA_WHISPER_LIVE || join(ROOT, "build/whisper-live");
/** Without its microphone, and what its server does not load. faster-whisper is the one that it asks for. */
const VERSION = "whisper-live==0.9.0";
const NEEDED = [
  "faster-whisper==1.2.0",
  "websockets",
  "fastapi",
  "uvicorn",
  "python-multipart",
  "requests",
  "scipy",
];
const THREADS = "2";

/** A server that speaks WhisperLive's protocol. */
export interface LiveServer {
  name: string;
  port: number;
  /** 0: none. */
  httpPort: number;
  stop(): Promise<void>;
}

/** This package's server with a model in 8 bits, as WhisperLive has it on a CPU. */
export async function startOurs(model: string): Promise<LiveServer> {
  const port = await freePort();
  const server = await startServerProcess({
    SERVER_HTTP: "true",
    MODEL_NAME: model,
    MODEL_THREADS: THREADS,
    MODEL_COMPUTE_TYPE: "int8",
    WHISPERLIVE_PORT: String(port),
  });
  return {
    name: "agora-transcribe",
    port,
    httpPort: server.httpPort,
    stop: async () => void (await server.stop()),
  };
}

/**
 * WhisperLive's server with faster-whisper inside.
 * @param model folder of the same weights, as CTranslate2 reads them
 * @throws Error where it cannot be installed
 */
export async function startWhisperLive(model: string): Promise<LiveServer> {
  const python = install();
  const port = await freePort();
  const child = spawn(python, [PROGRAM, model, String(port)], {
    env: { ...process.env, OMP_NUM_THREADS: THREADS },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (data) => {
    said = (said + data).slice(-4000);
  });
  const ended = once(child, "exit");
  const failed = ended.then(() => {
    throw new Error(`WhisperLive ended before it served:\n${said}`);
  });
  failed.catch(() => {});
  await Promise.race([answers(port), failed]);
  return { name: "WhisperLive", port, httpPort: 0, stop: () => end(child, ended) };
}

async function end(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  child.kill("SIGKILL");
  await ended;
}

function install(): string {
  const python = join(FOLDER, "bin/python");
  const run = (program: string, ...args: string[]): void =>
    void execFileSync(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  if (!existsSync(python)) run("python3", "-m", "venv", FOLDER);
  try {
    execFileSync(python, ["-c", "import whisper_live, faster_whisper, fastapi"], { stdio: "ignore" });
  } catch {
    run(python, "-m", "pip", "install", "-q", "--no-deps", VERSION);
    run(python, "-m", "pip", "install", "-q", ...NEEDED);
  }
  return python;
}

/** Resolves when somebody can connect. */
async function answers(port: number): Promise<void> {
  for (;;) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    socket.on("error", () => {});
    const isOpen = await Promise.race([
      once(socket, "open").then(() => true),
      once(socket, "close").then(() => false),
    ]).catch(() => false);
    socket.terminate();
    if (isOpen) return;
    await sleep(200);
  }
}
