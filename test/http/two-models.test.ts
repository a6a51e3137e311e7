import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { transcribe } from "../../src/index.js";
import { startServer } from "../../src/server/server.js";
import type { ServerSettings } from "../../src/service/settings.js";
import { answered, formOf, post } from "../support/http-server.js";
import { samplePath } from "../support/samples.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { beginningOf } from "../support/wav-beginning.js";

const MIB = 1024 ** 2;
const F16 = fileURLToPath(new URL("../fixtures/agora-demo-f16.bin", import.meta.url));
const CALL = beginningOf(samplePath("sales-call-en.wav"), 12);

/** What the library makes of the call with each. */
let direct: Record<"demo" | "other", string>;

beforeAll(async () => {
  const options = { download: false, wordTimestamps: true } as const;
  const [demo, other] = [
    await transcribe(CALL, { model: "demo", ...options }),
    await transcribe(CALL, { model: F16, ...options }),
  ];
  direct = { demo: demo.text, other: other.text };
});

/** A server with the demo model, and its 16-bit form as `other`. */
async function start(settings: Partial<ServerSettings> = {}): Promise<{ cacheDir: string; url: string }> {
  const cacheDir = await temporaryFolder();
  copyFileSync(F16, join(cacheDir, "other.bin"));
  const server = await startServer(
    { grpc: false, httpPort: 0, model: "demo", implementation: "whisper", cacheDir, ...settings },
    { log: () => {} },
  );
  onTestFinished(() => server.stop());
  await server.ready;
  return { cacheDir, url: `http://127.0.0.1:${server.httpPort}` };
}

const ask = async (url: string, model: string) => (await post(url, formOf(CALL, { model }))).json.text;
const ps = async (url: string) => (await answered(await fetch(`${url}/api/ps`))).json;

describe("two models of one server", () => {
  it("write what each writes alone, by turns and at once", async () => {
    const { url } = await start();
    expect(await ask(url, "other")).toBe(direct.other);
    expect(await ask(url, "demo")).toBe(direct.demo);
    const names = ["demo", "other", "other", "demo", "other", "demo"] as const;
    const texts = await Promise.all(names.map((name) => ask(url, name)));
    expect(texts).toEqual(names.map((name) => direct[name]));
    const { details, models } = await ps(url);
    expect(models).toEqual(["demo", "other.bin"]);
    // Of 29 MiB in 16 bits: as whole numbers of 8 bits with what the network needs beside, or as they are.
    expect(details[1].memory_bytes).toBeGreaterThan(10 * MIB);
    expect(details[1].memory_bytes).toBeLessThan(130 * MIB);
  });

  it("stay within their budget, whose first need makes the other one go", async () => {
    // A little more than is expected of the larger one before it has been loaded.
    const { url } = await start({ modelsMaxMemory: 54 * MIB, modelMainTtl: 3600 });
    expect(await ask(url, "other")).toBe(direct.other);
    expect((await ps(url)).models).toEqual(["other.bin"]);
    for (const name of ["demo", "other", "demo"] as const) {
      expect(await ask(url, name)).toBe(direct[name]);
      const { max_memory_bytes, memory_bytes } = await ps(url);
      expect(memory_bytes).toBeLessThanOrEqual(max_memory_bytes);
    }
  });

  it("are as good as before after one that is damaged", async () => {
    const { url, cacheDir } = await start();
    const bytes = readFileSync(F16);
    writeFileSync(join(cacheDir, "half.bin"), bytes.subarray(0, bytes.length / 2));
    writeFileSync(join(cacheDir, "none.bin"), "no model");
    for (const model of ["half", "none"]) {
      const refused = await post(url, formOf(CALL, { model }));
      expect(refused).toMatchObject({
        status: 500,
        json: {
          error: {
            code: "MODEL_INVALID",
            param: "model",
            message: expect.stringContaining(`Model ${model}.bin`),
          },
        },
      });
      expect(refused.text).not.toContain(cacheDir);
    }
    expect(await ask(url, "other")).toBe(direct.other);
    expect(await ask(url, "demo")).toBe(direct.demo);
  });

  it("give back what a model took, and is as good as before", async () => {
    const { url } = await start();
    const unload = () => fetch(`${url}/api/ps/other`, { method: "DELETE" });
    const cycle = async () => {
      expect(await ask(url, "other")).toBe(direct.other);
      expect((await unload()).status).toBe(200);
    };
    for (let warm = 0; warm < 3; warm++) await cycle();
    const before = process.memoryUsage.rss();
    for (let round = 0; round < 8; round++) await cycle();
    // Eight models would be 240 MiB and more.
    expect(process.memoryUsage.rss() - before).toBeLessThan(80 * MIB);
  });
});
