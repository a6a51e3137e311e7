import { readdirSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { status } from "@grpc/grpc-js";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { ffmpeg, glide, wav } from "../support/audio.js";
import { runCli } from "../support/cli.js";
import { bursts } from "../support/fake-engine.js";
import { RECORDING, SOME_FILE, until } from "../support/server.js";
import { canMount, SMALL_DISK, smallDisk } from "../support/small-disk.js";
import { failureOf, uploadOf } from "../support/v2-client.js";
import { startV2 } from "../support/v2-server.js";

const SCRIPT = fileURLToPath(new URL("../support/fake-server-process.ts", import.meta.url));
/** A recording that decoders seek in. */
const seeking = () => ffmpeg([wav([glide(20, 16_000)], 16_000)], [], "m4a");

/** The temporary folder on a small disk of its own. */
function smallTemporaryFolder(): string {
  const folder = smallDisk();
  vi.stubEnv("TMPDIR", folder);
  onTestFinished(() => void vi.unstubAllEnvs());
  return folder;
}

/** Leaves no room on the disk of `folder`. @returns makes room again */
async function fill(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, "ballast");
  await writeFile(path, Buffer.alloc(SMALL_DISK)).catch(() => {});
  return () => rm(path);
}

describe.skipIf(!canMount)("a full disk (needs the right to mount a tmpfs)", () => {
  it("is the server's fault for uploads and for what is decoded, is told by readiness, and forgotten", async () => {
    const audio = seeking();
    const folder = smallTemporaryFolder();
    const { v2, server } = await startV2({
      settings: { metricsHost: "localhost", metricsPort: 0, maxDiskBytes: Number.POSITIVE_INFINITY },
    });
    const isReady = async () => (await fetch(`http://localhost:${server.metricsPort}/readyz`)).status === 200;
    const expectRefusal = async (call: Promise<unknown>) => {
      const failure = await failureOf(call);
      expect(failure).toMatchObject({ code: status.UNAVAILABLE, reason: "STORAGE_FAILED" });
      expect(failure.retryAfter).toBeGreaterThan(0);
      expect(failure.message).toContain(`${folder} (TMPDIR)`);
      await until(async () => !(await isReady()));
    };
    const large = wav([bursts(10)], 16_000);
    expect(large.length).toBeGreaterThan(SMALL_DISK);
    for (const call of [() => v2.upload(uploadOf(large)), () => v2.transcribe({ audio: large })]) {
      await expectRefusal(call());
      // What it had is given back, so that there is room for others.
      await until(isReady);
      expect((await v2.upload(uploadOf(RECORDING))).text).toBe("1");
    }
    const clear = await fill(folder);
    await expectRefusal(v2.transcribe({ audio }));
    await expectRefusal(v2.upload(uploadOf(RECORDING)));
    // What needs no storage is answered all the same.
    expect((await v2.transcribe({ audio: RECORDING })).text).toBe("1");
    await clear();
    await until(isReady);
    expect((await v2.transcribe({ audio })).duration).toBeGreaterThan(19);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("is named by the command line", async () => {
    const input = seeking();
    const folder = smallTemporaryFolder();
    await fill(folder);
    const args = ["-", "--implementation", "fake", "--model", SOME_FILE, "--no-vad-filter"];
    const { code, stderr } = await runCli(args, { script: SCRIPT, input });
    expect(code).toBe(3);
    expect(stderr).toContain(`temporary folder ${folder} (TMPDIR): ENOSPC`);
    expect(readdirSync(folder)).toEqual(["ballast"]);
  });
});
