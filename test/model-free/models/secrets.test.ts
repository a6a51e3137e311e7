import { MockAgent } from "undici";
import { describe, expect, test } from "vitest";
import { modelEnvironment } from "../../../src/models/environment.js";
import { getFile, TransferError } from "../../../src/models/http.js";
import { tokenFor } from "../../../src/models/secrets.js";

const tokens = { token: "hub", mirrorToken: "mirror" };

describe("tokens", () => {
  test.each([
    ["https://huggingface.co/api/models/a/b", undefined, "hub"],
    ["https://huggingface.co/api/models/a/b", "https://mirror.example/hf", "hub"],
    ["https://mirror.example/hf/a/b", "https://mirror.example/hf", "mirror"],
    ["http://127.0.0.1:8080/a/b", "http://127.0.0.1:8080", "mirror"],
    ["http://localhost/a/b", "http://localhost", "mirror"],
    ["http://[::1]:80/a/b", "http://[::1]", "mirror"],
    ["http://huggingface.co/a/b", undefined, undefined],
    ["http://huggingface.co/a/b", "http://huggingface.co", undefined],
    ["http://mirror.example/a/b", "http://mirror.example", undefined],
    ["http://127.0.0.1.example/a/b", "http://127.0.0.1.example", undefined],
    ["https://huggingface.co.example/a/b", undefined, undefined],
    ["https://cdn-lfs.huggingface.co/a/b", undefined, undefined],
    ["https://mirror.example:444/a/b", "https://mirror.example", undefined],
  ])("%s, with the mirror %s, is told %s", (url, mirror, expected) => {
    expect(tokenFor(new URL(url), { ...tokens, mirror })).toBe(expected);
  });

  test("are those of the environment", () => {
    const environment = modelEnvironment({ HF_TOKEN: "hub", AGORA_MIRROR_TOKEN: "mirror" });
    expect(environment).toMatchObject(tokens);
    expect(modelEnvironment({ AGORA_MIRROR_TOKEN: "" }).mirrorToken).toBeUndefined();
  });
});

describe("requests", () => {
  /** Answers as `answers` say, by address, and records what each was told. */
  async function get(url: string, answers: Record<string, [status: number, location?: string]>) {
    const told: unknown[] = [];
    const dispatcher = new MockAgent();
    dispatcher.disableNetConnect();
    for (const [address, [status, location]] of Object.entries(answers)) {
      const { origin, pathname } = new URL(address);
      const path = { path: pathname, method: "GET" };
      const reply = ({ headers }: { headers?: unknown }) => {
        told.push((headers as Record<string, string>).authorization);
        return { statusCode: status, data: "x", responseOptions: location ? { headers: { location } } : {} };
      };
      dispatcher.get(origin).intercept(path).reply(reply).times(5);
    }
    const { signal } = new AbortController();
    const outcome = await getFile({
      url: new URL(url),
      headers: {},
      token: "secret",
      dispatcher,
      signal,
    }).then(
      ({ status }) => status,
      (error) => error,
    );
    return { outcome, told };
  }

  test("are not led from https to http, on this machine or another", async () => {
    for (const target of ["http://cdn.example/model", "http://127.0.0.1/model"]) {
      const { outcome, told } = await get("https://hub.example/a", {
        "https://hub.example/a": [302, target],
        [target]: [200],
      });
      expect(outcome).toBeInstanceOf(TransferError);
      expect(outcome).toMatchObject({ transient: false, message: expect.stringContaining("from https to") });
      expect(told).toEqual([undefined]);
    }
  });

  test("are led from https to https, and from http to either", async () => {
    for (const [from, to] of [
      ["https", "https"],
      ["http", "https"],
      ["http", "http"],
    ]) {
      const answers = {
        [`${from}://a.example/x`]: [302, `${to}://b.example/y`],
        [`${to}://b.example/y`]: [200],
      };
      const { outcome } = await get(`${from}://a.example/x`, answers as never);
      expect(outcome).toBe(200);
    }
  });

  test("tell the secret over https alone", async () => {
    expect(await get("https://hub.example/a", { "https://hub.example/a": [401] })).toMatchObject({
      told: [undefined, "Bearer secret"],
    });
    const open = await get("http://hub.example/a", { "http://hub.example/a": [401] });
    expect(open.told).toEqual([undefined]);
    expect((open.outcome as Error).message).toContain("over https alone");
  });
});
