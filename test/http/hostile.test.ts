import { spawnSync } from "node:child_process";
import { createServer, request } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it, onTestFinished } from "vitest";
import { answered, formOf, type HttpServer, post, startHttp, uploadsOnDisk } from "../support/http-server.js";
import { readMetrics } from "../support/metrics.js";
import { RECORDING, until } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";

const TRANSCRIPTIONS = "/v1/audio/transcriptions";

/** Nothing of any request is left, and another one is answered. */
async function expectRecovery({ engine, server, url }: HttpServer): Promise<void> {
  await until(() => engine.running === 0 && uploadsOnDisk() === 0);
  await until(async () => (await readMetrics(server.httpPort!)).get("agora_open_calls") === 0);
  const metrics = await readMetrics(server.httpPort!);
  for (const what of ["memory", "disk"]) expect(metrics.get(`agora_budget_used_bytes{of="${what}"}`)).toBe(0);
  expect((await post(url, formOf(RECORDING))).json.text).toBe("1");
}

/** A path as it is written, which `fetch` would put in order. */
function ask(
  { server }: HttpServer,
  path: string,
  method = "GET",
): Promise<{ status: number; type: string; text: string }> {
  return new Promise((resolve, reject) => {
    const sending = request({ port: server.httpPort, host: "127.0.0.1", method, path }, async (response) => {
      let text = "";
      for await (const piece of response) text += piece;
      resolve({ status: response.statusCode!, type: response.headers["content-type"] ?? "", text });
    });
    sending.on("error", reject);
    sending.end();
  });
}

/** What bytes are answered with, as they are. */
function say({ server }: HttpServer, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(server.httpPort!, "127.0.0.1");
    let answer = "";
    socket.on("data", (data) => {
      answer += data;
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(answer));
    socket.write(text);
  });
}

describe("a path that leads elsewhere", () => {
  const ODD = [
    "..",
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "..%5c..%5cwindows",
    "%00",
    "a%00.wav",
    "%ff%fe",
    "%",
    "%zz",
    "i".repeat(300),
    "i".repeat(5000),
    "rec_%0d%0aset-cookie:%20a=b",
    "<script>",
    "//evil.example/",
    "constructor",
    "__proto__",
    ".",
    "~root",
    "C:",
  ];

  it("is found nowhere, and answered in the form of its API", async () => {
    const fake = await startHttp({ settings: { recordingsStore: await temporaryFolder() } });
    for (const odd of ODD)
      for (const path of [
        `/v1/models/${odd}`,
        `/api/recordings/${odd}`,
        `/api/recordings/${odd}/audio`,
        `/${odd}`,
      ]) {
        const { status, text, type } = await ask(fake, path.replaceAll("<", "%3C").replaceAll(">", "%3E"));
        // `.` and `..` may lead to a list, or to what is above it.
        if (status === 200 && /^\/v1\/models\/\.*$/.test(path)) continue;
        expect({ path, status: [400, 404, 414].includes(status), is: status }).toMatchObject({
          status: true,
        });
        expect({ path, type }).toEqual({ path, type: "application/json; charset=utf-8" });
        expect(text).not.toContain("root:x:");
        expect(() => JSON.parse(text)).not.toThrow();
      }
    await expectRecovery(fake);
  });

  it("does not reach what only another method reaches", async () => {
    const fake = await startHttp({ settings: { recordingsStore: await temporaryFolder() } });
    for (const [method, path] of [
      ["GET", TRANSCRIPTIONS],
      ["DELETE", "/api/recordings"],
      ["PUT", "/api/recordings/1"],
      ["TRACE", "/health"],
      ["POST", "/metrics"],
    ] as const)
      expect({ path, status: [404, 405].includes((await ask(fake, path, method)).status) }).toEqual({
        path,
        status: true,
      });
  });
});

describe("a request that is two", () => {
  it.each([
    ["two lengths", "content-length: 5\r\ncontent-length: 50\r\n"],
    ["a length and pieces", "content-length: 5\r\ntransfer-encoding: chunked\r\n"],
    ["a length that is none", "content-length: -5\r\n"],
    ["pieces by another name", "transfer-encoding: xchunked\r\n"],
    ["a line that is cut", "x: a\r\n b\n\n"],
  ])("is refused with its connection (%s)", async (_, headers) => {
    const fake = await startHttp();
    const smuggled = "GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n";
    const text = await say(
      fake,
      `POST ${TRANSCRIPTIONS} HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=x\r\n${headers}\r\n0\r\n\r\n${smuggled}`,
    );
    expect(text.match(/^HTTP\/1\.1 \d+/gm)).toHaveLength(1);
    expect(text).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(text).not.toContain("whisper-1");
    await expectRecovery(fake);
  });

  it("whose pieces are none is given up, and nothing of it is left", async () => {
    const fake = await startHttp();
    const head = `POST ${TRANSCRIPTIONS} HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=x\r\n`;
    const text = await say(
      fake,
      `${head}transfer-encoding: chunked\r\n\r\n5\r\n--x\r\n\r\nzz\r\nnot a length\r\n`,
    );
    expect(text).toMatch(/^(HTTP\/1\.1 400 .*)?$/s);
    await expectRecovery(fake);
  });
});

describe("what is no recording", () => {
  it.each([
    ["a ZIP archive", () => Buffer.from("PK\x03\x04and so on")],
    ["what gzip has pressed", () => gzipSync(Buffer.alloc(50 * 1024 ** 2))],
    ["a page", () => Buffer.from("<!doctype html><script>alert(1)</script>")],
    ["nothing but zeros", () => Buffer.alloc(1024 ** 2)],
  ])("is refused for what it is: %s", async (_, make) => {
    const fake = await startHttp();
    for (const path of [TRANSCRIPTIONS, "/asr", "/inference", "/detect-language"]) {
      const { json, status } = await post(fake.url, formOf(make(), {}, "a.wav"), { path });
      expect({ path, status, type: json.error.type }).toEqual({
        path,
        status: 400,
        type: "invalid_request_error",
      });
      expect(["UNSUPPORTED_FORMAT", "DECODE_FAILED"]).toContain(json.error.code);
    }
    expect(fake.engine.windows).toHaveLength(0);
    await expectRecovery(fake);
  });

  it("opens nothing that it names", async () => {
    let asked = 0;
    const other = createServer((_, response) => {
      asked++;
      response.end();
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void other.close());
    const address = `http://127.0.0.1:${(other.address() as AddressInfo).port}/a.wav`;
    const fake = await startHttp();
    for (const text of [
      `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${address}\n#EXT-X-ENDLIST\n`,
      `ffconcat version 1.0\nfile '${address}'\n`,
      `ffconcat version 1.0\nfile /etc/passwd\n`,
      `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>${address}</BaseURL></MPD>`,
      `v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n`,
      address,
      `[playlist]\nFile1=${address}\n`,
    ]) {
      const { json, status } = await post(fake.url, formOf(Buffer.from(text), {}, "a.m3u8"));
      expect(status).toBe(400);
      expect(json.error.message).not.toContain("root:x:");
    }
    expect(asked).toBe(0);
    await expectRecovery(fake);
  });

  it("is refused when it is pressed on its way, which nobody presses", async () => {
    const fake = await startHttp();
    const body = Buffer.from(await new Response(formOf(RECORDING)).arrayBuffer());
    const [, boundary] = /^--(.*?)\r\n/.exec(body.toString("latin1"))!;
    const headers = {
      "content-type": `multipart/form-data; boundary=${boundary}`,
      "content-encoding": "gzip",
    };
    const { json, status } = await post(fake.url, gzipSync(body) as unknown as RequestInit["body"], {
      headers,
    });
    expect(status).toBe(415);
    expect(json.error.message).toBe('Expected no content-encoding but received "gzip"');
    await expectRecovery(fake);
  });
});

const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;

it.skipIf(!hasFfmpeg)(
  "a small file of many hours is refused for its length, not for what it takes",
  async () => {
    const file = join(await temporaryFolder(), "silence.flac");
    // Ten hours in well under a megabyte.
    const source = ["-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "36000"];
    spawnSync("ffmpeg", ["-v", "error", ...source, file]);
    const { readFileSync } = await import("node:fs");
    const fake = await startHttp({ settings: { maxDuration: 600, maxDiskBytes: 64 * 1024 ** 2 } });
    const { json, status } = await post(fake.url, formOf(readFileSync(file), {}, "silence.flac"));
    expect([status, json.error.code]).toEqual([400, "AUDIO_TOO_LONG"]);
    expect(json.error.message).toContain("SERVER_MAX_AUDIO_DURATION");
    await expectRecovery(fake);
  },
);

describe("what clients choose", () => {
  it("writes no lines of its own into the log, and no headers", async () => {
    const fake = await startHttp({ settings: { recordingsStore: await temporaryFolder() } });
    const forged = "a\r\n2026-01-01 00:00:00 - ERROR - forged\u2028x";
    const names = [forged, encodeURIComponent(forged)];
    for (const name of names) {
      const form = new FormData();
      form.append("file", new Blob([RECORDING as Uint8Array<ArrayBuffer>]), name);
      form.append(`x${name}`, name);
      await post(fake.url, form);
    }
    const query = `/api/recordings?filename=${encodeURIComponent(forged)}`;
    const kept = await post(fake.url, RECORDING as Uint8Array<ArrayBuffer>, {
      path: query,
      headers: { "content-type": "audio/wav" },
    });
    expect(kept.status).toBe(201);
    const audio = await fetch(`${fake.url}/api/recordings/${kept.json.id}/audio`);
    expect(audio.headers.get("content-type")).toBe("audio/wav");
    await audio.arrayBuffer();
    for (const line of fake.lines) expect(line.trimEnd().split("\n")).toHaveLength(1);
    expect(
      fake.lines.filter((line) => line.includes("ERROR - forged") && / - ERROR - /.test(line.slice(0, 40))),
    ).toEqual([]);
    await expectRecovery(fake);
  });

  it("is no page of the server's, whatever it says that it is", async () => {
    const fake = await startHttp({ settings: { recordingsStore: await temporaryFolder() } });
    const page = Buffer.from("<script>alert(1)</script>");
    const form = new FormData();
    form.append("file", new Blob([page], { type: "text/html" }), "a.html");
    const { json } = await post(fake.url, form, { path: "/api/recordings" });
    const { headers } = await answered(await fetch(`${fake.url}/api/recordings/${json.id}/audio`));
    expect(headers.get("content-security-policy")).toMatch(/^sandbox; default-src 'none'/);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("tells its token in a header alone: none in the address opens anything", async () => {
    const { lines, url } = await startHttp({ settings: { apiToken: "correct-horse-battery" } });
    for (const query of ["token", "api_key", "access_token", "authorization"]) {
      const answer = await fetch(`${url}/v1/models?${query}=correct-horse-battery`);
      expect(answer.status).toBe(401);
      await answer.arrayBuffer();
    }
    expect(lines.join("")).not.toContain("correct-horse");
  });
});
