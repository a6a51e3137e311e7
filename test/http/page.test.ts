import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { isSessionOf, newSession, SESSION_SECONDS } from "../../src/service/page-session.js";
import { answered, formOf, post, startHttp } from "../support/http-server.js";
import { RECORDING } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";

const TOKEN = "a-token-of-thirty-two-characters";
const BUILT = existsSync(fileURLToPath(new URL("../../dist/web/index.html", import.meta.url)));

describe.skipIf(!BUILT)("the page (npm run build:web makes it)", () => {
  it("is there for everybody, with all that it needs and nothing from elsewhere", async () => {
    const { url } = await startHttp({ settings: { apiToken: TOKEN } });
    const page = await fetch(url);
    const html = await page.text();
    expect({ status: page.status, type: page.headers.get("content-type") }).toEqual({
      status: 200,
      type: "text/html; charset=utf-8",
    });
    expect(page.headers.get("content-security-policy")).toMatch(/^default-src 'none'; script-src 'self';/);
    expect(page.headers.get("cache-control")).toBe("no-cache");
    const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!);
    expect(links.length).toBeGreaterThan(2);
    for (const link of links) {
      expect(link).toMatch(/^\//);
      const file = await fetch(`${url}${link}`);
      expect(file.status, link).toBe(200);
      if (link.startsWith("/assets/")) expect(file.headers.get("cache-control")).toContain("immutable");
      await file.arrayBuffer();
    }
  });

  it("is sent small, and not again where it is known", async () => {
    const { url } = await startHttp();
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(await (await fetch(url)).text())![1]!;
    const { status, headers } = await fetch(`${url}${script}`, { headers: { "accept-encoding": "br" } });
    expect({ status, encoding: headers.get("content-encoding") }).toEqual({ status: 200, encoding: "br" });
    expect(Number(headers.get("content-length"))).toBeLessThan(100_000);
    const known = await fetch(`${url}${script}`, { headers: { "if-none-match": headers.get("etag")! } });
    expect(known.status).toBe(304);
    const raw = await fetch(`${url}${script}`, { headers: { "accept-encoding": "identity" } });
    const plain = Buffer.from(await raw.arrayBuffer());
    const { get } = await import("node:http");
    const compressed = await new Promise<Buffer>((resolve) =>
      get(`${url}${script}`, { headers: { "accept-encoding": "br" } }, async (answer) =>
        resolve(Buffer.concat(await answer.toArray())),
      ),
    );
    expect(brotliDecompressSync(compressed).equals(plain)).toBe(true);
  });

  it.each(["/assets/..%2f..%2fpackage.json", "/assets/", "/index.html", "/.env", "/assets/%00"])(
    "has no %s",
    async (path) => {
      const { url } = await startHttp();
      expect((await fetch(`${url}${path}`)).status).toBe(404);
    },
  );
});

describe("a browser that has shown the token", () => {
  it("is known by a cookie that no script reads and no other site sends", async () => {
    const { url } = await startHttp({ settings: { apiToken: TOKEN } });
    const shown = await fetch(`${url}/api/session`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    expect(shown.status).toBe(204);
    const cookie = shown.headers.get("set-cookie")!;
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict; /);
    expect(cookie).not.toContain(TOKEN);
    const headers = { cookie: `other=1; ${cookie.split(";", 1)[0]}` };
    expect((await fetch(`${url}/v1/models`, { headers })).status).toBe(200);
    expect((await fetch(`${url}/v1/models`)).status).toBe(401);
    const foreign = { ...headers, origin: "https://elsewhere.example" };
    expect((await fetch(`${url}/v1/models`, { headers: foreign })).status).toBe(403);
  });

  it("is not without it", async () => {
    const { url } = await startHttp({ settings: { apiToken: TOKEN } });
    const wrong = await fetch(`${url}/api/session`, {
      method: "POST",
      headers: { authorization: "Bearer wrong" },
    });
    expect({ status: wrong.status, cookie: wrong.headers.get("set-cookie") }).toEqual({
      status: 401,
      cookie: null,
    });
    for (const session of ["", "1.x", `${Math.floor(Date.now() / 1000) + 100}.${"A".repeat(43)}`])
      expect(
        (await fetch(`${url}/v1/models`, { headers: { cookie: `agora_session=${session}` } })).status,
      ).toBe(401);
  });

  it("is forgotten after a month, and with the token", () => {
    const session = newSession(TOKEN, 0);
    expect(isSessionOf(TOKEN, session, (SESSION_SECONDS - 1) * 1000)).toBe(true);
    expect(isSessionOf(TOKEN, session, SESSION_SECONDS * 1000)).toBe(false);
    expect(isSessionOf("another", session, 0)).toBe(false);
    const [, signature] = session.split(".");
    expect(isSessionOf(TOKEN, `${SESSION_SECONDS * 2}.${signature}`, 0)).toBe(false);
  });
});

describe("what a kept recording looks like", () => {
  it("is told for drawing, and may be kept by the browser", async () => {
    const recordingsStore = join(await temporaryFolder(), "recordings");
    const { url } = await startHttp({ settings: { recordingsStore } });
    const { id } = (await post(url, formOf(RECORDING), { path: "/api/recordings" })).json;
    const told = await answered(await fetch(`${url}/api/recordings/${id}/peaks`));
    expect(told.status).toBe(200);
    expect(told.headers.get("cache-control")).toContain("immutable");
    const { channels, duration, per_second } = told.json;
    expect(channels[0].length).toBe(2 * Math.ceil(duration * per_second));
    expect(Math.max(...channels[0])).toBeGreaterThan(0);
    expect((await fetch(`${url}/api/recordings/nobody/peaks`)).status).toBe(404);
  });

  it("is refused for what is no recording", async () => {
    const recordingsStore = join(await temporaryFolder(), "recordings");
    const { url } = await startHttp({ settings: { recordingsStore } });
    const { id } = (await post(url, formOf(Buffer.from("no sound")), { path: "/api/recordings" })).json;
    const told = await answered(await fetch(`${url}/api/recordings/${id}/peaks`));
    expect(told).toMatchObject({ status: 400, json: { success: false } });
  });
});
