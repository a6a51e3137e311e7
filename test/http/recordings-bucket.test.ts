import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { S3Objects } from "../../src/service/objects/s3-objects.js";
import { S3Store } from "../../src/service/recordings/s3-store.js";
import { RecordingsFull } from "../../src/service/recordings/store.js";
import { sweepNowAndThen } from "../../src/service/recordings/sweeping.js";
import type { ServerSettings } from "../../src/service/settings.js";
import { post, startHttp, uploadsOnDisk } from "../support/http-server.js";
import { expectNothingLeft, get, RECORDINGS } from "../support/recordings.js";
import { startS3 } from "../support/s3-server.js";
import { RECORDING, until } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { latch } from "../support/transcribe-fake.js";

vi.mock("node:timers/promises", async (original) => {
  const actual = await original<typeof import("node:timers/promises")>();
  return { ...actual, setTimeout: vi.fn(actual.setTimeout) };
});

/** @param endpoint undefined: Amazon's */
const openObjects = (endpoint: string | undefined) =>
  S3Objects.open(
    { bucket: "calls", endpoint, region: undefined, pathStyle: undefined, idleTimeout: 5 },
    "RECORDINGS_STORE",
  );

/** @param age seconds since it was put there */
const objectOf = (age: number) => ({
  bytes: Buffer.from("x"),
  type: "",
  metadata: {},
  modifiedAt: new Date(Date.now() - age * 1000),
});

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

  it("free the room of one where one is deleted by two at once", async () => {
    const { s3, url } = await startKeeping({ recordingsMaxBytes: 2 * RECORDING.length });
    const [first, second] = [await keep(url), await keep(url)];
    expect([first.status, second.status]).toEqual([201, 201]);
    const both = latch();
    let deleting = 0;
    s3.onRequest = async ({ method }) => {
      if (method !== "DELETE") return false;
      if (++deleting === 2) both.open();
      await both.opened;
      return false;
    };
    const remove = () => get(`${url}${RECORDINGS}/${first.json.id}`, { method: "DELETE" });
    expect((await Promise.all([remove(), remove()])).map(({ status }) => status)).toEqual([204, 204]);
    expect((await keep(url)).status).toBe(201);
    expect((await keep(url)).status).toBe(507);
  });

  it("free the room of one where one is deleted that is on the list of those that are too old", async () => {
    const s3 = await startS3();
    const store = new S3Store(await openObjects(s3.url), "kept/", 3, 100);
    onTestFinished(() => store.close());
    const ids = [0, 1, 2].map((index) => `rec_000000000000000000000${index}`);
    for (const id of ids) s3.objects.set(`kept/${id}`, objectOf(101));
    const path = join(await temporaryFolder(), "source");
    writeFileSync(path, "x");
    const file = await open(path);
    onTestFinished(() => file.close());
    const put = () => store.put(file, { filename: "", type: "audio/wav" });
    await expect(put()).rejects.toBeInstanceOf(RecordingsFull);
    const [atLast, goOn] = [latch(), latch()];
    s3.onRequest = async ({ method, url }) => {
      if (method !== "DELETE") return false;
      // On the same page of the list.
      if (url!.includes(ids[0]!)) await store.delete(ids[1]!);
      if (url!.includes(ids[2]!)) {
        atLast.open();
        await goOn.opened;
      }
      return false;
    };
    const sweeping = store.sweep();
    await atLast.opened;
    await put();
    await put();
    await expect(put()).rejects.toBeInstanceOf(RecordingsFull);
    goOn.open();
    await sweeping;
  });

  it("are deleted when their time is over, those of other systems never", async () => {
    const s3 = await startS3();
    const store = new S3Store(await openObjects(s3.url), "kept/", Number.POSITIVE_INFINITY, 100);
    onTestFinished(() => store.close());
    const ids = Array.from({ length: 5 }, (_, index) => `rec_000000000000000000000${index}`);
    for (const [index, id] of ids.entries()) s3.objects.set(`kept/${id}`, objectOf(index < 3 ? 101 : 50));
    s3.objects.set("kept/4711.wav", objectOf(1000));
    s3.objects.set("elsewhere/rec_0000000000000000000000", objectOf(1000));
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

  it("need a region, which somebody has to say", async () => {
    onTestFinished(() => void vi.unstubAllEnvs());
    for (const name of ["AWS_REGION", "AWS_PROFILE"]) vi.stubEnv(name, undefined);
    for (const name of ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"])
      vi.stubEnv(name, join(await temporaryFolder(), "none"));
    await expect(openObjects(undefined)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      option: "RECORDINGS_STORE",
      message: "RECORDINGS_STORE names a bucket of S3 without a region: add ?region=… or set AWS_REGION",
    });
    vi.stubEnv("AWS_REGION", "eu-central-1");
    (await openObjects(undefined)).close();
  });
});

describe("an object that is put into a bucket", () => {
  it("is not tried again when nobody wants it any more", async () => {
    const s3 = await startS3();
    s3.failures.push(503);
    const objects = await openObjects(s3.url);
    onTestFinished(() => objects.close());
    const reason = new Error("The client is gone");
    const controller = new AbortController();
    // While it waits for the next try.
    vi.mocked(wait).mockImplementationOnce(async () => controller.abort(reason));
    const path = join(await temporaryFolder(), "body");
    writeFileSync(path, "x");
    const body = await open(path);
    onTestFinished(() => body.close());
    const sha256 = createHash("sha256").update("x").digest("hex");
    const putting = objects.put("key", body, { bytes: 1, sha256, type: "audio/wav" }, controller.signal);
    await expect(putting).rejects.toBe(reason);
    expect(s3.requests).toEqual(["PUT key"]);
  });
});

describe("looks for what is too old", () => {
  it("wait for the one before, and go on when it has failed", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const failing = latch();
    const sweep = vi.fn(async () => {
      await failing.opened;
      throw new Error("The store is gone");
    });
    onTestFinished(sweepNowAndThen(sweep, 2));
    await vi.advanceTimersByTimeAsync(5000);
    expect(sweep).toHaveBeenCalledTimes(1);
    failing.open();
    await vi.advanceTimersByTimeAsync(2000);
    expect(sweep).toHaveBeenCalledTimes(3);
  });
});
