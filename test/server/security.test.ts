import { readFileSync } from "node:fs";
import { copyFile, writeFile } from "node:fs/promises";
import { connect as connectPlain } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { credentials, status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { exposureWarnings } from "../../src/service/exposure.js";
import { readSettings } from "../../src/service/read-settings.js";
import type { ServerSettings } from "../../src/service/settings.js";
import { authority, hasOpenssl } from "../support/certificates.js";
import { checkHealth, listServices } from "../support/grpc-services.js";
import { RECORDING, startFakeServer, until } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { chunked, statusOf, TranscriptionClient } from "../support/transcription-client.js";

const REQUEST = { audio_data: RECORDING, filename: "a.wav" };
const TOKEN = "correct-horse-battery";

describe("with an API token", () => {
  it("answers those who bring it", async () => {
    const { client } = await startFakeServer({ settings: { apiToken: TOKEN } });
    client.metadata.set("authorization", `Bearer ${TOKEN}`);
    expect((await client.unary(REQUEST)).success).toBe(true);
    expect((await client.stream(chunked(RECORDING, "a.wav"))).success).toBe(true);
  });

  it.each([undefined, "", TOKEN, `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, "Bearer "])(
    "does not answer those who bring %s",
    async (value) => {
      const { client, engine, lines } = await startFakeServer({ settings: { apiToken: TOKEN } });
      if (value !== undefined) client.metadata.set("authorization", value);
      expect(await statusOf(client.unary(REQUEST))).toBe(status.UNAUTHENTICATED);
      expect(await statusOf(client.stream(chunked(RECORDING, "a.wav")))).toBe(status.UNAUTHENTICATED);
      expect(engine.windows).toHaveLength(0);
      expect(lines.join("")).not.toContain(TOKEN);
    },
  );

  it("tells who comes without it, and not without end", async () => {
    const { client, lines } = await startFakeServer({ settings: { apiToken: TOKEN } });
    for (let i = 0; i < 30; i++) await statusOf(client.unary(REQUEST));
    const told = lines.filter((line) =>
      /WARNING - Refused a call of \S+TranscribeAudio from \S+: no/.test(line),
    );
    expect(told.length).toBeGreaterThanOrEqual(10);
    expect(told.length).toBeLessThan(20);
  });

  it("answers those who bring the next one, or one that a file holds", async () => {
    const path = join(await temporaryFolder(), "token");
    await writeFile(path, `${TOKEN}\n`);
    const next = "another-horse-battery";
    const { client } = await startFakeServer({ settings: { apiTokenFile: path, nextApiToken: next } });
    for (const token of [TOKEN, next]) {
      client.metadata.set("authorization", `Bearer ${token}`);
      expect((await client.unary(REQUEST)).success).toBe(true);
    }
    client.metadata.set("authorization", `Bearer ${TOKEN}${next}`);
    expect(await statusOf(client.unary(REQUEST))).toBe(status.UNAUTHENTICATED);
  });

  it("does not start without the file that should hold it, or with an empty one", async () => {
    const path = join(await temporaryFolder(), "token");
    await expect(startFakeServer({ settings: { apiTokenFile: path } })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/^Cannot read SERVER_API_TOKEN_FILE: ENOENT/),
    });
    for (const [content, received] of [
      ["\n", "nothing: it is empty"],
      ["too short", "9 characters"],
    ] as const) {
      await writeFile(path, content);
      await expect(startFakeServer({ settings: { apiTokenFile: path } })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: `SERVER_API_TOKEN_FILE: expected a file with at least 16 printable ASCII characters without blanks but received ${received}`,
      });
    }
  });

  it("tells its health and services to everyone", async () => {
    const { client } = await startFakeServer({ settings: { apiToken: TOKEN } });
    expect(await checkHealth(client.client)).toBe("SERVING");
    expect(await listServices(client.client)).toContain("transcription.v1.TranscriptionService");
  });
});

describe("warnings about who can reach the server", () => {
  const tls = { tlsCertificate: "cert.pem", tlsKey: "key.pem" };
  const of = (settings: Partial<ServerSettings>) => exposureWarnings({ ...readSettings({}), ...settings });

  it("are given when everyone may use it", () => {
    for (const settings of [{}, { host: "0.0.0.0" }, { host: "speech.example.org" }, tls])
      expect(of(settings)).toEqual([expect.stringMatching(/^ANYONE .* SERVER_API_TOKEN/)]);
  });

  it("are given when the token can be overheard", () => {
    for (const settings of [{ apiToken: TOKEN }, { apiTokenFile: "/token" }])
      expect(of(settings)).toEqual([expect.stringMatching(/UNENCRYPTED .* SERVER_TLS_CERT/)]);
  });

  it("are not given when it is safe", () => {
    for (const host of ["localhost", "127.0.0.1", "127.8.0.1", "::1", "[::1]"]) {
      expect(of({ host })).toEqual([]);
      expect(of({ host, apiToken: TOKEN })).toEqual([]);
    }
    expect(of({ ...tls, apiToken: TOKEN })).toEqual([]);
    expect(of({ ...tls, tlsClientAuthority: "ca.pem" })).toEqual([]);
  });

  it("stand in the log from the start", async () => {
    const { lines } = await startFakeServer({ settings: { host: "0.0.0.0" } });
    expect(lines[0]).toMatch(/ - Server - WARNING - ANYONE who reaches SERVER_HOST=0\.0\.0\.0/);
  });
});

describe.skipIf(!hasOpenssl)("with TLS (needs openssl)", () => {
  it("answers those who trust its certificate, and nobody in plain text", async () => {
    const { path } = await authority();
    const settings = { tlsCertificate: path("server.pem"), tlsKey: path("server.key") };
    const { client: plain, server } = await startFakeServer({ settings });
    const client = new TranscriptionClient(
      server.port,
      {},
      credentials.createSsl(readFileSync(path("ca.pem"))),
    );
    expect((await client.unary(REQUEST)).success).toBe(true);
    expect(await statusOf(plain.unary(REQUEST))).toBe(status.UNAVAILABLE);
  });

  it("answers those only whose certificate is of the right authority, if it is told so", async () => {
    const [own, other] = [await authority(), await authority()];
    const settings = {
      tlsCertificate: own.path("server.pem"),
      tlsKey: own.path("server.key"),
      tlsClientAuthority: own.path("ca.pem"),
    };
    const { server } = await startFakeServer({ settings });
    const connectAs = (pair?: { path(name: string): string }) =>
      new TranscriptionClient(
        server.port,
        {},
        credentials.createSsl(
          readFileSync(own.path("ca.pem")),
          pair ? readFileSync(pair.path("client.key")) : null,
          pair ? readFileSync(pair.path("client.pem")) : null,
        ),
      );
    expect((await connectAs(own).unary(REQUEST)).success).toBe(true);
    expect(await statusOf(connectAs().unary(REQUEST))).toBe(status.UNAVAILABLE);
    expect(await statusOf(connectAs(other).unary(REQUEST))).toBe(status.UNAVAILABLE);
  });

  it("shows a renewed certificate to those who come, and keeps those who are there", async () => {
    const { path } = await authority();
    const renewed = await authority();
    const settings = { tlsCertificate: path("server.pem"), tlsKey: path("server.key") };
    const { server, lines } = await startFakeServer({ settings });
    const old = await certificateOf(server.port);
    const client = new TranscriptionClient(
      server.port,
      {},
      credentials.createSsl(readFileSync(path("ca.pem"))),
    );
    const call = client.openStream();
    await call.write({ chunk_data: RECORDING.subarray(0, 1000), filename: "a.wav" });
    // One after the other, as tools that renew do: what does not fit together is not used.
    await copyFile(renewed.path("server.pem"), path("server.pem"));
    await expect(server.reload()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await certificateOf(server.port)).toBe(old);
    await copyFile(renewed.path("server.key"), path("server.key"));
    await server.reload();
    expect(await certificateOf(server.port)).not.toBe(old);
    const newcomer = new TranscriptionClient(
      server.port,
      {},
      credentials.createSsl(readFileSync(renewed.path("ca.pem"))),
    );
    expect((await newcomer.unary(REQUEST)).success).toBe(true);
    await call.write({ chunk_data: RECORDING.subarray(1000) });
    call.end();
    expect((await call.response).success).toBe(true);
    expect(lines.join("")).toContain("Read certificates, tokens and the log's level again");
  });

  it("tells of handshakes that fail, and not without end", async () => {
    const { path } = await authority();
    const settings = { tlsCertificate: path("server.pem"), tlsKey: path("server.key") };
    const { server, lines } = await startFakeServer({ settings });
    for (let i = 0; i < 30; i++) {
      await new Promise<void>((resolve) => {
        const socket = connectPlain(server.port, "localhost");
        socket.on("error", () => {});
        socket.once("close", () => resolve());
        socket.resume().end("GET / HTTP/1.1\r\n\r\n");
      });
    }
    const told = () =>
      lines.filter((line) => /WARNING - The TLS handshake of \S+ failed: /.test(line)).length;
    await until(() => told() >= 10);
    expect(told()).toBeLessThan(20);
  });

  it("says which file it cannot use", async () => {
    const { path } = await authority();
    const missing = startFakeServer({
      settings: { tlsCertificate: path("none.pem"), tlsKey: path("server.key") },
    });
    await expect(missing).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/^Cannot read SERVER_TLS_CERT: ENOENT/),
    });
    await writeFile(path("broken.pem"), "no PEM");
    const broken = startFakeServer({
      settings: { tlsCertificate: path("broken.pem"), tlsKey: path("server.key") },
    });
    await expect(broken).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/^Cannot use SERVER_TLS_CERT with SERVER_TLS_KEY: /),
    });
  });
});

/** Fingerprint of the certificate that a new connection is shown. */
function certificateOf(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: "localhost", rejectUnauthorized: false, ALPNProtocols: ["h2"] });
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
  });
}
