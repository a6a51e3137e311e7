import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { describe, expect, it, onTestFinished } from "vitest";
import { openBroker } from "../../src/service/jobs/broker/broker.js";
import { brokerKind } from "../../src/service/jobs/broker/queue-url.js";
import { readSettings } from "../../src/service/read-settings.js";
import { QUEUES, REDIS, titleOf } from "../support/brokers.js";
import { fakeSegment } from "../support/fake-engine.js";
import { startHttp } from "../support/http-server.js";
import {
  acceptedJob,
  get,
  jobOf,
  jobWhen,
  placeOf,
  postJob,
  startJobs,
  startWorker,
} from "../support/jobs.js";
import { until } from "../support/server.js";
import { latch } from "../support/transcribe-fake.js";
import { startReceiver } from "../support/webhook-receiver.js";

const cancel = (url: string, id: string) => get(url, `/v1/jobs/${id}`, { method: "DELETE" });

describe.each(QUEUES)("$name", (store) => {
  describe.skipIf(store.missing !== undefined)(titleOf(store), () => {
    it("has one job of what two servers add at once by one key", async () => {
      const gate = latch();
      const { engine, place, url } = await startJobs({ store, gate: () => gate.opened });
      const other = await startHttp({ settings: place });
      const keyed = { headers: { "idempotency-key": "call 7" } };
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => postJob(i % 2 ? url : other.url, {}, keyed)),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
      expect(new Set(answers.map(({ json }) => json.id)).size).toBe(1);
      expect(answers.filter(({ headers }) => headers.get("idempotency-replayed") === null)).toHaveLength(1);
      gate.open();
      await jobWhen(url, answers[0]!.json.id, "succeeded");
      expect(engine.windows).toHaveLength(1);
    });

    it("has jobs cancelled by any server, while they wait and in their course", async () => {
      const gate = latch();
      const { engine, folder, place, url } = await startJobs({
        store,
        gate: () => gate.opened,
        settings: { jobsMaxRunning: 1 },
      });
      const other = await startHttp({ settings: place });
      const [running, waiting] = [await acceptedJob(url), await acceptedJob(url)];
      await jobWhen(other.url, running, "running");
      for (const id of [waiting, running])
        expect((await cancel(other.url, id)).json).toMatchObject({ id, status: "cancelled" });
      await until(() => engine.running === 0 && engine.cancellations === 1);
      const next = await acceptedJob(url);
      gate.open();
      await jobWhen(url, next, "succeeded");
      expect(await jobOf(url, running)).toMatchObject({ status: "cancelled" });
      expect(engine.windows).toHaveLength(2);
      const { readdirSync } = await import("node:fs");
      expect(readdirSync(`${folder}/results`)).toEqual([`${next}.json`]);
    });

    it("has any server tell how far a job is, and what was said when it has ended", async () => {
      const { wav } = await import("../support/audio.js");
      const { bursts } = await import("../support/fake-engine.js");
      const gates = Array.from({ length: 3 }, () => latch());
      const { place, url } = await startJobs({
        store,
        gate: (index) => gates[index]!.opened,
        concurrency: 1,
      });
      const other = await startHttp({ settings: place });
      const id = await acceptedJob(url, {}, { recording: wav([bursts(3)], 16_000) } as RequestInit);
      const response = await fetch(`${other.url}/v1/jobs/${id}/events`);
      let text = "";
      const read = (async () => {
        for await (const piece of response.body!) text += Buffer.from(piece).toString();
      })();
      await until(() => text.includes('"type":"job.running"'));
      for (const gate of gates) {
        gate.open();
        if (gate !== gates.at(-1)) await until(() => text.includes('"type":"job.progress"'));
      }
      await read;
      const kept = text.split("\n\n").filter((block) => /^id: /m.test(block));
      expect(kept.map((block) => /"type":"([^"]+)"/.exec(block)![1])).toEqual([
        "job.queued",
        "job.running",
        "job.segment",
        "job.segment",
        "job.segment",
        "job.succeeded",
      ]);
      expect(kept.map((block) => Number(/^id: (\d+)/m.exec(block)![1]))).toEqual([1, 2, 3, 4, 5, 6]);
      const rest = await get(url, `/v1/jobs/${id}/events?last_event_id=4`);
      expect(rest.text.split("\n\n").filter((block) => /^id: /m.test(block))).toEqual(kept.slice(4));
    });

    it("leaves jobs of a newer version to workers that know it", async () => {
      const place = await placeOf(store);
      const { url } = await startHttp({ settings: place });
      const [newer, known] = [await acceptedJob(url), await acceptedJob(url)];
      const broker = await openBroker(place.queueUrl!, () => {}, false);
      onTestFinished(() => broker.close());
      const job = (await broker.queue.getJob(newer))!;
      expect(job.data).toMatchObject({
        v: 1,
        submittedAt: expect.any(Number),
        requestId: expect.any(String),
      });
      await job.updateData({ ...job.data, v: 2 });
      const { lines } = await startWorker({ settings: place });
      await jobWhen(url, known, "succeeded");
      await until(() => lines.some((line) => line.includes("newer version")));
      expect(await jobOf(url, newer)).toMatchObject({ status: "queued", attempts: 0 });
    });

    it("does not begin a job whose deadline has passed", async () => {
      const place = await placeOf(store);
      const { url } = await startHttp({ settings: place });
      const deadline = new Date(Date.now() + 3000).toISOString();
      const id = await acceptedJob(url, { deadline });
      expect(await jobOf(url, id)).toMatchObject({ status: "queued", deadline });
      // With what clocks may differ by.
      await until(() => Date.now() > Date.parse(deadline) + 2000);
      const { engine } = await startWorker({ settings: place });
      expect((await jobWhen(url, id, "failed")).error).toMatchObject({ code: "DEADLINE_EXCEEDED" });
      expect(engine.windows).toHaveLength(0);
    });

    it("does a job again by the key of one that was forgotten", async () => {
      const { engine, url } = await startJobs({ store, settings: { jobsTtl: 1 } });
      const keyed = { headers: { "idempotency-key": "k" } };
      const first = await acceptedJob(url, {}, keyed);
      // Nobody who is slow sees that it has succeeded.
      await until(() => engine.windows.length === 1);
      await until(async () => (await get(url, `/v1/jobs/${first}`)).status === 404);
      const again = await acceptedJob(url, {}, keyed);
      expect(again).toBe(first);
      await until(() => engine.windows.length === 2);
    });

    it("has a job queued again that it has lost", async () => {
      const place = { ...(await placeOf(store)), queueLock: 1 };
      const { url } = await startHttp({ settings: place });
      const id = await acceptedJob(url);
      const broker = await openBroker(place.queueUrl!, () => {}, false);
      onTestFinished(() => broker.close());
      await broker.queue.remove(id);
      await startWorker({ settings: place });
      await jobWhen(url, id, "succeeded");
    });
  });
});

describe("QUEUE_URL", () => {
  it.each([
    ["redis://localhost", "redis"],
    ["rediss://:secret@redis.example.org:6380/1", "redis"],
    ["postgres://user@db/jobs", "postgres"],
    ["postgresql://user@db/jobs", "postgres"],
    ["http://localhost", undefined],
    ["localhost:6379", undefined],
    ["redis:", undefined],
  ])("%s is of the kind %s", (url, kind) => {
    expect(brokerKind(url)).toBe(kind);
  });

  it.each([
    ["ioredis", "redis://localhost", { ioredis: missing }],
    ["bullmq", "redis://localhost", { bullmq: missing }],
    ["pg", "postgres://localhost/a", { pg: missing }],
  ])("names the packages where %s is missing, and how to get them", async (_, url, lacking) => {
    const packages = {
      bullmq: () => import("bullmq"),
      ioredis: () => import("ioredis"),
      pg: () => import("pg"),
      ...lacking,
    };
    const driver = url.startsWith("redis") ? "ioredis" : "pg";
    await expect(openBroker(url, () => {}, true, packages)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(`npm install bullmq ${driver}`),
      option: "QUEUE_URL",
    });
  });

  it.each(["redis://:s3cret@127.0.0.1:1", "postgres://user:s3cret@127.0.0.1:1/jobs"])(
    "that leads nowhere keeps a server from starting, and its password is not told: %s",
    async (queueUrl) => {
      const starting = startHttp({ settings: { queueUrl, queueStore: "/tmp/agora-no-queue" } });
      const error = await starting.catch((reason: Error) => reason);
      expect(error).toMatchObject({ code: "STORAGE_FAILED", message: expect.stringContaining("QUEUE_URL") });
      expect((error as Error).message).not.toContain("s3cret");
    },
  );

  it("needs a place for recordings and results, and no folder of one server's", () => {
    const QUEUE_URL = "redis://localhost";
    expect(() => readSettings({ QUEUE_URL })).toThrow(/QUEUE_STORE: expected a folder/);
    expect(() => readSettings({ QUEUE_STORE: "/mnt/jobs" })).toThrow(/QUEUE_URL: expected one/);
    expect(() => readSettings({ QUEUE_URL, QUEUE_STORE: "https://a.example/{id}" })).toThrow(/QUEUE_STORE/);
    expect(() => readSettings({ QUEUE_URL, QUEUE_STORE: "/mnt/jobs", JOBS_DIR: "/var/jobs" })).toThrow(
      /JOBS_DIR/,
    );
    expect(readSettings({ QUEUE_URL, QUEUE_STORE: "s3://bucket/jobs" })).toMatchObject({
      queueMaxWaiting: 100_000,
    });
    const secret = "redis:/user:s3cret@host";
    expect(() => readSettings({ QUEUE_URL: secret })).toThrow(/^((?!s3cret)[\s\S])*$/);
  });

  it("is what a worker cannot be without", async () => {
    await expect(startWorker({})).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("QUEUE_URL"),
    });
  });
});

function missing(): Promise<never> {
  return Promise.reject(Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" }));
}

describe.skipIf(REDIS.missing !== undefined)(titleOf(REDIS), () => {
  it("is told neither what is said nor a secret of the server's, and its queue nothing that a client sent along", async () => {
    const receiver = await startReceiver();
    const webhookSecrets = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;
    const { place, url } = await startJobs({
      store: REDIS,
      settings: { webhookSecrets, webhookPrivateHosts: receiver.host },
      answer: () => ({ segments: [fakeSegment("pomegranate", 0, 1)] }),
    });
    const id = await acceptedJob(url, {
      metadata: '{"a": 1}',
      response_format: "text",
      webhook_url: receiver.url,
    });
    await jobWhen(url, id, "succeeded");
    expect((await get(url, `/v1/jobs/${id}/result`)).text).toContain("pomegranate");
    await until(() => receiver.received.length === 1);
    const redis = new Redis(place.queueUrl!);
    onTestFinished(() => redis.disconnect());
    await redis.config("SET", "rdbcompression", "no");
    const all = await Promise.all((await redis.keys("*")).map((key) => redis.dump(key)));
    const kept = all.join("\n");
    // Those who guard it know of that.
    expect(kept).toContain(receiver.url);
    for (const hidden of ["pomegranate", webhookSecrets.slice("whsec_".length)])
      expect(kept).not.toContain(hidden);
    const { hostname, pathname, port } = new URL(place.queueUrl!);
    const queue = new Queue("agora-transcribe", {
      connection: { host: hostname, port: Number(port), db: Number(pathname.slice(1)) },
    });
    onTestFinished(() => queue.close());
    const job = (await queue.getJob(id))!;
    expect(Object.keys(job.data).sort()).toEqual(["recording", "requestId", "submittedAt", "v"]);
    expect(Object.keys(job.returnvalue).sort()).toEqual(["duration", "language", "model", "processing"]);
  });
});
