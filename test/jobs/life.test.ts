import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TranscriptionError } from "../../src/index.js";
import { JOB_STORES, titleOf } from "../support/brokers.js";
import { formOf, post } from "../support/http-server.js";
import {
  acceptedJob,
  get,
  type JobServerOptions,
  jobOf,
  jobWhen,
  postJob,
  startJobs,
} from "../support/jobs.js";
import { RECORDING, until } from "../support/server.js";
import { latch } from "../support/transcribe-fake.js";

const recordingsIn = (folder: string) => readdirSync(join(folder, "recordings"));
const keyed = (key: string) => ({ headers: { "idempotency-key": key } });
const cancel = (url: string, id: string) => get(url, `/v1/jobs/${id}`, { method: "DELETE" });

describe.each(JOB_STORES)("a job in $name", (store) => {
  describe.skipIf(store.missing !== undefined)(titleOf(store), () => {
    const start = (options: JobServerOptions = {}) => startJobs({ ...options, store });

    it("that is cancelled while it waits, and in its course, ends and leaves nothing behind", async () => {
      const gate = latch();
      const { engine, folder, lines, url } = await start({
        gate: () => gate.opened,
        settings: { jobsMaxRunning: 1 },
      });
      const running = await acceptedJob(url);
      const waiting = await acceptedJob(url);
      await until(() => engine.running === 1);
      for (const id of [waiting, running]) {
        const { json, status } = await cancel(url, id);
        expect({ status, json }).toMatchObject({
          status: 200,
          json: { id, status: "cancelled", result_url: null },
        });
        expect(json.expires_at).not.toBeNull();
      }
      await until(() => engine.running === 0 && engine.cancellations === 1);
      await until(() => recordingsIn(folder).length === 0);
      expect((await get(url, `/v1/jobs/${running}/result`)).status).toBe(409);
      // Its worker is free, and whatever still ends of it changes nothing.
      const next = await acceptedJob(url);
      gate.open();
      await jobWhen(url, next, "succeeded");
      expect(await jobOf(url, running)).toMatchObject({ status: "cancelled" });
      expect(readdirSync(join(folder, "results"))).toEqual([`${next}.json`]);
      expect(lines.filter((line) => line.includes("Cancelled"))).toHaveLength(2);
    });

    it("that is cancelled when it has ended is 409, and stays as it is", async () => {
      const { url } = await start();
      const id = await acceptedJob(url);
      await jobWhen(url, id, "succeeded");
      const { json, status } = await cancel(url, id);
      expect({ status, code: json.error.code }).toEqual({ status: 409, code: "CONFLICT" });
      expect((await get(url, `/v1/jobs/${id}/result`)).status).toBe(200);
    });

    it("is one for twenty who come at once, which is done once", async () => {
      const { engine, folder, url } = await start();
      const answers = await Promise.all(Array.from({ length: 20 }, () => postJob(url, {}, keyed("call 7"))));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
      expect(new Set(answers.map(({ json }) => json.id)).size).toBe(1);
      expect(answers.filter(({ headers }) => headers.get("idempotency-replayed") === null)).toHaveLength(1);
      const [{ json }] = answers as [(typeof answers)[number]];
      await jobWhen(url, json.id, "succeeded");
      expect(engine.windows).toHaveLength(1);
      await until(() => recordingsIn(folder).length === 0);
      // Also when it has ended.
      const again = await postJob(url, {}, keyed("call 7"));
      expect(again.json).toMatchObject({ id: json.id, status: "succeeded" });
      expect((await get(url, "/v1/jobs")).json.data).toHaveLength(1);
    });

    it("is as it was after a start anew, and goes on with those that had not ended", async () => {
      const gate = latch();
      const first = await start({
        gate: (index) => (index === 0 ? Promise.resolve() : gate.opened),
        settings: { jobsMaxRunning: 1, shutdownGrace: 0.1 },
      });
      const finished = await acceptedJob(first.url, { response_format: "text" });
      await jobWhen(first.url, finished, "succeeded");
      const running = await acceptedJob(first.url, { metadata: '{"a":1}' });
      await jobWhen(first.url, running, "running");
      const waiting = await acceptedJob(first.url);
      const cancelled = await acceptedJob(first.url);
      await cancel(first.url, cancelled);
      await first.stop();
      expect(recordingsIn(first.folder)).toHaveLength(2);

      const second = await start({ settings: first.place });
      expect((await get(second.url, `/v1/jobs/${finished}/result`)).text).toBe("1\n");
      for (const id of [running, waiting]) {
        // What was handed back was not begun.
        expect(await jobWhen(second.url, id, "succeeded")).toMatchObject({ attempts: 1 });
      }
      expect(await jobOf(second.url, running)).toMatchObject({ metadata: { a: 1 } });
      expect(await jobOf(second.url, cancelled)).toMatchObject({ status: "cancelled" });
      await until(() => recordingsIn(first.folder).length === 0);
    });

    it("ends where it can within its grace", async () => {
      const gate = latch();
      const { engine, place, stop, url } = await start({ gate: () => gate.opened });
      const id = await acceptedJob(url);
      await until(() => engine.running === 1);
      const stopped = stop();
      gate.open();
      await stopped;
      const { url: next } = await start({ settings: place });
      expect(await jobOf(next, id)).toMatchObject({ status: "succeeded", attempts: 1 });
    });
  });
});

describe("Idempotency-Key", () => {
  it("that comes again gets its job though that takes all the room, and the last place to wait", async () => {
    const gate = latch();
    const settings = { jobsMaxBytes: RECORDING.length, jobsMaxRunning: 1, jobsMaxWaiting: 1 };
    const { folder, url } = await startJobs({ gate: () => gate.opened, settings });
    const { json } = await postJob(url, {}, keyed("k"));
    const again = await postJob(url, {}, keyed("k"));
    expect(again).toMatchObject({ status: 202, json: { id: json.id } });
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect((await postJob(url, { beam_size: "2" }, keyed("k"))).status).toBe(422);
    expect((await postJob(url)).status).toBe(429);
    expect(recordingsIn(folder)).toHaveLength(1);
    gate.open();
    await jobWhen(url, json.id, "succeeded");
  });

  it.each([
    ["options", { beam_size: "2" }, RECORDING],
    ["metadata", { metadata: '{"a":1}' }, RECORDING],
    ["another recording", {}, Buffer.concat([RECORDING, RECORDING])],
  ])("that came with other %s is refused", async (_, fields, recording) => {
    const { folder, url } = await startJobs();
    const { json } = await postJob(url, {}, keyed("k"));
    await jobWhen(url, json.id, "succeeded");
    const other = await postJob(url, fields as Record<string, string>, { ...keyed("k"), recording });
    expect(other).toMatchObject({
      status: 422,
      json: { error: { code: "IDEMPOTENCY_KEY_REUSED", param: "Idempotency-Key" } },
    });
    expect((await get(url, "/v1/jobs")).json.data).toHaveLength(1);
    await until(() => recordingsIn(folder).length === 0);
  });

  it.each(["", "a".repeat(256), "a\tb"])("that is none (%j) is refused", async (key) => {
    const { url } = await startJobs();
    const { json, status } = await postJob(url, {}, keyed(key));
    if (key === "") expect(status).toBe(400);
    else expect({ status, param: json.error.param }).toEqual({ status: 400, param: "Idempotency-Key" });
  });

  it("of another is another job", async () => {
    const { url } = await startJobs();
    const [a, b] = [await postJob(url, {}, keyed("a")), await postJob(url, {}, keyed("b"))];
    expect(a.json.id).not.toBe(b.json.id);
  });
});

describe("a server that is started again", () => {
  it("answers about jobs while the model is loaded", async () => {
    const first = await startJobs();
    const id = await acceptedJob(first.url, { response_format: "text" });
    await jobWhen(first.url, id, "succeeded");
    await first.server.stop();
    const { startUnready } = await import("../support/server.js");
    const loading = latch();
    const { server } = await startUnready({
      loading: loading.opened,
      settings: { http: true, httpHost: "127.0.0.1", httpPort: 0, jobsFolder: first.folder },
    });
    const url = `http://127.0.0.1:${server.httpPort}`;
    expect((await get(url, `/v1/jobs/${id}/result`)).text).toBe("1\n");
    expect((await postJob(url)).status).toBe(503);
    loading.open();
    await server.ready;
    expect((await postJob(url)).status).toBe(202);
  });

  it("does not use a folder that another has", async () => {
    const { folder, url } = await startJobs();
    await expect(startJobs({ settings: { jobsFolder: folder } })).rejects.toMatchObject({
      code: "STORAGE_FAILED",
      message: expect.stringContaining("in use by another server"),
    });
    expect((await postJob(url)).status).toBe(202);
  });
});

it("a job whose model is closed in its course is begun again as though it had not been begun", async () => {
  const { url } = await startJobs({
    answer: (_, __, index) => {
      if (index === 0) throw new TranscriptionError("CANCELLED", "The model was closed");
      return { segments: [] };
    },
  });
  expect(await jobWhen(url, await acceptedJob(url), "succeeded")).toMatchObject({ attempts: 1 });
});

describe("what has ended", () => {
  it("is forgotten after its time, with its result", async () => {
    const { engine, folder, url } = await startJobs({ settings: { jobsTtl: 1 } });
    const id = await acceptedJob(url);
    // Nobody who is slow sees that it has succeeded.
    await until(() => engine.windows.length === 1);
    await until(async () => (await get(url, `/v1/jobs/${id}`)).status === 404);
    expect((await get(url, `/v1/jobs/${id}/result`)).status).toBe(404);
    await until(() => readdirSync(join(folder, "results")).length === 0);
    expect((await get(url, "/v1/jobs")).json.data).toEqual([]);
  });

  it("and was left over by a process that was killed is deleted at the start", async () => {
    const first = await startJobs();
    const id = await acceptedJob(first.url);
    await jobWhen(first.url, id, "succeeded");
    await until(() => recordingsIn(first.folder).length === 0);
    await first.server.stop();
    const { mkdirSync, writeFileSync } = await import("node:fs");
    const lost = join(first.folder, "recordings", "rec_lost");
    mkdirSync(lost, { recursive: true });
    writeFileSync(join(lost, "audio"), "");
    const facts = { filename: "", type: "", bytes: 0, sha256: "", createdAt: new Date() };
    writeFileSync(join(lost, "meta.json"), JSON.stringify(facts));
    writeFileSync(join(first.folder, "results", "job_lost.json"), "{}");
    // In the middle of a write, and of a deletion.
    writeFileSync(join(first.folder, "results", "job_half.json.unfinished"), "{");
    mkdirSync(join(first.folder, "recordings", ".unfinished-rec_half"));
    await startJobs({ settings: { jobsFolder: first.folder } });
    expect(existsSync(lost)).toBe(false);
    expect(recordingsIn(first.folder)).toEqual([]);
    expect(readdirSync(join(first.folder, "results"))).toEqual([`${id}.json`]);
  });
});

it("a job of a recording that is deleted meanwhile fails, and says so", async () => {
  const gate = latch();
  const { temporaryFolder } = await import("../support/temporary-folder.js");
  const recordingsStore = join(await temporaryFolder(), "recordings");
  const { url } = await startJobs({
    gate: () => gate.opened,
    settings: { recordingsStore, jobsMaxRunning: 1 },
  });
  await jobWhen(url, await acceptedJob(url), "running");
  const kept = await post(url, formOf(RECORDING), { path: "/api/recordings" });
  const { json } = await post(url, JSON.stringify({ recording_id: kept.json.id }), {
    path: "/v1/jobs",
    headers: { "content-type": "application/json" },
  });
  await get(url, `/api/recordings/${kept.json.id}`, { method: "DELETE" });
  gate.open();
  const job = await jobWhen(url, json.id, "failed");
  expect(job.error).toMatchObject({ code: "FILE_NOT_FOUND", message: expect.stringContaining(kept.json.id) });
});
