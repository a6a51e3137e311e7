import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { status } from "@grpc/grpc-js";
import { expect, it, onTestFinished } from "vitest";
import { readSettings } from "../../src/service/read-settings.js";
import { reloadable } from "../../src/service/reloaded-settings.js";
import { isServiceLink, settingAdvice } from "../../src/service/setting-advice.js";
import { watchFiles } from "../../src/service/watch-files.js";
import { startCli } from "../support/cli.js";
import { RECORDING, SOME_FILE, startFakeServer, until } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { statusOf, TranscriptionClient } from "../support/transcription-client.js";
import { V2Client } from "../support/v2-client.js";

const REQUEST = { audio_data: RECORDING, filename: "a.wav" };
const [OLD, NEW] = ["correct-horse-battery", "another-horse-battery"];
const SCRIPT = fileURLToPath(new URL("../support/fake-server-process.ts", import.meta.url));

it("takes the token that its file holds now, and keeps the old one while the file holds none", async () => {
  const path = join(await temporaryFolder(), "token");
  await writeFile(path, OLD);
  const { client, server } = await startFakeServer({ settings: { apiTokenFile: path } });
  const answerTo = (token: string) => {
    client.metadata.set("authorization", `Bearer ${token}`);
    return client.unary(REQUEST);
  };
  await writeFile(path, "");
  await expect(server.reload()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  expect((await answerTo(OLD)).success).toBe(true);
  await writeFile(path, NEW);
  await server.reload();
  expect((await answerTo(NEW)).success).toBe(true);
  expect(await statusOf(answerTo(OLD))).toBe(status.UNAUTHENTICATED);
});

it("takes over what can be taken over, and tells what needs another start", async () => {
  const { server, lines } = await startFakeServer({ settings: { loggingLevel: "ERROR" } });
  expect(lines).toEqual([]);
  const settings = { ...readSettings({}), maxWorkers: 3, loggingLevel: "INFO" } as const;
  await server.reload(settings);
  expect(lines.join("")).toContain("SERVER_MAX_WORKERS has changed, which needs another start");
});

it("stays as it is where settings that were read again do not go together, or not with those that stay", async () => {
  const { client, server, lines } = await startFakeServer({
    settings: { apiToken: OLD, requireToken: true, host: "localhost" },
  });
  const without = { host: "localhost", requireToken: true };
  await expect(server.reload(without)).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    option: "apiToken",
  });
  // It would need another start not to require one.
  await expect(server.reload({ host: "localhost" })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringMatching(
      /^SERVER_API_TOKEN: expected a token.* since SERVER_REQUIRE_TOKEN is set$/,
    ),
  });
  await expect(server.reload({ ...without, apiToken: NEW, tlsKey: "a.key" })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    option: "tlsCertificate",
  });
  expect(await statusOf(client.unary(REQUEST))).toBe(status.UNAUTHENTICATED);
  client.metadata.set("authorization", `Bearer ${OLD}`);
  expect((await client.unary(REQUEST)).success).toBe(true);
  expect(lines.join("")).not.toContain("Read certificates");
});

it("warns of who may use the server from now on", async () => {
  const { server, lines } = await startFakeServer({ settings: { apiToken: OLD, host: "0.0.0.0" } });
  expect(lines.join("")).not.toContain("ANYONE");
  await server.reload({ host: "0.0.0.0" });
  expect(lines.join("")).toMatch(/WARNING - ANYONE who reaches SERVER_HOST=0\.0\.0\.0/);
});

it("tells clients the settings that are in force", async () => {
  const { server } = await startFakeServer({ settings: { loggingLevel: "ERROR" } });
  const v2 = new V2Client(server.port);
  const shown = async () => (await v2.serverInfo()).settings;
  expect(await shown()).toMatchObject({ LOGGING_LEVEL: "ERROR", SERVER_API_TOKEN: "", SERVER_PORT: "0" });
  await server.reload({ ...readSettings({}), loggingLevel: "DEBUG", maxWorkers: 3 });
  expect(await shown()).toMatchObject({ LOGGING_LEVEL: "DEBUG", SERVER_MAX_WORKERS: "10", SERVER_PORT: "0" });
});

it("happens in the order in which it was asked for", async () => {
  const { client, server } = await startFakeServer({ settings: { apiToken: OLD } });
  const path = join(await temporaryFolder(), "token");
  await writeFile(path, OLD);
  // The first has a file to read.
  await Promise.all([server.reload({ apiTokenFile: path }), server.reload({ apiToken: NEW })]);
  client.metadata.set("authorization", `Bearer ${NEW}`);
  expect((await client.unary(REQUEST)).success).toBe(true);
});

it("does not turn TLS on or off while it runs", () => {
  const plain = readSettings({});
  const secure = { ...plain, tlsCertificate: "a.pem", tlsKey: "a.key" };
  expect(reloadable(plain, secure)).toEqual({
    settings: plain,
    restart: ["SERVER_TLS_CERT", "SERVER_TLS_KEY"],
  });
  expect(reloadable(secure, plain).settings).toEqual(secure);
  const other = { ...secure, tlsCertificate: "b.pem" };
  expect(reloadable(secure, other)).toEqual({ settings: other, restart: [] });
});

it("notices a file that another was put in the place of", async () => {
  const folder = await temporaryFolder();
  const path = join(folder, "token");
  await writeFile(path, OLD);
  let changes = 0;
  const stop = watchFiles(
    () => [path],
    async () => {
      changes++;
    },
    10,
  );
  onTestFinished(stop);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(changes).toBe(0);
  await writeFile(join(folder, "next"), NEW);
  await rename(join(folder, "next"), path);
  await until(() => changes === 1);
});

it("reads .env again on SIGHUP, whose open calls go on", async () => {
  const folder = await temporaryFolder();
  const dotenv = join(folder, ".env");
  await writeFile(dotenv, `SERVER_API_TOKEN=${OLD}\n`);
  const env = { MODEL_NAME: SOME_FILE, AGORA_CACHE_DIR: folder, SERVER_HTTP: "false" };
  const args = ["serve", "--port", "0", "--host", "localhost", "--implementation", "fake"];
  const running = startCli(args, { script: SCRIPT, cwd: folder, env });
  onTestFinished(() => void running.child.kill("SIGKILL"));
  await running.stderrHas("Serving with");
  const client = new TranscriptionClient(Number(/port (\d+)/.exec(running.stderr())![1]));
  client.metadata.set("authorization", `Bearer ${OLD}`);
  const call = client.openStream();
  await call.write({ chunk_data: RECORDING.subarray(0, 1000), filename: "a.wav" });
  const other = new TranscriptionClient(Number(/port (\d+)/.exec(running.stderr())![1]));
  // What comes after it has been let in was let in after it.
  expect(await statusOf(other.unary(REQUEST))).toBe(status.UNAUTHENTICATED);
  await writeFile(dotenv, "SERVER_API_TOKEN=\n");
  running.child.kill("SIGHUP");
  await running.stderrHas("Settings stay as they were: Wrong setting:");
  await writeFile(dotenv, `SERVER_API_TOKEN=${NEW}\n`);
  running.child.kill("SIGHUP");
  await running.stderrHas("Read certificates, tokens");
  expect(await statusOf(client.unary(REQUEST))).toBe(status.UNAUTHENTICATED);
  await call.write({ chunk_data: RECORDING.subarray(1000), filename: "a.wav" });
  call.end();
  expect(await call.response).toMatchObject({ success: true });
});

it("tells misspelt settings, and what Kubernetes has put in their place", () => {
  expect(
    settingAdvice({
      SERVER_MAX_WORKER: "3",
      MODEL_NMAE: "tiny",
      SERVER_COLOUR: "red",
      SERVER_PORT: "tcp://10.0.0.1:50051",
      SERVER_PORT_50051_TCP_ADDR: "10.0.0.1",
      SERVER_SERVICE_PORT_GRPC: "50051",
      SERVER_HOST: "::",
      PATH: "/bin",
    }),
  ).toEqual([
    "SERVER_MAX_WORKER is no setting of the server (did you mean SERVER_MAX_WORKERS?)",
    "MODEL_NMAE is no setting of the server (did you mean MODEL_NAME?)",
    "SERVER_COLOUR is no setting of the server",
    expect.stringMatching(/^SERVER_PORT=tcp:\/\/10\.0\.0\.1:50051 is not used: Kubernetes/),
  ]);
  expect(isServiceLink("SERVER_PORT", "50051")).toBe(false);
  expect(isServiceLink("HTTP_PORT", "tcp://10.0.0.1:80")).toBe(true);
});
