import { createHash } from "node:crypto";
import { describe, expect, it, onTestFinished } from "vitest";
import type { ServerSettings } from "../../src/service/settings.js";
import { post, startHttp, uploadsOnDisk } from "../support/http-server.js";
import { expectNothingLeft, get, RECORDINGS } from "../support/recordings.js";
import { startS3 } from "../support/s3-server.js";
import { RECORDING, until } from "../support/server.js";
import { latch } from "../support/transcribe-fake.js";

const never = () => new Promise<boolean>(() => {});

describe("recordings in a bucket", () => {
  const keep = (url: string, bytes: Uint8Array = RECORDING, filename = "Звонок.wav") =>
    post(url, bytes as Uint8Array<ArrayBuffer>, {
      path: `${RECORDINGS}?filename=${encodeURIComponent(filename)}`,
      headers: { "content-type": "audio/wav" },
    });

  async function startKeeping(settings: Partial<ServerSettings> = {}) {
    const s3 = await startS3();
    const recordingsStore = `s3://calls/kept?endpoint=${s3.url}&region=eu-central-1`;
    const fake = await startHttp({ settings: { recordingsStore, ...settings } });
    return { ...fake, s3 };
  }

  it("are put there whole, with what they came with, and deleted", async () => {
    const { s3, url } = await startKeeping();
    const bytes = Buffer.alloc(3_000_001, "speech");
    const kept = await keep(url, bytes);
    expect(kept.status).toBe(201);
    const { id } = kept.json;
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const facts = { id, bytes: bytes.length, filename: "Звонок.wav", type: "audio/wav", sha256 };
    expect(kept.json).toMatchObject(facts);
    expect([...s3.objects.keys()]).toEqual([`kept/${id}`]);
    expect(s3.objects.get(`kept/${id}`)!.bytes.equals(bytes)).toBe(true);
    expect((await get(`${url}${RECORDINGS}/${id}`)).json).toEqual(kept.json);
    expect((await get(`${url}${RECORDINGS}/${id}`, { method: "DELETE" })).status).toBe(204);
    expect((await get(`${url}${RECORDINGS}/${id}`, { method: "DELETE" })).status).toBe(404);
    expect(s3.objects.size).toBe(0);
    await until(() => uploadsOnDisk() === 0);
  });

  it("are sent again, whole, where the service had a moment of weakness", async () => {
    const { s3, url } = await startKeeping();
    s3.failures.push(503, 500);
    expect((await keep(url)).status).toBe(201);
    const [object] = s3.objects.values();
    expect(object!.bytes.equals(RECORDING)).toBe(true);
  });

  it("take no more room than they may, whoever of several servers has put them there", async () => {
    const { s3, url } = await startKeeping({ recordingsMaxBytes: 2 * RECORDING.length });
    const other = { bytes: Buffer.from(RECORDING), type: "", metadata: {}, modifiedAt: new Date() };
    s3.objects.set("kept/rec_0123456789012345678901", other);
    // Not of a server like this one.
    s3.objects.set("kept/4711.wav", other);
    s3.objects.set("elsewhere/rec_0123456789012345678901", other);
    const answers = await Promise.all([keep(url), keep(url)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 507]);
    const { id } = answers.find(({ status }) => status === 201)!.json;
    await get(`${url}${RECORDINGS}/${id}`, { method: "DELETE" });
    expect((await keep(url)).status).toBe(201);
  });

  it("are deleted when their time is over, those of other systems never", async () => {
    const s3 = await startS3();
    const { S3Objects } = await import("../../src/service/objects/s3-objects.js");
    const { S3Store } = await import("../../src/service/recordings/s3-store.js");
    const objects = await S3Objects.open(
      { bucket: "calls", endpoint: s3.url, region: undefined, pathStyle: undefined, idleTimeout: 5 },
      "RECORDINGS_STORE",
    );
    const store = new S3Store(objects, "kept/", Number.POSITIVE_INFINITY, 100);
    onTestFinished(() => store.close());
    const object = (age: number) => ({
      bytes: Buffer.from("x"),
      type: "",
      metadata: {},
      modifiedAt: new Date(Date.now() - age * 1000),
    });
    const ids = Array.from({ length: 5 }, (_, index) => `rec_000000000000000000000${index}`);
    for (const [index, id] of ids.entries()) s3.objects.set(`kept/${id}`, object(index < 3 ? 101 : 50));
    s3.objects.set("kept/4711.wav", object(1000));
    s3.objects.set("elsewhere/rec_0000000000000000000000", object(1000));
    await store.sweep();
    expect([...s3.objects.keys()].sort()).toEqual(
      ["elsewhere/rec_0000000000000000000000", "kept/4711.wav", `kept/${ids[3]}`, `kept/${ids[4]}`].sort(),
    );
  });

  it("are a failure of the store where it refuses or is not there, in our words", async () => {
    const { s3, url } = await startKeeping();
    s3.onRequest = (_, response) => {
      response.writeHead(403, { "content-type": "application/xml" });
      response.end("<Error><Code>AccessDenied</Code><Message>A text of another system</Message></Error>");
      return true;
    };
    const gone = await startHttp({ settings: { recordingsStore: "s3://calls?endpoint=http://127.0.0.1:1" } });
    for (const [answer, message] of [
      [await keep(url), "AccessDenied, HTTP status 403"],
      [await get(`${url}${RECORDINGS}/1`), "HTTP status 403"],
      [await keep(gone.url), "ECONNREFUSED"],
    ] as const) {
      expect(answer).toMatchObject({ status: 503, json: { success: false, code: "STORAGE_FAILED" } });
      expect(answer.json.error).toContain(message);
      expect(answer.text).not.toMatch(/another system|127\.0\.0\.1/);
    }
    await until(() => uploadsOnDisk() === 0);
  });

  it.each([
    ["before all of them was sent", 8 * 1024 ** 2],
    ["when all of them was sent", RECORDING.length],
  ])("are not kept when their client is gone meanwhile, %s", async (_, size) => {
    const fake = await startKeeping();
    const { s3, url } = fake;
    const asked = latch();
    const gone = latch();
    s3.onRequest = async (request) => {
      if (request.method !== "PUT") return false;
      asked.open();
      // Nothing of it is read until then.
      await gone.opened;
      return false;
    };
    const controller = new AbortController();
    const call = fetch(`${url}${RECORDINGS}`, {
      method: "POST",
      headers: { "content-type": "audio/wav" },
      body: Buffer.alloc(size),
      signal: controller.signal,
    });
    await asked.opened;
    controller.abort();
    await expect(call).rejects.toThrow();
    gone.open();
    await until(() => s3.requests.some((request) => request.startsWith("DELETE kept/rec_")));
    await expectNothingLeft(fake);
    expect(s3.objects.size).toBe(0);
  });

  it("are a failure of the store where it does not answer", async () => {
    const { s3, url } = await startKeeping({ idleTimeout: 0.5 });
    s3.onRequest = () => never();
    for (const answer of [await get(`${url}${RECORDINGS}/1`), await keep(url)]) {
      expect(answer).toMatchObject({ status: 503, json: { code: "STORAGE_FAILED" } });
      expect(answer.json.error).toContain("no answer for 0.5 s");
    }
    await until(() => uploadsOnDisk() === 0);
  });

  it("need a package, which is named where it is missing", async () => {
    const { S3Objects } = await import("../../src/service/objects/s3-objects.js");
    const missing = "@aws-sdk/no-such-client";
    const opening = S3Objects.open(
      { bucket: "calls", endpoint: undefined, region: "eu-central-1", pathStyle: undefined, idleTimeout: 5 },
      "RECORDINGS_STORE",
      () => import(/* @vite-ignore */ missing),
    );
    await expect(opening).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      option: "RECORDINGS_STORE",
      message: expect.stringContaining("npm install @aws-sdk/client-s3"),
    });
  });
});
