import { join } from "node:path";
import { expect, it } from "vitest";
import { formOf, post } from "../support/http-server.js";
import { get, jobWhen, startJobs } from "../support/jobs.js";
import { RECORDING } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { latch } from "../support/transcribe-fake.js";

const ASYNC = { headers: { prefer: "respond-async, wait=10" } };

it("a transcription whose client would rather not wait is a job, with the answer as its result", async () => {
  const { url } = await startJobs();
  const fields = { response_format: "verbose_json" };
  const waited = await post(url, formOf(RECORDING, fields));
  const { headers, json, status } = await post(url, formOf(RECORDING, fields), ASYNC);
  expect({ status, applied: headers.get("preference-applied") }).toEqual({
    status: 202,
    applied: "respond-async",
  });
  expect(headers.get("location")).toBe(`/v1/jobs/${json.id}`);
  await jobWhen(url, json.id, "succeeded");
  expect((await get(url, `${headers.get("location")}/result`)).json).toEqual(waited.json);
});

it("so is a call of the recordings' API", async () => {
  const recordingsStore = join(await temporaryFolder(), "recordings");
  const { url } = await startJobs({ settings: { recordingsStore } });
  const kept = await post(url, formOf(RECORDING), { path: "/api/recordings" });
  const path = `/api/recordings/${kept.json.id}/transcribe-whisperx`;
  const body = JSON.stringify({ model: "large-v3", hf_token: null });
  const json = { "content-type": "application/json" };
  const waited = await post(url, body, { path, headers: json });
  const accepted = await post(url, body, { path, headers: { ...json, prefer: "respond-async" } });
  expect(accepted).toMatchObject({ status: 202, json: { recording_id: kept.json.id } });
  await jobWhen(url, accepted.json.id, "succeeded");
  expect((await get(url, `/v1/jobs/${accepted.json.id}/result`)).json).toEqual(waited.json);
  const wrong = await post(url, '{"model": "nobody"}', { path, headers: { ...json, ...ASYNC.headers } });
  expect(wrong).toMatchObject({ status: 404, json: { success: false, code: "model_not_found" } });
  const gone = await post(url, "{}", {
    path: "/api/recordings/nobody/transcribe-whisperx",
    headers: { ...json, ...ASYNC.headers },
  });
  expect(gone).toMatchObject({ status: 404, json: { success: false } });
});

it("is accepted where there is no room for those who wait", async () => {
  const [begun, gate] = [latch(), latch()];
  const { url } = await startJobs({
    gate: () => {
      begun.open();
      return gate.opened;
    },
    settings: { maxWorkers: 1, maxQueue: 0 },
  });
  const call = post(url, formOf(RECORDING));
  await begun.opened;
  expect((await post(url, formOf(RECORDING))).status).toBe(429);
  expect((await post(url, formOf(RECORDING), ASYNC)).status).toBe(202);
  gate.open();
  expect((await call).status).toBe(200);
});
