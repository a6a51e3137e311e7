import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type FileServer, status } from "../../support/file-server.js";
import { download, expectArrived, other, remoteFile, server } from "../../support/model-download.js";

describe("redirects and tokens", () => {
  const redirect = (location: string) => status(302, { location });
  const authorizations = (of: FileServer) => of.requests.map((request) => request.headers.authorization);

  test("follows redirects, relative ones and to other servers", async () => {
    const file = await remoteFile();
    server.script.push(redirect("/elsewhere"), redirect(`${other.url}/model.bin`));
    await download(file);
    await expectArrived(file);
    expect(server.requests.map((request) => request.url)).toEqual(["/model.bin", "/elsewhere"]);
  });

  test("sends the token only when asked, and never to another server", async () => {
    const file = await remoteFile();
    server.script.push(status(401), redirect(`${other.url}/model.bin`));
    await download(file, { token: "secret" });
    await expectArrived(file);
    expect(authorizations(server)).toEqual([undefined, "Bearer secret"]);
    expect(authorizations(other)).toEqual([undefined]);
  });

  test("does not send the token to another server that asks for it", async () => {
    const file = await remoteFile();
    server.script.push(redirect(`${other.url}/model.bin`));
    other.script.push(status(401));
    await expect(download(file, { token: "secret" })).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
    expect(authorizations(other)).toEqual([undefined]);
  });

  test("names HF_TOKEN when the server wants one", async () => {
    const file = await remoteFile();
    server.script.push(status(401), status(401));
    await expect(download(file, { token: "wrong" })).rejects.toThrow("HF_TOKEN");
    await expect(download(await remoteFile({ url: `${server.url}/none` }))).rejects.not.toThrow("HF_TOKEN");
  });

  test.each(["ftp://127.0.0.1/model.bin", "http://", ""])("refuses a redirect to %j", async (location) => {
    const file = await remoteFile();
    server.script.push(redirect(location));
    if (location === "") server.script.push(...Array.from({ length: 11 }, () => redirect("")));
    await expect(download(file)).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining("redirect"),
    });
  });
});

describe("proxies", () => {
  test("are taken from the environment", async () => {
    const tunnels: string[] = [];
    const proxy = createServer().on("connect", (request: IncomingMessage, socket: Socket) => {
      tunnels.push(request.url!);
      const target = connect(Number(new URL(server.url).port), "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        socket.pipe(target).pipe(socket);
      });
      target.on("error", () => socket.destroy());
      socket.on("error", () => target.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void proxy.close());
    vi.stubEnv("http_proxy", `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    vi.stubEnv("no_proxy", "");
    onTestFinished(() => void vi.unstubAllEnvs());
    const file = await remoteFile({ url: "http://models.invalid/model.bin" });
    await download(file);
    await expectArrived(file);
    expect(tunnels).toEqual(["models.invalid:80"]);
  });
});
