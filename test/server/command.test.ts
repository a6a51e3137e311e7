import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it, onTestFinished, vi } from "vitest";
import { implementationNames, registerImplementation, TranscriptionError } from "../../src/index.js";
import { type RunningChild, startCli } from "../support/cli.js";
import { checkHealth } from "../support/grpc-services.js";
import { runInProcess } from "../support/run-cli.js";
import { RECORDING, SOME_FILE } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { TranscriptionClient } from "../support/transcription-client.js";

const SCRIPT = fileURLToPath(new URL("../support/fake-server-process.ts", import.meta.url));
afterEach(() => vi.unstubAllEnvs());

const REQUEST = { audio_data: RECORDING, filename: "a.wav" };

/** `agora-transcribe serve` in a folder of its own, unless another is given. */
async function startServe(
  args: readonly string[],
  env: Record<string, string> = {},
  cwd?: string,
): Promise<RunningChild> {
  const folder = cwd ?? (await temporaryFolder());
  const running = startCli(["serve", ...args], {
    script: SCRIPT,
    cwd: folder,
    // Bursts are no speech.
    env: { MODEL_NAME: SOME_FILE, MODEL_VAD: "off", AGORA_CACHE_DIR: folder, SERVER_HTTP: "false", ...env },
  });
  onTestFinished(() => {
    running.child.kill("SIGKILL");
  });
  return running;
}

async function portOf(running: RunningChild): Promise<number> {
  await running.stderrHas("Serving with");
  return Number(/port (\d+)/.exec(running.stderr())![1]);
}

it("finishes the running call on SIGTERM, and exits with 0", async () => {
  const folder = await temporaryFolder();
  const gate = join(folder, "gate");
  const running = await startServe(["--port", "0", "--implementation", "fake"], { FAKE_GATE: gate });
  const client = new TranscriptionClient(await portOf(running));
  const call = client.unary(REQUEST);
  await running.stderrHas("working");
  running.child.kill("SIGTERM");
  await running.stderrHas("Waiting up to 30 s for 1 open calls");
  await writeFile(gate, "");
  expect(await call).toMatchObject({ success: true, transcript: "done" });
  expect(await running.ended).toMatchObject({ code: 0, stdout: "" });
});

it("exits at once on the second signal", async () => {
  const running = await startServe(["--port", "0", "--implementation", "fake"], { FAKE_GATE: "/nowhere" });
  const client = new TranscriptionClient(await portOf(running));
  client.startUnary(REQUEST);
  await running.stderrHas("working");
  running.child.kill("SIGTERM");
  await running.stderrHas("Waiting");
  running.child.kill("SIGTERM");
  expect(await running.ended).toMatchObject({ code: 143 });
});

it("takes flags before the environment before .env, and exits with 0 on SIGINT when nothing runs", async () => {
  const folder = await temporaryFolder();
  await writeFile(
    join(folder, ".env"),
    "MODEL_IMPLEMENTATION=whisper-cpp\nSERVER_MAX_WORKERS=3\nMODEL_BATCH_SIZE=5\nSERVER_PORT=1\n",
  );
  const running = await startServe(
    ["--port", "0", "--implementation", "fake"],
    { SERVER_PORT: "2", SERVER_MAX_WORKERS: "4" },
    folder,
  );
  const client = new TranscriptionClient(await portOf(running));
  expect(await checkHealth(client.client)).toBe("SERVING");
  expect(running.stderr()).toMatch(/Serving with fake: .* batch size 5, .* 4 workers/);
  running.child.kill("SIGINT");
  expect(await running.ended).toMatchObject({ code: 0 });
});

it("names every wrong setting, and the known implementations", async () => {
  vi.stubEnv("SERVER_MAX_WORKERS", "-3");
  const { code, stderr } = await runInProcess(["serve", "--implementation", "magic", "--port", "x"]);
  expect(code).toBe(2);
  expect(stderr).toBe(
    [
      "error: 3 wrong settings:",
      '  --port: expected an integer from 0 to 65535 but received "x"',
      `  --implementation: expected one of ${implementationNames().join(", ")} but received "magic"`,
      '  SERVER_MAX_WORKERS: expected an integer from 1 to 1024 but received "-3"',
      "",
    ].join("\n"),
  );
});

it("exits with 3 when the model cannot be loaded", async () => {
  registerImplementation("broken", async () => {
    throw new TranscriptionError("MODEL_INVALID", "The model is broken");
  });
  const here = ["--host", "localhost", "--port", "0", "--no-http"];
  const args = [...here, "--implementation", "broken", "--model", SOME_FILE];
  const { code, stderr } = await runInProcess(["serve", ...args]);
  expect(code).toBe(3);
  expect(stderr).toMatch(/ - Server - INFO - Stopped\nerror: The model is broken\n$/);
});
