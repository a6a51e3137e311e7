import { randomBytes } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import type { Delivery, DeliveryStore } from "../../src/service/jobs/store.js";
import { WebhookSender } from "../../src/service/jobs/webhooks/sender.js";
import { createLog } from "../../src/service/log.js";
import { readSettings } from "../../src/service/read-settings.js";
import { JOB_STORES, titleOf } from "../support/brokers.js";
import {
  acceptedJob,
  get,
  type JobServerOptions,
  jobOf,
  jobWhen,
  postJob,
  startJobs,
} from "../support/jobs.js";
import { until } from "../support/server.js";
import { latch } from "../support/transcribe-fake.js";
import { type Receiver, startReceiver } from "../support/webhook-receiver.js";

const newSecret = () => `whsec_${randomBytes(24).toString("base64")}`;
const SECRET = newSecret();

function settingsOf({ host }: Receiver, webhookSecrets = SECRET) {
  return { webhookSecrets, webhookPrivateHosts: host };
}

describe.each(JOB_STORES)("a webhook of a job in $name", (store) => {
  describe.skipIf(store.missing !== undefined)(titleOf(store), () => {
    const start = (options: JobServerOptions = {}) => startJobs({ ...options, store });

    it("tells of the end of a job, signed, and without its text", async () => {
      const receiver = await startReceiver();
      const { url } = await start({ settings: settingsOf(receiver) });
      const id = await acceptedJob(url, { webhook_url: receiver.url, metadata: '{"call": 7}' });
      await until(() => receiver.received.length === 1);
      const [{ body, headers }] = receiver.received as [(typeof receiver.received)[number]];
      const signed = new Webhook(SECRET).verify(body, headers as Record<string, string>);
      const job = await jobWhen(url, id, "succeeded");
      expect(signed).toEqual({
        type: "job.succeeded",
        timestamp: job.finished_at,
        data: { id, status: "succeeded", metadata: { call: 7 }, result_url: `/v1/jobs/${id}/result` },
      });
      expect(headers["content-type"]).toBe("application/json");
      await until(async () => (await jobOf(url, id)).webhook.status === "delivered");
      expect((await jobOf(url, id)).webhook).toEqual({ status: "delivered", attempts: 1 });
      expect((await get(url, "/metrics")).text).toMatch(/^agora_webhooks_total\{outcome="delivered"\} 1$/m);
      expect(() => new Webhook(newSecret()).verify(body, headers as Record<string, string>)).toThrow();
    });

    it("tells of jobs that fail and that are cancelled, too", async () => {
      const receiver = await startReceiver();
      const gate = latch();
      const { url } = await start({
        gate: () => gate.opened,
        settings: { ...settingsOf(receiver), jobsMaxRunning: 1 },
      });
      const failing = await acceptedJob(url, { webhook_url: receiver.url }, {
        recording: Buffer.from("no sound"),
      } as RequestInit);
      await jobWhen(url, failing, "failed");
      const cancelled = await acceptedJob(url, { webhook_url: receiver.url });
      await get(url, `/v1/jobs/${cancelled}`, { method: "DELETE" });
      await until(() => receiver.received.length === 2);
      const said = receiver.received.map(({ body }) => JSON.parse(body));
      expect(said).toMatchObject([
        { type: "job.failed", data: { id: failing, status: "failed", result_url: null } },
        { type: "job.cancelled", data: { id: cancelled, status: "cancelled", result_url: null } },
      ]);
      gate.open();
    });

    it("survives a restart, with its id", async () => {
      const receiver = await startReceiver((index) => (index === 0 ? 503 : 204));
      const settings = settingsOf(receiver);
      const first = await start({ settings });
      const id = await acceptedJob(first.url, { webhook_url: receiver.url });
      await until(async () => (await jobOf(first.url, id)).webhook.attempts === 1);
      expect((await jobOf(first.url, id)).webhook).toEqual({ status: "pending", attempts: 1 });
      await first.stop();
      const second = await start({ settings: { ...settings, ...first.place } });
      await until(async () => (await jobOf(second.url, id)).webhook.status === "delivered");
      const ids = receiver.received.map(({ headers }) => headers["webhook-id"]);
      expect(ids).toHaveLength(2);
      expect(new Set(ids).size).toBe(1);
    });
  });
});

describe("a webhook", () => {
  it("is signed with every secret of its name, while one is changed", async () => {
    const receiver = await startReceiver();
    const [next, other] = [newSecret(), newSecret()];
    const secrets = `crm=${SECRET},crm=${next},other=${other}`;
    const { url } = await startJobs({ settings: settingsOf(receiver, secrets) });
    await acceptedJob(url, { webhook_url: receiver.url });
    await until(() => receiver.received.length === 1);
    await acceptedJob(url, { webhook_url: receiver.url, webhook_secret_id: "other" });
    await until(() => receiver.received.length === 2);
    const accepts = (secret: string, index: number) => {
      const { body, headers } = receiver.received[index]!;
      try {
        new Webhook(secret).verify(body, headers as Record<string, string>);
        return true;
      } catch {
        return false;
      }
    };
    expect([SECRET, next, other].map((secret) => accepts(secret, 0))).toEqual([true, true, false]);
    expect([SECRET, next, other].map((secret) => accepts(secret, 1))).toEqual([false, false, true]);
    const wrong = await postJob(url, { webhook_url: receiver.url, webhook_secret_id: "nobody" });
    expect(wrong).toMatchObject({ status: 400, json: { error: { param: "webhook_secret_id" } } });
  });

  it.each([
    ["this machine", "https://127.0.0.1/", {}],
    ["a private network", "https://10.0.0.1/", {}],
    ["nowhere", "nowhere", {}],
    ["a server without secrets", "https://example.org/", { webhookSecrets: undefined }],
    ["a scheme that is none of the web's", "ftp://example.org/s3cret", {}],
  ])("to %s is refused with the job, and its path not logged", async (_, webhook_url, settings) => {
    const { lines, url } = await startJobs({ settings: { webhookSecrets: SECRET, ...settings } as never });
    const { json, status } = await postJob(url, { webhook_url });
    expect({ status, param: json.error.param }).toEqual({ status: 400, param: "webhook_url" });
    expect((await get(url, "/v1/jobs")).json.data).toEqual([]);
    expect(lines.join("")).not.toContain("s3cret");
  });
});

describe("who sends webhooks", () => {
  /** A sender of one delivery, whose store is in memory. */
  function send(receiver: Receiver, { age = 0, secretId = "default" } = {}) {
    const settled: [boolean, number | undefined][] = [];
    let dueAt: number | undefined = Date.now();
    const delivery: Delivery = {
      jobId: "job_a",
      webhookId: "msg_a",
      webhook: { url: receiver.url, secretId, resultUrl: "/result" },
      status: "succeeded",
      finishedAt: Date.now() - age,
      metadata: undefined,
      attempts: 0,
    };
    const store: DeliveryStore = {
      due: async (now) => (dueAt !== undefined && dueAt <= now ? [{ ...delivery }] : []),
      next: async (now) => (dueAt !== undefined && dueAt > now ? dueAt : undefined),
      settle: async (_, isDelivered, retryAt) => {
        settled.push([isDelivered, retryAt]);
        delivery.attempts++;
        dueAt = isDelivered ? undefined : retryAt;
      },
    };
    const outcomes: string[] = [];
    const lines: string[] = [];
    const sender = new WebhookSender({
      store,
      settings: () => readSettings({ WEBHOOK_SECRETS: SECRET, WEBHOOK_PRIVATE_HOSTS: receiver.host }),
      log: createLog("DEBUG", (line) => lines.push(line), "text")("test"),
      onTried: (outcome) => outcomes.push(outcome),
      retryAfter: [10],
    });
    sender.wake();
    return { sender, settled, outcomes, lines, isDone: () => dueAt === undefined };
  }

  it.each([500, 503, 404, 301, 307])(
    "try again after %i, under the same id, until they were heard",
    async (status) => {
      const receiver = await startReceiver((index) => (index < 3 ? status : 200));
      const { isDone, outcomes, sender, settled } = send(receiver);
      await until(isDone);
      await sender.close();
      expect(outcomes).toEqual(["retried", "retried", "retried", "delivered"]);
      expect(settled.at(-1)).toEqual([true, undefined]);
      expect(new Set(receiver.received.map(({ headers }) => headers["webhook-id"]))).toEqual(
        new Set(["msg_a"]),
      );
      for (const { body, headers } of receiver.received)
        new Webhook(SECRET).verify(body, headers as Record<string, string>);
    },
  );

  it("stop after 410", async () => {
    const receiver = await startReceiver(() => 410);
    const { isDone, outcomes, sender, settled } = send(receiver);
    await until(isDone);
    await sender.close();
    expect({ outcomes, settled }).toEqual({ outcomes: ["failed"], settled: [[false, undefined]] });
    expect(receiver.received).toHaveLength(1);
  });

  it("stop after a day", async () => {
    const receiver = await startReceiver(() => 500);
    const { isDone, lines, outcomes, sender } = send(receiver, { age: 24 * 3_600_000 });
    await until(isDone);
    await sender.close();
    expect(outcomes).toEqual(["failed"]);
    expect(lines.join("")).toContain("Nobody is told any more");
  });

  it.each([
    ["is told", 200, "Told"],
    ["cannot be told", 500, "Could not tell"],
    ["is told no more", 410, "Nobody is told any more at"],
  ])("log of a receiver that %s its host alone: the rest may be a secret", async (_, status, said) => {
    const receiver = await startReceiver((index) => (index === 0 ? status : 200));
    const { isDone, lines, sender } = send({
      ...receiver,
      url: `${receiver.url}services/T0/s3cret?key=s3cret`,
    });
    await until(isDone);
    await sender.close();
    expect(lines.join("")).toContain(`${said} ${receiver.host}`);
    expect(lines.join("")).not.toContain("s3cret");
  });

  it("try again where nobody listens, and where the secret is gone", async () => {
    const receiver = await startReceiver();
    const nobody = send({ ...receiver, url: "http://127.0.0.1:1/", host: "127.0.0.1:1" });
    const unsigned = send(receiver, { secretId: "gone" });
    await until(() => nobody.outcomes.length > 1 && unsigned.outcomes.length > 1);
    await Promise.all([nobody.sender.close(), unsigned.sender.close()]);
    expect(nobody.lines.join("")).toContain("ECONNREFUSED");
    expect(unsigned.lines.join("")).toContain("WEBHOOK_SECRETS has no gone");
    expect(receiver.received).toEqual([]);
  });

  it("take no more from a store that gives each once than they send at once, and look again for the rest", async () => {
    const receiver = await startReceiver();
    const waiting = Array.from({ length: 100 }, (_, index) => `job_${index}`);
    let taken = 0;
    let mostTaken = 0;
    const store: DeliveryStore = {
      due: async (now, limit) => {
        const ids = waiting.splice(0, limit);
        taken += ids.length;
        mostTaken = Math.max(mostTaken, taken);
        return ids.map((jobId) => ({
          jobId,
          webhookId: jobId,
          webhook: { url: receiver.url, secretId: "default", resultUrl: "/result" },
          status: "succeeded",
          finishedAt: now,
          metadata: undefined,
          attempts: 0,
        }));
      },
      next: async () => undefined,
      settle: async () => {
        taken--;
      },
    };
    const sender = new WebhookSender({
      store,
      settings: () => readSettings({ WEBHOOK_SECRETS: SECRET, WEBHOOK_PRIVATE_HOSTS: receiver.host }),
      log: createLog("ERROR", () => {}, "text")("test"),
      onTried: () => {},
    });
    sender.wake();
    await until(() => waiting.length === 0 && taken === 0);
    await sender.close();
    expect(new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size).toBe(100);
    expect(mostTaken).toBe(16);
  });

  it("leave what is on its way when the server stops, to be sent again", async () => {
    const receiver = await startReceiver(() => 0);
    const { outcomes, sender, settled } = send(receiver);
    await until(() => receiver.received.length === 1);
    await sender.close();
    expect({ outcomes, settled }).toEqual({ outcomes: [], settled: [] });
  });
});
