import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { FIELDS } from "../../src/doors/http/openai/fields.js";
import { answered, startHttp } from "../support/http-server.js";
import { RECORDING } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";

const get = async (url: string, init?: RequestInit) => answered(await fetch(url, init));

it("the description has every path, every field, and an answer for each", async () => {
  const { url } = await startHttp();
  const { json } = await get(`${url}/openapi.json`);
  expect(json.openapi).toBe("3.1.0");
  expect(Object.keys(json.paths).sort()).toEqual(
    [
      "/v1/audio/transcriptions",
      "/v1/audio/translations",
      "/v1/audio/diarization",
      "/v1/audio/speech/timestamps",
      "/asr",
      "/detect-language",
      "/inference",
      "/v1/listen",
      "/v1/models",
      "/v1/models/{name}",
      "/api/calls",
      "/api/calls/{id}",
      "/api/calls/{id}/events",
      "/api/models",
      "/api/models/{name}/download",
      "/api/page",
      "/api/ps",
      "/api/ps/{name}",
      "/v1/jobs",
      "/v1/jobs/{id}",
      "/v1/jobs/{id}/corrections",
      "/v1/jobs/{id}/events",
      "/v1/jobs/{id}/result",
      "/api/recordings",
      "/api/recordings/{id}",
      "/api/recordings/{id}/audio",
      "/api/recordings/{id}/peaks",
      "/api/recordings/{id}/transcribe-whisperx",
      "/api/session",
      "/health",
      "/ready",
      "/metrics",
      "/openapi.json",
      "/docs",
    ].sort(),
  );
  const form = json.paths["/v1/audio/transcriptions"].post.requestBody.content["multipart/form-data"].schema;
  expect(Object.keys(form.properties).sort()).toEqual(
    ["file", ...Object.keys(FIELDS.properties)].filter((name) => name !== "task").sort(),
  );
  const operations = Object.values(
    json.paths as Record<string, Record<string, { operationId: string }>>,
  ).flatMap((path) => Object.values(path));
  const ids = operations.map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const operation of operations) {
    expect(operation).toHaveProperty("summary");
    expect(Object.keys((operation as unknown as { responses: object }).responses).length).toBeGreaterThan(1);
  }
  const references = [...JSON.stringify(json).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path!);
  for (const path of references) {
    const found = path.split("/").reduce((at: unknown, key) => (at as Record<string, unknown>)?.[key], json);
    expect(found, path).toBeDefined();
  }
});

it("the description can be read, without scripts and anything from elsewhere", async () => {
  const { url } = await startHttp();
  const { headers, text } = await get(`${url}/docs`);
  expect(headers.get("content-type")).toBe("text/html; charset=utf-8");
  const policy = headers.get("content-security-policy")!;
  expect(policy).toContain("default-src 'none'");
  const [, nonce] = /'nonce-([^']+)'/.exec(policy)!;
  expect(text).toContain(`<style nonce="${nonce}">`);
  expect(text).toContain("/v1/audio/transcriptions");
  expect(text).not.toMatch(/<script|https?:\/\//);
});

it("what is asked in the wrong way is told in a right one", async () => {
  const { url } = await startHttp();
  expect(await get(`${url}/nothing/here`)).toMatchObject({
    status: 404,
    json: { error: { message: "There is nothing at GET /nothing/here: see /docs", code: "NOT_FOUND" } },
  });
  const wrong = await get(`${url}/v1/audio/transcriptions`);
  expect(wrong).toMatchObject({ status: 405, json: { error: { code: "METHOD_NOT_ALLOWED" } } });
  expect(wrong.headers.get("allow")).toBe("POST");
  const model = await get(`${url}/v1/models/${encodeURIComponent("no/such model")}`);
  expect(model).toMatchObject({ status: 404, json: { error: { code: "model_not_found", param: "model" } } });
});

it("the server tells how it is, and what it counts", async () => {
  const { url } = await startHttp();
  expect(await get(`${url}/health`)).toMatchObject({ status: 200, json: { status: "ok" } });
  expect(await get(`${url}/health`, { method: "HEAD" })).toMatchObject({ status: 200, text: "" });
  expect(await get(`${url}/ready`)).toMatchObject({ status: 200, json: { status: "ok" } });
  const { headers, text } = await get(`${url}/metrics`);
  expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(text).toContain("agora_serving 1");
});

const hasCurl = spawnSync("curl", ["--version"]).status === 0;

it.skipIf(!hasCurl)("curl gets a text (needs curl)", async () => {
  const { url } = await startHttp();
  const path = join(await temporaryFolder(), "Звонок.wav");
  writeFileSync(path, RECORDING);
  const { execFile } = await import("node:child_process");
  const { promisify } = await import("node:util");
  const args = ["-sS", "-F", `file=@${path}`, "-F", "model=whisper-1", "-F", "response_format=text"];
  const { stdout } = await promisify(execFile)("curl", [...args, `${url}/v1/audio/transcriptions`]);
  expect(stdout).toBe("1\n");
});
