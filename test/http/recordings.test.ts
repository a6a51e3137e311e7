import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startServer } from "../../src/server/server.js";
import { DirectoryStore } from "../../src/service/recordings/directory-store.js";
import { answered, formOf, type HttpServer, post, startHttp, uploadsOnDisk } from "../support/http-server.js";
import { readMetrics } from "../support/metrics.js";
import { samplePath } from "../support/samples.js";
import { type FakeServerOptions, RECORDING, until } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { latch } from "../support/transcribe-fake.js";

const PATH = "/api/recordings";

async function startKeeping(options: FakeServerOptions = {}): Promise<HttpServer & { folder: string }> {
  const folder = join(await temporaryFolder(), "recordings");
  const server = await startHttp({ ...options, settings: { recordingsStore: folder, ...options.settings } });
  return { ...server, folder };
}

const get = async (url: string, init?: RequestInit) => answered(await fetch(url, init));
const keep = (url: string, bytes: Uint8Array = RECORDING) =>
  post(url, formOf(bytes, {}, "Звонок.wav"), { path: PATH });

describe("a recording that is kept", () => {
  it("comes as a form or as it is, and is told, read and deleted by its id", async () => {
    const { folder, url } = await startKeeping();
    const kept = await keep(url);
    expect(kept.status).toBe(201);
    const { id } = kept.json;
    expect(id).toMatch(/^rec_[0-9A-Za-z]{22}$/);
    expect(kept.headers.get("location")).toBe(`${PATH}/${id}`);
    const sha256 = createHash("sha256").update(RECORDING).digest("hex");
    const facts = {
      id,
      bytes: RECORDING.length,
      filename: "Звонок.wav",
      sha256,
      // A form of a client that says nothing of it.
      type: "audio/wav",
    };
    expect(kept.json).toMatchObject(facts);
    const raw = await fetch(`${url}${PATH}?filename=${encodeURIComponent("b.wav")}`, {
      method: "POST",
      headers: { "content-type": "audio/wav" },
      body: RECORDING as Uint8Array<ArrayBuffer>,
    });
    expect(await raw.json()).toMatchObject({ filename: "b.wav", type: "audio/wav", sha256 });
    expect(await get(`${url}${PATH}/${id}`)).toMatchObject({ status: 200, json: facts });
    const audio = await fetch(`${url}${PATH}/${id}/audio`);
    expect(Buffer.from(await audio.arrayBuffer()).equals(RECORDING)).toBe(true);
    expect(audio.headers.get("content-security-policy")).toContain("sandbox");
    expect((await get(`${url}${PATH}/${id}`, { method: "DELETE" })).status).toBe(204);
    for (const method of ["GET", "DELETE"])
      expect(await get(`${url}${PATH}/${id}`, { method })).toMatchObject({
        status: 404,
        json: { success: false, code: "NOT_FOUND", error: `There is no recording ${id}` },
      });
    expect(readdirSync(folder)).toHaveLength(1);
    await until(() => uploadsOnDisk() === 0);
  });

  it.each([
    ["bytes=0-99", 206, [0, 100]],
    ["bytes=100-", 206, [100, undefined]],
    ["bytes=-50", 206, [-50, undefined]],
    ["bytes=0-99999999", 206, [0, undefined]],
    ["bytes=9-3", 200, [0, undefined]],
    ["bytes=0-1,5-9", 200, [0, undefined]],
    ["lines=1-2", 200, [0, undefined]],
    ["bytes=99999999-", 416, [0, 0]],
  ] as const)("is read from where a player asks (%s)", async (range, status, [from, to]) => {
    const { url } = await startKeeping();
    const { id } = (await keep(url)).json;
    const answer = await fetch(`${url}${PATH}/${id}/audio`, { headers: { range } });
    expect(answer.status).toBe(status);
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (status === 416) expect(answer.headers.get("content-range")).toBe(`bytes */${RECORDING.length}`);
    else expect(bytes.equals(RECORDING.subarray(from, to))).toBe(true);
    if (status !== 206) return;
    const start = from < 0 ? RECORDING.length + from : from;
    const last = start + bytes.length - 1;
    expect(answer.headers.get("content-range")).toBe(`bytes ${start}-${last}/${RECORDING.length}`);
  });

  it("says to HEAD how long it is, and sends none of it", async () => {
    const { url } = await startKeeping();
    const { id } = (await keep(url)).json;
    const read = await fetch(`${url}${PATH}/${id}/audio`);
    await read.arrayBuffer();
    const { headers, status, text } = await get(`${url}${PATH}/${id}/audio`, {
      method: "HEAD",
      headers: { range: "bytes=0-1" },
    });
    expect([status, text]).toEqual([200, ""]);
    expect(headers.get("content-length")).toBe(String(RECORDING.length));
    for (const name of ["content-length", "content-type", "accept-ranges", "last-modified"])
      expect([name, headers.get(name)]).toEqual([name, read.headers.get(name)]);
    expect((await get(`${url}${PATH}/none/audio`, { method: "HEAD" })).status).toBe(404);
  });

  it("may lie there already, under another system's id", async () => {
    const { folder, url } = await startKeeping();
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "4711.wav"), RECORDING);
    expect(await get(`${url}${PATH}/4711`)).toMatchObject({
      json: { id: "4711", filename: "4711.wav", type: "audio/wav", bytes: RECORDING.length, sha256: null },
    });
  });

  it("is found by an id alone: nothing leads out of the folder", async () => {
    const { folder, url } = await startKeeping();
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "..", "secret.wav"), "secret");
    symlinkSync(join(folder, "..", "secret.wav"), join(folder, "1.wav"));
    mkdirSync(join(folder, "..", "elsewhere"));
    writeFileSync(join(folder, "..", "elsewhere", "audio"), "secret");
    writeFileSync(
      join(folder, "..", "elsewhere", "meta.json"),
      JSON.stringify({ filename: "a", type: "audio/wav", bytes: 6, sha256: "", createdAt: new Date() }),
    );
    symlinkSync(join(folder, "..", "elsewhere"), join(folder, "2"));
    const ids = [
      "1",
      "2",
      "..%2fsecret",
      "%2e%2e%2fsecret",
      "secret",
      "..",
      "%00",
      "a.b",
      "1.wav",
      "-1",
      "i".repeat(65),
      "i".repeat(300),
    ];
    for (const id of ids) {
      const { json, status } = await get(`${url}${PATH}/${id}/audio`);
      expect({ id, status, success: json.success ?? false }).toEqual({ id, status: 404, success: false });
    }
  });

  it("is not kept where there is no room, or no folder, or nothing of it came", async () => {
    const full = await startKeeping({ settings: { recordingsMaxBytes: RECORDING.length + 10 } });
    expect((await keep(full.url)).status).toBe(201);
    expect(await keep(full.url)).toMatchObject({
      status: 507,
      json: { success: false, code: "RECORDINGS_FULL" },
    });
    const [id] = readdirSync(full.folder);
    await get(`${full.url}${PATH}/${id}`, { method: "DELETE" });
    expect((await keep(full.url)).status).toBe(201);
    expect(await keep(full.url, new Uint8Array())).toMatchObject({ status: 400, json: { success: false } });
    expect(await post(full.url, "x", { path: PATH })).toMatchObject({ status: 415 });
    const none = await startHttp();
    const refused = await keep(none.url);
    expect(refused).toMatchObject({ status: 404, json: { success: false } });
    expect(refused.json.error).toContain("RECORDINGS_STORE");
    const file = join(await temporaryFolder(), "a file");
    writeFileSync(file, "");
    const wrong = await startHttp({ settings: { recordingsStore: file } });
    expect(await keep(wrong.url)).toMatchObject({ status: 503, json: { code: "STORAGE_FAILED" } });
  });

  it("is deleted when its time is over, if it came through the server, and so is what was never finished", async () => {
    const folder = await temporaryFolder();
    const store = new DirectoryStore(folder, Number.POSITIVE_INFINITY, 100);
    const { open } = await import("node:fs/promises");
    const source = await open(samplePath("sales-call-en.txt"));
    const { id } = await store.put(source, { filename: "a.txt", type: "text/plain" });
    await source.close();
    writeFileSync(join(folder, "4711.wav"), RECORDING);
    mkdirSync(join(folder, ".unfinished-rec_x"));
    utimesSync(join(folder, ".unfinished-rec_x"), 0, 0);
    await store.sweep();
    expect(readdirSync(folder).sort()).toEqual(["4711.wav", id]);
    await store.sweep(Date.now() + 101_000);
    expect(readdirSync(folder)).toEqual(["4711.wav"]);
    store.close();
  });
});

describe("the call of a sales product", () => {
  // A diarization model is not fetched.
  beforeEach(() => void vi.stubEnv("AGORA_OFFLINE", "1"));
  afterEach(() => void vi.unstubAllEnvs());

  const ask = (url: string, id: string, body: object = { model: "small", hf_token: "hf_secret" }) =>
    post(url, JSON.stringify(body), {
      path: `${PATH}/${id}/transcribe-whisperx`,
      headers: { "content-type": "application/json" },
    });

  it("is answered as WhisperX' service did, seller and client by their channels", async () => {
    const folder = await temporaryFolder();
    writeFileSync(join(folder, "77.wav"), readFileSync(samplePath("sales-call-en.stereo.wav")));
    const lines: string[] = [];
    const server = await startServer(
      { grpc: false, httpPort: 0, model: "demo", implementation: "whisper", recordingsStore: folder },
      { log: (line) => lines.push(line) },
    );
    try {
      await server.ready;
      const { json, status } = await ask(`http://127.0.0.1:${server.httpPort}`, "77");
      expect(status).toBe(200);
      const { client, seller } = json.speakers;
      expect(json).toMatchObject({
        success: true,
        speakers: { total_speakers: 2 },
        metadata: { transcription_method: "whisperx", device: "cpu", model: "demo", language: "en" },
      });
      expect([client, seller].sort()).toEqual(["SPEAKER_00", "SPEAKER_01"]);
      const { segments } = json.metadata;
      const textOf = (speaker: string) =>
        segments
          .filter((segment: { speaker: string }) => segment.speaker === speaker)
          .map(({ text }: { text: string }) => text)
          .join(" ");
      expect(json.seller_text).toBe(textOf(seller));
      expect(json.client_text).toBe(textOf(client));
      expect(json.seller_text.length + json.client_text.length + 1).toBe(json.transcription.length);
      expect(lines.join("")).not.toContain("hf_secret");
      expect(lines.join("")).toMatch(/Done in .* language en .* 2 speakers/);
    } finally {
      await server.stop();
    }
  });

  it("with one channel and no diarization model has its text, and says what is missing", async () => {
    const { engine, folder, url } = await startKeeping();
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "1.wav"), RECORDING);
    const { json, status } = await ask(url, "1");
    expect(status).toBe(200);
    expect(json).toMatchObject({
      success: true,
      transcription: "1",
      seller_text: "",
      client_text: "",
      speakers: { seller: null, client: null, total_speakers: 0 },
      metadata: { warnings: [expect.stringContaining("AGORA_DIARIZATION_MODEL")] },
    });
    expect(engine.windows).toHaveLength(1);
  });

  it("names any of WhisperX' models, or the one that is served, and no other", async () => {
    const { folder, url } = await startKeeping();
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "1.wav"), RECORDING);
    for (const model of ["tiny", "large-v3", "fake", "whisper-1", undefined])
      expect(await ask(url, "1", { model })).toMatchObject({
        status: 200,
        json: { metadata: { model: "fake" } },
      });
    expect(await ask(url, "1", { model: "gigantic" })).toMatchObject({
      status: 404,
      json: { success: false, code: "model_not_found", request_id: expect.any(String) },
    });
    expect(await ask(url, "1", { model: { name: 7 } })).toMatchObject({
      status: 400,
      json: { success: false },
    });
    expect(await ask(url, "none")).toMatchObject({
      status: 404,
      json: { success: false, code: "NOT_FOUND" },
    });
  });

  it("is told where the model's languages are found when it names another", async () => {
    const { folder, url } = await startKeeping({ languages: ["en", "ru", "de", "fr", "es", "it"] });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "1.wav"), RECORDING);
    const { json, status } = await ask(url, "1", { language: "uk" });
    expect([status, json.error]).toEqual([
      400,
      'Model fake does not have the language "uk"; its 6 languages are in GET /v1/models',
    ]);
  });

  it("is worked on once at a time, and no more when its client is gone", async () => {
    const { opened, open } = latch();
    const fake = await startKeeping({ gate: () => opened });
    mkdirSync(fake.folder, { recursive: true });
    writeFileSync(join(fake.folder, "1.wav"), RECORDING);
    const controller = new AbortController();
    const running = fetch(`${fake.url}${PATH}/1/transcribe-whisperx`, {
      method: "POST",
      signal: controller.signal,
    });
    await until(() => fake.engine.running === 1);
    expect(await ask(fake.url, "1")).toMatchObject({
      status: 409,
      json: { success: false, code: "CONFLICT" },
    });
    controller.abort();
    await expect(running).rejects.toThrow();
    await until(() => fake.engine.cancellations === 1);
    await until(async () => (await readMetrics(fake.server.httpPort!)).get("agora_open_calls") === 0);
    open();
    expect((await ask(fake.url, "1")).status).toBe(200);
  });
});
