import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
export const LOADER = path("test/support/typescript-loader.mjs");

/** `agora-transcribe serve` in a process of its own. */
export interface ServerProcess {
  pid: number;
  port: number;
  metricsPort: number;
  /** 0: there is no HTTP. */
  httpPort: number;
  /** The last lines of its log. */
  log: string[];
  /** Exit code and signal, when it ends. */
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Sends SIGTERM, and resolves with the exit code. */
  stop(): Promise<number | null>;
  /** Ends it as it is. */
  kill(): void;
}

/** Lines of the log that are kept. */
const KEPT = 200;

/**
 * Starts the server with the demo model on free ports. Its log says when it is ready, at level INFO.
 * @param settings variables of `.env.example`, laid over those of this process
 * @param program the command line, with whatever implementations
 */
export async function startServerProcess(
  settings: Record<string, string> = {},
  program = "src/cli/main.ts",
): Promise<ServerProcess> {
  const child: ChildProcess = spawn(process.execPath, ["--import", LOADER, path(program), "serve"], {
    env: {
      SERVER_HOST: "localhost",
      SERVER_PORT: "0",
      SERVER_HTTP: "false",
      HTTP_PORT: "0",
      SERVER_HTTP_HOST: "localhost",
      SERVER_HTTP_PORT: "0",
      MODEL_IMPLEMENTATION: "whisper",
      MODEL_NAME: "demo",
      ...process.env,
      ...settings,
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(child, "exit").then(([code, signal]) => ({ code, signal }));
  const log: string[] = [];
  const ports = { port: 0, metricsPort: 0, httpPort: 0 };
  const lines = createInterface({ input: child.stderr! });
  const ready = new Promise<void>((resolve) => {
    lines.on("line", (line) => {
      log.push(line);
      if (log.length > KEPT) log.shift();
      const [, kind, number] = /, (HTTP port|port) (\d+)/.exec(line) ?? [];
      if (kind) ports[kind === "port" ? "port" : "metricsPort"] = Number(number);
      const [, httpPort] = /listens on .*http:\/\/\S+:(\d+)/.exec(line) ?? [];
      if (httpPort) ports.httpPort = Number(httpPort);
      if (line.includes("Serving with")) resolve();
    });
  });
  const failed = ended.then(() => {
    throw new Error(`The server ended before it served:\n${log.join("\n")}`);
  });
  await Promise.race([ready, failed]);
  failed.catch(() => {});
  return {
    pid: child.pid!,
    ...ports,
    log,
    ended,
    stop: async () => {
      child.kill("SIGTERM");
      return (await ended).code;
    },
    kill: () => void child.kill("SIGKILL"),
  };
}
