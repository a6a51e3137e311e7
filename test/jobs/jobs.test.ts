import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Workers } from "../../src/service/workers.js";
import { JOB_STORES, titleOf } from "../support/brokers.js";
import { formOf, post, startHttp } from "../support/http-server.js";
import { acceptedJob, get, type JobServerOptions, jobWhen, postJob, startJobs } from "../support/jobs.js";
import { readMetrics } from "../support/metrics.js";
import { startS3 } from "../support/s3-server.js";
import { RECORDING, until } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { latch } from "../support/transcribe-fake.js";

const ID = /^job_[A-Za-z0-9]{22}$/;

describe.each(JOB_STORES)("a job in $name", (store) => {
  describe.skipIf(store.missing !== undefined)(titleOf(store), () => {
    const start = (options: JobServerOptions = {}) => startJobs({ ...options, store });

    it("is accepted at once, worked on, and answered in the format that it was asked for with", async () => {
      const gate = latch();
      const { folder, url } = await start({ gate: () => gate.opened });
      const { headers, json, status } = await postJob(url, {
        response_format: "srt",
        metadata: '{"call": 7, "tags": ["a"]}',
      });
      expect(status).toBe(202);
      expect(json).toMatchObject({
        id: expect.stringMatching(ID),
        object: "job",
        status: expect.stringMatching("queued|running"),
        filename: "a.wav",
        bytes: RECORDING.length,
        recording_id: null,
        finished_at: null,
        expires_at: null,
        result_url: null,
        error: null,
        priority: "bulk",
        metadata: { call: 7, tags: ["a"] },
      });
      expect(headers.get("location")).toBe(`/v1/jobs/${json.id}`);
      expect(Number(headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
      await jobWhen(url, json.id, "running");
      const early = await get(url, `/v1/jobs/${json.id}/result`);
      expect(early).toMatchObject({ status: 409, json: { error: { code: "CONFLICT" } } });
      expect(readdirSync(join(folder, "recordings"))).toHaveLength(1);
      gate.open();
      const done = await jobWhen(url, json.id, "succeeded");
      expect(done).toMatchObject({
        attempts: 1,
        model: "fake",
        language: "en",
        duration: expect.any(Number),
        result_url: `/v1/jobs/${json.id}/result`,
        progress: { processed: done.duration, total: done.duration, fraction: 1, eta: 0 },
      });
      expect(Date.parse(done.expires_at) - Date.parse(done.finished_at)).toBe(7 * 24 * 3600 * 1000);
      const result = await get(url, done.result_url);
      expect(result.headers.get("content-type")).toContain("application/x-subrip");
      expect(result.text).toMatch(/^1\n00:00:0\d,\d{3} --> .*\n1\n/);
      // Its recording is not needed any more.
      await until(() => readdirSync(join(folder, "recordings")).length === 0);
    });

    it("is one of a list, newest first, by state and in parts", async () => {
      const gate = latch();
      const { url } = await start({ gate: () => gate.opened, settings: { jobsMaxRunning: 1 } });
      const ids = [];
      for (let i = 0; i < 5; i++) ids.unshift(await acceptedJob(url));
      await jobWhen(url, ids[4]!, "running");
      const list = async (query: string) => {
        const { json } = await get(url, `/v1/jobs${query}`);
        return { ids: json.data.map(({ id }: { id: string }) => id), more: json.has_more };
      };
      expect(await list("")).toEqual({ ids, more: false });
      expect(await list("?status=&after=")).toEqual({ ids, more: false });
      expect(await list("?limit=2")).toEqual({ ids: ids.slice(0, 2), more: true });
      expect(await list(`?limit=2&after=${ids[1]}`)).toEqual({ ids: ids.slice(2, 4), more: true });
      expect(await list(`?limit=2&after=${ids[3]}`)).toEqual({ ids: [ids[4]], more: false });
      expect(await list("?status=running")).toEqual({ ids: [ids[4]], more: false });
      expect(await list("?status=queued,succeeded")).toEqual({ ids: ids.slice(0, 4), more: false });
      // One that has been forgotten would have the list begin again.
      for (const wrong of ["limit=0", "limit=101", "limit=x", "status=waiting", "after=job_x"]) {
        const [param] = wrong.split("=");
        const { json, status } = await get(url, `/v1/jobs?${wrong}`);
        expect({ status, param: json.error.param }).toEqual({ status: 400, param });
      }
      gate.open();
    });

    it("that is more urgent comes first", async () => {
      const gate = latch();
      const { engine, url } = await start({ gate: () => gate.opened, settings: { jobsMaxRunning: 1 } });
      const first = await acceptedJob(url);
      await jobWhen(url, first, "running");
      const bulk = await acceptedJob(url);
      const urgent = await acceptedJob(url, { priority: "interactive" });
      gate.open();
      const [a, b] = [await jobWhen(url, urgent, "succeeded"), await jobWhen(url, bulk, "succeeded")];
      expect(Date.parse(a.started_at)).toBeLessThanOrEqual(Date.parse(b.started_at));
      expect(engine.windows.map(({ priority }) => priority)).toEqual(["bulk", "interactive", "bulk"]);
    });

    it("is of a recording that is kept, which stays", async () => {
      const recordingsStore = join(await temporaryFolder(), "recordings");
      const { url } = await start({ settings: { recordingsStore } });
      const kept = await post(url, formOf(RECORDING), { path: "/api/recordings" });
      const { json, status } = await post(
        url,
        JSON.stringify({
          recording_id: kept.json.id,
          response_format: "text",
          metadata: { a: 1 },
          beam_size: 2,
        }),
        { path: "/v1/jobs", headers: { "content-type": "application/json" } },
      );
      expect({ status, json }).toMatchObject({
        status: 202,
        json: { recording_id: kept.json.id, metadata: { a: 1 } },
      });
      await jobWhen(url, json.id, "succeeded");
      expect((await get(url, `/v1/jobs/${json.id}/result`)).text).toBe("1\n");
      expect((await get(url, `/api/recordings/${kept.json.id}`)).status).toBe(200);
      const gone = await post(url, '{"recording_id": "nobody"}', {
        path: "/v1/jobs",
        headers: { "content-type": "application/json" },
      });
      expect(gone).toMatchObject({ status: 404, json: { error: { param: "recording_id" } } });
    });

    it("that fails says why, and is not tried again where that is the recording's fault", async () => {
      const { lines, url } = await start();
      const id = await acceptedJob(url, {}, { recording: Buffer.from("no sound at all") } as RequestInit);
      const job = await jobWhen(url, id, "failed");
      expect(job).toMatchObject({ attempts: 1, result_url: null, error: { code: "UNSUPPORTED_FORMAT" } });
      expect(await get(url, `/v1/jobs/${id}/result`)).toMatchObject({
        status: 409,
        json: { error: { message: expect.stringContaining("UNSUPPORTED_FORMAT") } },
      });
      expect(lines.filter((line) => line.includes("Failed") && !line.includes("no result"))).toHaveLength(1);
    });

    it("that is not there is 404", async () => {
      const { url } = await start();
      for (const path of ["", "/result", "/events"])
        expect((await get(url, `/v1/jobs/job_0123456789abcdefghijkl${path}`)).status).toBe(404);
      expect((await get(url, "/v1/jobs/job_x", { method: "DELETE" })).status).toBe(404);
      expect((await get(url, "/v1/jobs/..%2fx")).status).toBe(404);
    });

    it("is refused where as many wait as may", async () => {
      const gate = latch();
      const settings = { jobsMaxRunning: 1, jobsMaxWaiting: 1, queueMaxWaiting: 1 };
      const { folder, url } = await start({ gate: () => gate.opened, settings });
      await jobWhen(url, await acceptedJob(url), "running");
      await acceptedJob(url);
      const { headers, json, status } = await postJob(url);
      expect({ status, code: json.error.code }).toEqual({ status: 429, code: "QUEUE_FULL" });
      expect(json.error.message).toMatch(/(JOBS|QUEUE)_MAX_WAITING/);
      expect(headers.get("retry-after")).not.toBeNull();
      expect(readdirSync(join(folder, "recordings"))).toHaveLength(2);
      gate.open();
    });
  });
});

describe("a job", () => {
  it("has its result in every format", async () => {
    const { url } = await startJobs();
    const id = await acceptedJob(url);
    await jobWhen(url, id, "succeeded");
    const result = async (format: string) => get(url, `/v1/jobs/${id}/result?format=${format}`);
    expect((await result("json")).json).toMatchObject({ text: "1", usage: { type: "duration" } });
    expect((await result("text")).text).toBe("1\n");
    expect((await result("txt")).text).toContain("1");
    expect((await result("vtt")).text).toMatch(/^WEBVTT\n/);
    expect((await result("verbose_json")).json).toMatchObject({
      task: "transcribe",
      segments: [{ text: " 1" }],
    });
    expect((await result("diarized_json")).json).toMatchObject({ segments: [{ speaker: "unknown" }] });
    expect((await result("full_json")).json).toMatchObject({ text: "1", stats: { wordCount: 1 } });
    expect((await result("whisperx")).json).toMatchObject({ segments: [{ text: "1" }], language: "en" });
    expect((await result("seller_client")).json).toMatchObject({ success: true, transcription: "1" });
    for (const format of ["tsv", "csv", "lrc", "srt"]) expect((await result(format)).status).toBe(200);
    // Nobody was told apart.
    expect(await result("rttm")).toMatchObject({
      status: 400,
      json: { error: { code: "INVALID_ARGUMENT" } },
    });
    expect(await result("docx")).toMatchObject({ status: 400, json: { error: { param: "format" } } });
  });

  it.each([
    ["no recording", {}, undefined, "file"],
    ["an empty recording", {}, new Uint8Array(), "file"],
    ["a wrong option", { beam_size: "many" }, RECORDING, "beam_size"],
    ["an unknown format", { response_format: "docx" }, RECORDING, "response_format"],
    ["a stream", { stream: "true" }, RECORDING, "stream"],
    ["metadata that is no object", { metadata: "[1]" }, RECORDING, "metadata"],
    ["metadata without end", { metadata: JSON.stringify({ a: "x".repeat(20_000) }) }, RECORDING, "metadata"],
    ["a recording twice", { recording_id: "a" }, RECORDING, "recording_id"],
  ])("with %s is refused, and leaves nothing behind", async (_, fields, recording, param) => {
    const { folder, url } = await startJobs();
    const form = formOf(recording, fields as Record<string, string>);
    if (!recording) form.append("model", "whisper-1");
    const { json, status } = await post(url, form, { path: "/v1/jobs" });
    expect({ status, param: json.error.param }).toEqual({ status: 400, param });
    expect((await get(url, "/v1/jobs")).json.data).toEqual([]);
    expect(existsSync(join(folder, "recordings"))).toBe(false);
  });

  it("that fails is counted by why", async () => {
    const { server, url } = await startJobs();
    const id = await acceptedJob(url, {}, { recording: Buffer.from("no sound at all") } as RequestInit);
    await jobWhen(url, id, "failed");
    const metrics = await readMetrics(server.httpPort!);
    expect(metrics.get('agora_job_failures_total{code="UNSUPPORTED_FORMAT"}')).toBe(1);
  });

  it("is refused where the recordings of jobs take all the room that they may", async () => {
    const gate = latch();
    const { url } = await startJobs({
      gate: () => gate.opened,
      settings: { jobsMaxBytes: RECORDING.length + 1 },
    });
    const id = await acceptedJob(url);
    const { json, status } = await postJob(url);
    expect({ status, code: json.error.code }).toEqual({ status: 429, code: "QUEUE_FULL" });
    expect(json.error.message).toContain("JOBS_MAX_BYTES");
    gate.open();
    await jobWhen(url, id, "succeeded");
    await until(async () => (await postJob(url)).status === 202);
  });

  it("waits where a call would be refused, and is told by metrics", async () => {
    const gate = latch();
    const { url } = await startJobs({ gate: () => gate.opened, settings: { maxWorkers: 1, maxQueue: 0 } });
    const call = post(url, formOf(RECORDING));
    await until(async () => /agora_workers_busy 1/.test((await get(url, "/metrics")).text));
    expect((await post(url, formOf(RECORDING))).status).toBe(429);
    const ids = [await acceptedJob(url), await acceptedJob(url)];
    await jobWhen(url, ids[0]!, "running");
    const { text } = await get(url, "/metrics");
    expect(text).toMatch(/^agora_jobs\{status="queued"\} 1$/m);
    expect(text).toMatch(/^agora_jobs\{status="running"\} 1$/m);
    expect(Number(/^agora_jobs_waiting_audio_seconds (.*)$/m.exec(text)![1])).toBeGreaterThan(0);
    gate.open();
    expect((await call).status).toBe(200);
    for (const id of ids) await jobWhen(url, id, "succeeded");
    expect((await get(url, "/metrics")).text).toMatch(/^agora_jobs_total\{status="succeeded"\} 2$/m);
  });

  it("that waits for a worker has its recording come from another system once", async () => {
    const { objects, requests, url: bucket } = await startS3();
    objects.set("r1.wav", { bytes: RECORDING, type: "audio/wav", metadata: {}, modifiedAt: new Date() });
    const tries = vi.spyOn(Workers.prototype, "transcribe");
    onTestFinished(() => tries.mockRestore());
    const gate = latch();
    const { url } = await startJobs({
      gate: () => gate.opened,
      settings: { recordingsStore: `s3://calls?endpoint=${bucket}`, maxWorkers: 1, maxQueue: 0 },
    });
    const call = post(url, formOf(RECORDING));
    await until(async () => /agora_workers_busy 1/.test((await get(url, "/metrics")).text));
    const { json } = await post(url, '{"recording_id": "r1"}', {
      path: "/v1/jobs",
      headers: { "content-type": "application/json" },
    });
    await until(() => tries.mock.calls.length === 3);
    gate.open();
    await jobWhen(url, json.id, "succeeded");
    expect((await call).status).toBe(200);
    expect(requests.filter((request) => request === "GET r1.wav")).toHaveLength(1);
  });

  it("needs no folder: it is in a temporary one, which is gone with the server", async () => {
    const temporary = await temporaryFolder();
    vi.stubEnv("TMPDIR", temporary);
    onTestFinished(() => void vi.unstubAllEnvs());
    const { server, url } = await startHttp();
    const id = await acceptedJob(url);
    await jobWhen(url, id, "succeeded");
    expect(readdirSync(temporary)).toEqual([expect.stringMatching(/^agora-jobs-/)]);
    await server.stop();
    expect(readdirSync(temporary)).toEqual([]);
    const next = await startHttp();
    expect((await get(next.url, `/v1/jobs/${id}`)).status).toBe(404);
  });
});
