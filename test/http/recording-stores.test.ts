import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseStoreAddress } from "../../src/service/recordings/store-address.js";
import { readSettings, type ServerSettings } from "../../src/service/settings.js";
import { answered, type HttpServer, post, startHttp, uploadsOnDisk } from "../support/http-server.js";
import { jobWhen } from "../support/jobs.js";
import { readMetrics } from "../support/metrics.js";
import { startS3 } from "../support/s3-server.js";
import { RECORDING, until } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { latch } from "../support/transcribe-fake.js";

const PATH = "/api/recordings";

type OnRequest = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Where recordings of another system lie. */
interface Place {
  settings: Partial<ServerSettings>;
  lay(id: string, bytes: Uint8Array): void;
}

/** A system that has recordings under `/files/ID`; `onRequest` answers in its place where it returns true. */
async function startOther(onRequest: OnRequest = () => false) {
  const files = new Map<string, Uint8Array>();
  const seen: { method: string; url: string; headers: IncomingMessage["headers"] }[] = [];
  const server = createServer((request, response) => {
    const { headers, method = "", url = "" } = request;
    seen.push({ method, url, headers });
    if (onRequest(request, response)) return;
    const bytes = files.get(url.replace(/^\/files\//, ""));
    if (!bytes) return void response.writeHead(404).end("There is <b>no</b> such file");
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
    const part = first === undefined ? bytes : bytes.subarray(Number(first), Number(last) + 1);
    response.writeHead(first === undefined ? 200 : 206, {
      "content-type": "audio/wav",
      "content-length": part.length,
      "last-modified": new Date(0).toUTCString(),
      ...(first !== undefined && { "content-range": `bytes ${first}-${last}/${bytes.length}` }),
    });
    response.end(method === "HEAD" ? undefined : part);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, files, seen, settings: { recordingsStore: `${url}/files/{id}` } };
}

const PLACES: Record<string, () => Promise<Place>> = {
  "a folder": async () => {
    const folder = join(await temporaryFolder(), "recordings");
    mkdirSync(folder);
    return {
      settings: { recordingsStore: `file://${folder}` },
      lay: (id, bytes) => writeFileSync(join(folder, `${id}.wav`), bytes),
    };
  },
  "a bucket": async () => {
    const { objects, url } = await startS3();
    return {
      settings: { recordingsStore: `s3://calls/of/today?endpoint=${url}` },
      lay: (id, bytes) =>
        void objects.set(`of/today/${id}.wav`, {
          bytes: Buffer.from(bytes),
          type: "binary/octet-stream",
          metadata: {},
          modifiedAt: new Date(),
        }),
    };
  },
  "another system": async () => {
    const { files, settings } = await startOther();
    return { settings, lay: (id, bytes) => void files.set(id, bytes) };
  },
};

/** Nothing of any request is left. */
async function expectNothingLeft({ engine, server }: HttpServer): Promise<void> {
  await until(() => engine.running === 0 && uploadsOnDisk() === 0);
  await until(async () => (await readMetrics(server.httpPort!)).get("agora_open_calls") === 0);
  expect((await readMetrics(server.httpPort!)).get('agora_budget_used_bytes{of="disk"}')).toBe(0);
}

const never = () => new Promise<boolean>(() => {});
const get = async (url: string, init?: RequestInit) => answered(await fetch(url, init));
const transcribe = (url: string, id: string) =>
  post(url, undefined, { path: `${PATH}/${id}/transcribe-whisperx` });

describe.each(Object.entries(PLACES))("a recording that another system has put in %s", (_, open) => {
  it("is told, read from anywhere, and transcribed by its id", async () => {
    const place = await open();
    const fake = await startHttp({ settings: place.settings });
    place.lay("4711", RECORDING);
    const { url } = fake;
    const facts = await get(`${url}${PATH}/4711`);
    expect(facts).toMatchObject({
      status: 200,
      json: { id: "4711", bytes: RECORDING.length, type: "audio/wav", sha256: null },
    });
    const audio = `${url}${PATH}/4711/audio`;
    const whole = await fetch(audio);
    expect(Buffer.from(await whole.arrayBuffer()).equals(RECORDING)).toBe(true);
    expect(whole.headers.get("accept-ranges")).toBe("bytes");
    for (const [range, from, to] of [
      ["bytes=0-0", 0, 1],
      ["bytes=1000-1999", 1000, 2000],
      ["bytes=-10", RECORDING.length - 10, RECORDING.length],
      [`bytes=${RECORDING.length - 1}-`, RECORDING.length - 1, RECORDING.length],
    ] as const) {
      const part = await fetch(audio, { headers: { range } });
      expect({ range, status: part.status, found: part.headers.get("content-range") }).toEqual({
        range,
        status: 206,
        found: `bytes ${from}-${to - 1}/${RECORDING.length}`,
      });
      expect(Buffer.from(await part.arrayBuffer()).equals(RECORDING.subarray(from, to))).toBe(true);
    }
    expect((await get(audio, { headers: { range: "bytes=99999999-" } })).status).toBe(416);
    const head = await get(audio, { method: "HEAD" });
    expect(head.headers.get("content-length")).toBe(String(RECORDING.length));
    expect(await transcribe(url, "4711")).toMatchObject({ status: 200, json: { transcription: "1" } });
    await expectNothingLeft(fake);
  });

  it("is transcribed as a job", async () => {
    const place = await open();
    const fake = await startHttp({ settings: place.settings });
    place.lay("4711", RECORDING);
    const body = JSON.stringify({ recording_id: "4711" });
    const headers = { "content-type": "application/json" };
    const { json } = await post(fake.url, body, { path: "/v1/jobs", headers });
    await jobWhen(fake.url, json.id, "succeeded");
    expect(await get(`${fake.url}/v1/jobs/${json.id}/result`)).toMatchObject({
      status: 200,
      json: { text: "1" },
    });
    await expectNothingLeft(fake);
  });

  it("is the one of that id, and none where there is none", async () => {
    const place = await open();
    const { url } = await startHttp({ settings: place.settings });
    place.lay("47112", RECORDING);
    place.lay("a", RECORDING);
    for (const id of [
      "4711",
      "none",
      "rec_0123456789012345678901",
      "i".repeat(65),
      "..%2fa",
      "%2e%2e",
      "a.wav",
      "%00",
    ])
      for (const path of [id, `${id}/audio`])
        expect({ path, status: (await get(`${url}${PATH}/${path}`)).status }).toEqual({ path, status: 404 });
    expect((await transcribe(url, "4711")).status).toBe(404);
  });

  it("that is larger than recordings may be is not transcribed", async () => {
    const place = await open();
    const fake = await startHttp({ settings: { ...place.settings, maxUploadBytes: 1000 } });
    place.lay("1", RECORDING);
    expect(await transcribe(fake.url, "1")).toMatchObject({
      status: 413,
      json: {
        success: false,
        code: "AUDIO_TOO_LARGE",
        error: expect.stringContaining("SERVER_MAX_UPLOAD_BYTES"),
      },
    });
    await expectNothingLeft(fake);
  });
});

describe("recordings of another system", () => {
  it("are only read: nothing is taken, and nothing deleted", async () => {
    const { files, seen, settings } = await startOther();
    files.set("1", RECORDING);
    const { url } = await startHttp({ settings });
    const body = RECORDING as Uint8Array<ArrayBuffer>;
    const put = await post(url, body, { path: PATH, headers: { "content-type": "audio/wav" } });
    expect(put).toMatchObject({ status: 405, json: { success: false, code: "METHOD_NOT_ALLOWED" } });
    const deleted = await get(`${url}${PATH}/1`, { method: "DELETE" });
    expect(deleted).toMatchObject({ status: 405, json: { code: "METHOD_NOT_ALLOWED" } });
    expect(deleted.headers.get("allow")).toBe("GET, HEAD");
    expect(seen).toEqual([]);
  });

  it("are asked for with the operator's authorization, and nothing of the client's", async () => {
    const { files, seen, settings } = await startOther();
    files.set("1", RECORDING);
    const recordingsAuthorization = "Bearer a-secret-of-the-operator";
    const { lines, url } = await startHttp({ settings: { ...settings, recordingsAuthorization } });
    const headers = { cookie: "a=b", "x-forwarded-for": "1.2.3.4", "x-request-id": "theirs" };
    expect((await get(`${url}${PATH}/1`, { headers })).status).toBe(200);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      method: "HEAD",
      url: "/files/1",
      headers: { authorization: recordingsAuthorization },
    });
    for (const name of Object.keys(headers)) expect(seen[0]!.headers).not.toHaveProperty(name);
    expect(lines.join("")).not.toContain("a-secret-of-the-operator");
  });

  it("are read from systems that know neither HEAD nor ranges nor lengths", async () => {
    const { seen, settings } = await startOther(({ method }, response) => {
      if (method === "HEAD") response.writeHead(405).end();
      else response.write(RECORDING.subarray(0, 1000), () => response.end(RECORDING.subarray(1000)));
      return true;
    });
    const { url } = await startHttp({ settings });
    expect((await get(`${url}${PATH}/1`)).json).toMatchObject({ bytes: null, created_at: null });
    const audio = await fetch(`${url}${PATH}/1/audio`, { headers: { range: "bytes=0-1" } });
    expect([audio.status, audio.headers.get("accept-ranges")]).toEqual([200, "none"]);
    expect(Buffer.from(await audio.arrayBuffer()).equals(RECORDING)).toBe(true);
    expect(await transcribe(url, "1")).toMatchObject({ status: 200, json: { transcription: "1" } });
    expect(new Set(seen.map((request) => request.url))).toEqual(new Set(["/files/1"]));
  });

  it("are cut out of the whole where a system tells a length and knows no ranges", async () => {
    const { settings } = await startOther((_, response) => {
      response.writeHead(200, { "content-length": RECORDING.length });
      response.end(RECORDING);
      return true;
    });
    const { url } = await startHttp({ settings });
    const part = await fetch(`${url}${PATH}/1/audio`, { headers: { range: "bytes=5000-5999" } });
    expect(part.status).toBe(206);
    expect(Buffer.from(await part.arrayBuffer()).equals(RECORDING.subarray(5000, 6000))).toBe(true);
  });

  it("end early, and are not waited for, where such a system breaks off", async () => {
    const { settings } = await startOther(({ method }, response) => {
      response.writeHead(200, { "content-length": RECORDING.length });
      if (method === "HEAD") response.end();
      else response.write(RECORDING.subarray(0, 6000), () => setTimeout(() => response.destroy(), 50));
      return true;
    });
    const fake = await startHttp({ settings });
    for (const headers of [{ range: "bytes=5000-9999" }, {}] as Record<string, string>[]) {
      const answer = await fetch(`${fake.url}${PATH}/1/audio`, { headers });
      await expect(answer.arrayBuffer()).rejects.toThrow();
    }
    await expectNothingLeft(fake);
  });

  it.each<[string, (request: IncomingMessage, response: ServerResponse) => void, RegExp]>([
    [
      "to a redirect",
      (_, response) => response.writeHead(302, { location: "http://127.0.0.1:1/secret" }).end(),
      /HTTP status 302/,
    ],
    [
      "that they may not be read",
      (_, response) => response.writeHead(403).end("<b>no</b>"),
      /HTTP status 403/,
    ],
    ["that it has failed", (_, response) => response.writeHead(500).end("<b>no</b>"), /HTTP status 500/],
    [
      "nothing that is HTTP",
      ({ socket }) => socket.end("<b>no</b>\r\n\r\n"),
      /: ([A-Z_]+|it gives no answer that can be read)$/,
    ],
    ["nothing", ({ socket }) => socket.destroy(), /: [A-Z_]+$/],
    ["not at all", () => {}, /TIMEOUT$/],
  ])("are a failure of the store where it answers %s, in our words", async (_, answerBy, message) => {
    const { seen, settings } = await startOther((request, response) => {
      answerBy(request, response);
      return true;
    });
    const fake = await startHttp({ settings: { ...settings, idleTimeout: 0.5 } });
    for (const answer of [
      await get(`${fake.url}${PATH}/1`),
      await get(`${fake.url}${PATH}/1/audio`),
      await transcribe(fake.url, "1"),
    ]) {
      expect(answer).toMatchObject({ status: 503, json: { success: false, code: "STORAGE_FAILED" } });
      expect(answer.json.error).toMatch(message);
      expect(answer.json.error).toMatch(/^Cannot use the store of recordings \(RECORDINGS_STORE\): /);
      expect(answer.text).not.toMatch(/<b>|secret|127\.0\.0\.1/);
    }
    expect(new Set(seen.map(({ url }) => url))).toEqual(new Set(["/files/1"]));
    await expectNothingLeft(fake);
  });

  it.each<[string, (response: ServerResponse) => void, RegExp]>([
    ["breaks off", (response) => setTimeout(() => response.destroy(), 50), /RECORDINGS_STORE/],
    ["falls silent", () => {}, /has sent nothing for SERVER_IDLE_TIMEOUT \(0\.5 s\)|UND_ERR_BODY_TIMEOUT/],
  ])("are not transcribed where one %s", async (_, stop, message) => {
    const { settings } = await startOther(({ method }, response) => {
      response.writeHead(200, { "content-length": RECORDING.length });
      if (method === "HEAD") response.end();
      else response.write(RECORDING.subarray(0, 5000), () => stop(response));
      return true;
    });
    const fake = await startHttp({ settings: { ...settings, idleTimeout: 0.5 } });
    const { json, status } = await transcribe(fake.url, "1");
    expect([status, json.code]).toEqual([503, "STORAGE_FAILED"]);
    expect(json.error).toMatch(message);
    expect(fake.engine.windows).toHaveLength(0);
    await expectNothingLeft(fake);
  });

  it("are fetched no longer when their client is gone", async () => {
    const over = latch();
    const { seen, settings } = await startOther(({ method }, response) => {
      response.writeHead(200, { "content-length": RECORDING.length });
      if (method === "HEAD") response.end();
      else response.write(RECORDING.subarray(0, 5000));
      if (method === "GET") response.on("close", () => over.open());
      return true;
    });
    const fake = await startHttp({ settings });
    const controller = new AbortController();
    const call = fetch(`${fake.url}${PATH}/1/transcribe-whisperx`, {
      method: "POST",
      signal: controller.signal,
    });
    await until(() => seen.length === 2);
    controller.abort();
    await expect(call).rejects.toThrow();
    await over.opened;
    await expectNothingLeft(fake);
  });
});

describe("recordings in a bucket", () => {
  const keep = (url: string, bytes: Uint8Array = RECORDING, filename = "Звонок.wav") =>
    post(url, bytes as Uint8Array<ArrayBuffer>, {
      path: `${PATH}?filename=${encodeURIComponent(filename)}`,
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
    expect((await get(`${url}${PATH}/${id}`)).json).toEqual(kept.json);
    expect((await get(`${url}${PATH}/${id}`, { method: "DELETE" })).status).toBe(204);
    expect((await get(`${url}${PATH}/${id}`, { method: "DELETE" })).status).toBe(404);
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
    await get(`${url}${PATH}/${id}`, { method: "DELETE" });
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
      [await get(`${url}${PATH}/1`), "HTTP status 403"],
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
    const call = fetch(`${url}${PATH}`, {
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
    for (const answer of [await get(`${url}${PATH}/1`), await keep(url)]) {
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

describe("RECORDINGS_STORE", () => {
  it.each([
    ["/var/lib/recordings", { kind: "folder", path: "/var/lib/recordings" }],
    ["relative/folder", { kind: "folder", path: "relative/folder" }],
    ["file:///var/lib/a%20b", { kind: "folder", path: "/var/lib/a b" }],
    ["s3://calls", { kind: "s3", bucket: "calls", prefix: "" }],
    ["s3://calls/a/b", { kind: "s3", bucket: "calls", prefix: "a/b/" }],
    [
      "s3://calls/a/?region=eu-central-1&endpoint=http://minio:9000&path_style=false",
      { kind: "s3", prefix: "a/", region: "eu-central-1", endpoint: "http://minio:9000", pathStyle: false },
    ],
    ["https://crm.local/files/{id}", { kind: "http", template: "https://crm.local/files/{id}" }],
    ["http://10.0.0.1:8080/get?call={id}&as=wav", { kind: "http" }],
  ])("may be %s", (text, address) => {
    expect(parseStoreAddress(text)).toMatchObject(address);
    expect(readSettings({ RECORDINGS_STORE: text }).recordingsStore).toBe(text);
  });

  it.each([
    "https://crm.local/files/",
    "https://{id}.local/files",
    "https://crm.local:{id}/files",
    "https://user:password@crm.local/files/{id}",
    "https://crm.local/files#{id}",
    "ftp://crm.local/{id}",
    "s3://",
    "s3://x",
    "s3://calls/a b",
    "s3://calls?endpoint=ftp://minio",
    "s3://calls?endpoint=http://user:secret@minio",
    "s3://calls?regoin=eu-central-1",
    "s3://key:secret@calls",
    "file://host/share",
  ])("may not be %s", (text) => {
    expect(() => readSettings({ RECORDINGS_STORE: text })).toThrow(
      /^Wrong setting:\n {2}RECORDINGS_STORE: expected a folder, s3:\/\/bucket\/prefix, or an address/,
    );
  });

  it("is another system's where there is an authorization for it", () => {
    const authorization = { RECORDINGS_AUTHORIZATION: "Basic a-secret" };
    for (const store of [{}, { RECORDINGS_STORE: "/folder" }, { RECORDINGS_STORE: "s3://calls" }])
      expect(() => readSettings({ ...authorization, ...store })).toThrow(
        /RECORDINGS_STORE: expected another system's address, since RECORDINGS_AUTHORIZATION is set/,
      );
    expect(() => readSettings({ RECORDINGS_AUTHORIZATION: "a\nb" })).toThrow(/received 3 characters/);
  });
});
