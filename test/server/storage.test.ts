import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { afterEach, expect, it, onTestFinished, vi } from "vitest";
import { Storage } from "../../src/service/storage.js";
import { wav } from "../support/audio.js";
import { bursts } from "../support/fake-engine.js";
import { checkHealth } from "../support/grpc-services.js";
import { RECORDING, startFakeServer, startUnready, until } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { latch } from "../support/transcribe-fake.js";
import { failureOf, uploadOf, V2Client } from "../support/v2-client.js";
import { startV2 } from "../support/v2-server.js";

afterEach(() => void vi.unstubAllEnvs());

const HTTP = { metricsHost: "localhost", metricsPort: 0 };

/** A place where no file can be made, whoever asks: root may write to folders that are read-only. */
async function noFolder(): Promise<string> {
  const path = join(await temporaryFolder(), "file");
  await writeFile(path, "");
  return path;
}

async function readiness(port: number | undefined): Promise<string> {
  const response = await fetch(`http://localhost:${port}/readyz`);
  return `${response.status} ${await response.text()}`;
}

it("is found missing at the start, told by readiness, and found again", async () => {
  vi.stubEnv("TMPDIR", await noFolder());
  const { client, lines, server } = await startFakeServer({ settings: HTTP });
  expect(await readiness(server.metricsPort)).toBe("503 storage\n");
  expect(await checkHealth(client.client)).toBe("NOT_SERVING");
  expect(lines.join("")).toMatch(/ERROR - Not ready: Cannot store uploads in the temporary folder .*TMPDIR/);
  vi.unstubAllEnvs();
  await until(async () => (await readiness(server.metricsPort)) === "200 ok\n");
  expect(await checkHealth(client.client)).toBe("SERVING");
});

it("that is gone is the server's fault, with a hint when to try again, and no recording's", async () => {
  const { v2, client, server, lines } = await startV2({ settings: HTTP });
  vi.stubEnv("TMPDIR", await noFolder());
  const large = wav([bursts(10)], 16_000);
  for (const call of [() => v2.upload(uploadOf(RECORDING)), () => v2.transcribe({ audio: large })]) {
    const failure = await failureOf(call());
    expect(failure).toMatchObject({ code: status.UNAVAILABLE, reason: "STORAGE_FAILED" });
    expect(failure.retryAfter).toBeGreaterThan(0);
    expect(Number(failure.trailers.get("grpc-retry-pushback-ms")[0])).toBeGreaterThan(0);
    expect(failure.message).toContain(tmpdir());
  }
  expect(await readiness(server.metricsPort)).toBe("503 storage\n");
  expect(await checkHealth(client.client)).toBe("NOT_SERVING");
  // What needs no storage is answered all the same.
  expect((await client.unary({ audio_data: RECORDING, filename: "a.wav" })).success).toBe(true);
  expect(lines.filter((line) => line.includes("Not ready"))).toHaveLength(1);
  vi.unstubAllEnvs();
  await until(async () => (await readiness(server.metricsPort)) === "200 ok\n");
  expect((await v2.upload(uploadOf(RECORDING))).text).toBe("1");
});

it("that does not answer keeps nobody from stopping the server", async () => {
  const attempt = vi.spyOn(Storage.prototype, "attempt");
  onTestFinished(() => attempt.mockRestore());
  attempt.mockImplementation(() => new Promise(() => {}));
  const { server, client } = await startUnready();
  expect(await checkHealth(client.client)).toBe("NOT_SERVING");
  await server.stop();
  await expect(server.ready).rejects.toMatchObject({ code: "CANCELLED" });
});

it("is looked at once, however many calls suspect it meanwhile", async () => {
  const { opened, open } = latch();
  const attempt = vi.spyOn(Storage.prototype, "attempt");
  onTestFinished(() => attempt.mockRestore());
  attempt.mockImplementation(() => opened as Promise<never>);
  const storage = new Storage(() => {});
  onTestFinished(() => storage.close());
  for (let i = 0; i < 100; i++) storage.suspect();
  const looking = storage.watch();
  expect(attempt).toHaveBeenCalledTimes(1);
  open();
  await looking;
  storage.suspect();
  expect(attempt).toHaveBeenCalledTimes(2);
});

it("may be fine and the decoder not: that is the server's fault too", async () => {
  const { server } = await startFakeServer();
  const v2 = new V2Client(server.port);
  vi.stubEnv("AGORA_FFMPEG", join(await temporaryFolder(), "none"));
  const flac = Buffer.concat([Buffer.from("fLaC\0\0\0\x22"), Buffer.alloc(1000)]);
  for (const call of [() => v2.upload(uploadOf(flac)), () => v2.transcribe({ audio: flac })]) {
    const failure = await failureOf(call());
    expect(failure).toMatchObject({ code: status.UNAVAILABLE, reason: "DECODER_UNAVAILABLE" });
    expect(failure.retryAfter).toBeGreaterThan(0);
  }
});
