import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { readSettings } from "../../src/service/read-settings.js";
import { TokenCheck } from "../../src/service/token-check.js";
import { authority, hasOpenssl } from "../support/certificates.js";
import { formOf, post, startHttp } from "../support/http-server.js";
import { RECORDING, until } from "../support/server.js";

const TOKEN = "correct-horse-battery";

/** Sends what browsers and clients do not let a page say of itself. */
function ask(
  url: string,
  headers: Record<string, string>,
  { method = "GET", path = "/v1/models", ...others }: Parameters<typeof request>[1] & object = {},
): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; text: string }> {
  return new Promise((resolve, reject) => {
    const sending = request(url, { method, path, headers, ...others });
    sending.on("error", reject);
    sending.on("response", async (response) => {
      let text = "";
      for await (const piece of response) text += piece;
      resolve({ status: response.statusCode!, headers: response.headers, text });
    });
    sending.end();
  });
}

describe("with a token", () => {
  it("those who bring it are answered, whatever they call the server", async () => {
    const { url } = await startHttp({ settings: { apiToken: TOKEN } });
    const headers = { authorization: `Bearer ${TOKEN}`, host: "speech.example.org" };
    expect((await ask(url, headers)).status).toBe(200);
    expect(
      (await post(url, formOf(RECORDING), { headers: { authorization: `bearer ${TOKEN}` } })).status,
    ).toBe(200);
  });

  it.each([undefined, "", TOKEN, `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, "Bearer "])(
    "those who bring %s are not",
    async (authorization) => {
      const { engine, lines, url } = await startHttp({ settings: { apiToken: TOKEN } });
      const { headers, json, status } = await post(url, formOf(RECORDING), {
        headers: authorization === undefined ? {} : { authorization },
      });
      expect(status).toBe(401);
      expect(headers.get("www-authenticate")).toBe("Bearer");
      expect(headers.get("x-should-retry")).toBe("false");
      expect(json.error).toMatchObject({ type: "authentication_error", code: "invalid_api_key" });
      expect(engine.windows).toHaveLength(0);
      expect(lines.join("")).not.toContain(TOKEN);
      expect((await ask(url, {}, { path: "/metrics" })).status).toBe(401);
      for (const path of ["/health", "/ready", "/openapi.json", "/docs"])
        expect((await ask(url, {}, { path })).status).toBe(200);
    },
  );

  it("all tokens are compared, at one length", () => {
    const tokens = new TokenCheck([TOKEN, `${TOKEN}-next`]);
    expect(tokens.accepts(`Bearer ${TOKEN}-next`)).toBe(true);
    expect(tokens.accepts(`Bearer ${"x".repeat(100_000)}`)).toBe(false);
  });
});

describe("without a token", () => {
  it("is not served at an address that others can reach, unless that is meant", () => {
    const problem =
      /^Wrong setting:\n {2}HTTP_HOST: an address that others can reach needs SERVER_API_TOKEN, /;
    expect(() => readSettings({ HTTP_HOST: "[::]" })).toThrow(problem);
    for (const more of [
      { SERVER_API_TOKEN: TOKEN },
      { SERVER_API_TOKEN_FILE: "/token" },
      { HTTP_WITHOUT_TOKEN: "true" },
      { SERVER_HTTP: "false" },
      { HTTP_HOST: "localhost" },
      { HTTP_HOST: "127.0.0.2" },
    ]) {
      expect(() => readSettings({ HTTP_HOST: "[::]", ...more })).not.toThrow();
    }
    expect(() => readSettings({ SERVER_HTTP: "false", SERVER_GRPC: "false" })).toThrow(/has no door/);
    // As --no-grpc and --no-http say it.
    expect(() => readSettings({}, { grpc: "false", http: "false" })).toThrow(/has no door/);
  });

  it.each([
    ["localhost:1234", 200],
    ["127.0.0.1", 200],
    ["[::1]:8000", 200],
    ["192.168.1.7:8000", 200],
    ["Speech.Example.org:8000", 200],
    ["evil.example", 403],
    ["evil.example:8000", 403],
    ["localhost.evil.example", 403],
    ["127.0.0.1.evil.example", 403],
  ])("by the name %s it answers %i", async (host, status) => {
    const { url } = await startHttp({ settings: { httpAllowedHosts: "speech.example.org" } });
    const found = await ask(url, { host });
    expect(found.status).toBe(status);
    if (status === 403) expect(found.text).toContain("HTTP_ALLOWED_HOSTS");
  });

  it("any name may be allowed", async () => {
    const { url } = await startHttp({ settings: { httpAllowedHosts: "*" } });
    expect((await ask(url, { host: "evil.example" })).status).toBe(200);
  });
});

describe("a page in a browser", () => {
  const settings = { httpAllowedOrigins: "https://crm.example.org" };

  const REQUESTS: [Record<string, string>, number][] = [
    [{ origin: "https://evil.example" }, 403],
    [{ origin: "null" }, 403],
    [{ origin: "http://localhost:3000" }, 403],
    [{ origin: "https://crm.example.org.evil.example" }, 403],
    [{ "sec-fetch-site": "cross-site" }, 403],
    [{ "sec-fetch-site": "same-site" }, 403],
    [{ "sec-fetch-site": "same-origin" }, 200],
    [{ "sec-fetch-site": "none" }, 200],
    [{ "sec-fetch-mode": "cors" }, 200],
    [{ origin: "https://crm.example.org", "sec-fetch-site": "cross-site" }, 200],
  ];

  it("is answered by where it comes from", async () => {
    const { engine, url } = await startHttp({ settings });
    for (const [headers, status] of REQUESTS) {
      const before = engine.windows.length;
      expect({ headers, status: (await ask(url, headers)).status }).toEqual({ headers, status });
      // A form needs nobody's leave to be sent.
      expect((await post(url, formOf(RECORDING), { headers })).status).toBe(status);
      expect(engine.windows.length - before).toBe(status === 200 ? 1 : 0);
    }
  });

  it("of another site may have a link to what everybody may read, and to nothing else", async () => {
    const { url } = await startHttp({ settings });
    const link = {
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
      "sec-fetch-user": "?1",
    };
    const follow = async (path: string, headers: Record<string, string> = {}, method = "GET") =>
      (await ask(url, { ...link, ...headers }, { method, path })).status;
    for (const path of ["/docs", "/openapi.json", "/health"])
      expect({ path, status: await follow(path) }).toEqual({ path, status: 200 });
    for (const path of ["/v1/models", "/metrics", "/nothing"])
      expect({ path, status: await follow(path) }).toEqual({ path, status: 403 });
    expect(await follow("/docs", { "sec-fetch-mode": "no-cors" })).toBe(403);
    expect(await follow("/docs", { origin: "https://evil.example" })).toBe(403);
    expect(await follow("/docs", { host: "evil.example" })).toBe(403);
    expect(await follow("/docs", {}, "POST")).toBe(403);
  });

  it("of the server itself may use it", async () => {
    const { url } = await startHttp();
    expect((await ask(url, { origin: url })).status).toBe(200);
  });

  it("of another origin that is allowed may ask what it may send, and read the answer", async () => {
    const { url } = await startHttp({ settings: { ...settings, apiToken: TOKEN } });
    const asking = {
      origin: "https://crm.example.org",
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization, x-stainless-lang",
    };
    const preflight = await ask(url, asking, { method: "OPTIONS", path: "/v1/audio/transcriptions" });
    expect(preflight).toMatchObject({
      status: 204,
      headers: {
        "access-control-allow-origin": "https://crm.example.org",
        "access-control-allow-headers": "authorization, x-stainless-lang",
      },
    });
    expect(preflight.headers).not.toHaveProperty("access-control-allow-credentials");
    const foreign = await ask(url, { ...asking, origin: "https://evil.example" }, { method: "OPTIONS" });
    expect(foreign.status).toBe(403);
    expect(foreign.headers).not.toHaveProperty("access-control-allow-origin");
    const answer = await ask(url, { origin: "https://crm.example.org", authorization: `Bearer ${TOKEN}` });
    expect(answer.headers).toMatchObject({
      "access-control-allow-origin": "https://crm.example.org",
      vary: "origin",
    });
  });
});

it.skipIf(!hasOpenssl)(
  "with the server's certificate it speaks TLS, to those whose own is of the right authority",
  async () => {
    const { path } = await authority();
    const { server, url } = await startHttp({
      settings: {
        tlsCertificate: path("server.pem"),
        tlsKey: path("server.key"),
        tlsClientAuthority: path("ca.pem"),
      },
    });
    const { readFileSync } = await import("node:fs");
    const https = await import("node:https");
    const get = (more: object) =>
      new Promise<number>((resolve, reject) => {
        const target = {
          port: server.httpPort,
          host: "localhost",
          path: "/health",
          ca: readFileSync(path("ca.pem")),
        };
        https
          .get({ ...target, ...more }, (response) => resolve(response.resume().statusCode!))
          .on("error", reject);
      });
    const own = { cert: readFileSync(path("client.pem")), key: readFileSync(path("client.key")) };
    expect(await get(own)).toBe(200);
    await expect(get({})).rejects.toThrow();
    await expect(ask(url, {})).rejects.toThrow();
  },
);

describe("a client that takes its time", () => {
  const settings = { idleTimeout: 0.5 };
  const HEAD = "POST /v1/audio/transcriptions HTTP/1.1\r\nhost: localhost\r\n";

  async function trickle(begin: string, every: number): Promise<string> {
    const { server } = await startHttp({ settings });
    const socket = connect(server.httpPort!, "127.0.0.1");
    socket.on("error", () => {});
    let text = "";
    socket.on("data", (data) => {
      text += data;
    });
    socket.write(begin);
    const timer = setInterval(() => socket.write("x"), every);
    await once(socket, "close");
    clearInterval(timer);
    return text;
  }

  it("with its headers is sent away", async () => {
    expect(await trickle(HEAD, 100)).toMatch(/^HTTP\/1\.1 408 /);
  });

  it.each([
    ["and sends nothing", 100_000, "has sent nothing"],
    ["and sends next to nothing", 100, "sends less than 100 bytes a second"],
  ])("with its body %s is told so, and sent away", async (_, every, message) => {
    const text = await trickle(
      `${HEAD}content-type: multipart/form-data; boundary=x\r\ncontent-length: 100000\r\n\r\n--x\r\n`,
      every,
    );
    expect(text).toMatch(/^HTTP\/1\.1 504 /);
    expect(text).toContain(`The client ${message} for SERVER_IDLE_TIMEOUT (0.5 s)`);
  });
});

it("of those who come without the token the log tells, and not without end", async () => {
  const { lines, url } = await startHttp({ settings: { apiToken: TOKEN } });
  for (let i = 0; i < 30; i++) await ask(url, {});
  const told = () =>
    lines.filter((line) => /WARNING - Refused a call of GET \/v1\/models from \S+: no/.test(line));
  await until(() => told().length >= 10);
  expect(told().length).toBeLessThan(20);
});
