import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import type { ServerSettings } from "../../src/service/settings.js";
import { post, startHttp } from "../support/http-server.js";
import { expectNothingLeft, get, RECORDINGS, startOther, transcribe } from "../support/recordings.js";
import { RECORDING, until } from "../support/server.js";
import { latch } from "../support/transcribe-fake.js";

describe("recordings of another system", () => {
  it("are only read: nothing is taken, and nothing deleted", async () => {
    const { files, seen, settings } = await startOther();
    files.set("1", RECORDING);
    const { url } = await startHttp({ settings });
    const body = RECORDING as Uint8Array<ArrayBuffer>;
    const put = await post(url, body, { path: RECORDINGS, headers: { "content-type": "audio/wav" } });
    expect(put).toMatchObject({ status: 405, json: { success: false, code: "METHOD_NOT_ALLOWED" } });
    const deleted = await get(`${url}${RECORDINGS}/1`, { method: "DELETE" });
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
    expect((await get(`${url}${RECORDINGS}/1`, { headers })).status).toBe(200);
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
    expect((await get(`${url}${RECORDINGS}/1`)).json).toMatchObject({ bytes: null, created_at: null });
    const audio = await fetch(`${url}${RECORDINGS}/1/audio`, { headers: { range: "bytes=0-1" } });
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
    const part = await fetch(`${url}${RECORDINGS}/1/audio`, { headers: { range: "bytes=5000-5999" } });
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
      const answer = await fetch(`${fake.url}${RECORDINGS}/1/audio`, { headers });
      await expect(answer.arrayBuffer()).rejects.toThrow();
    }
    await expectNothingLeft(fake);
  });

  it.each<
    [string, (request: IncomingMessage, response: ServerResponse) => void, RegExp, Partial<ServerSettings>?]
  >([
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
    ["not at all", () => {}, /TIMEOUT$/, { idleTimeout: 0.5 }],
  ])("are a failure of the store where it answers %s, in our words", async (_, answerBy, message, others) => {
    const { seen, settings } = await startOther((request, response) => {
      answerBy(request, response);
      return true;
    });
    const fake = await startHttp({ settings: { ...settings, ...others } });
    for (const answer of [
      await get(`${fake.url}${RECORDINGS}/1`),
      await get(`${fake.url}${RECORDINGS}/1/audio`),
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
    const call = fetch(`${fake.url}${RECORDINGS}/1/transcribe-whisperx`, {
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
