import { onTestFinished } from "vitest";
import { type RunningServer, startServer } from "../../src/server/server.js";
import { realWhisper } from "./real-whisper.js";

/** A server with real Whisper base on a free port, ready; stopped when the test has finished. */
export async function realServer(): Promise<RunningServer> {
  const settings = {
    host: "localhost",
    port: 0,
    http: false,
    model: realWhisper().base,
    computeType: "int8",
  } as const;
  const server = await startServer(settings, { log: () => {} });
  onTestFinished(() => server.stop());
  await server.ready;
  return server;
}
