import { readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { ServerSettings } from "../../src/service/settings.js";
import { POSTGRES, QUEUES, REDIS, titleOf } from "../support/brokers.js";
import { cutAnswers } from "../support/cut-answers.js";
import { type HttpServer, startHttp } from "../support/http-server.js";
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
import { startWorkerProcess } from "../support/queue-processes.js";
import { startS3 } from "../support/s3-server.js";
import { until } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { latch } from "../support/transcribe-fake.js";
import { type Receiver, startReceiver } from "../support/webhook-receiver.js";

const startServer = (place: Partial<ServerSettings>): Promise<HttpServer> => startHttp({ settings: place });
const resultsIn = (folder: string) => readdirSync(join(folder, "results"));
const recordingsIn = (folder: string) => readdirSync(join(folder, "recordings"));
const timesWorking = (text: string) => text.split("working\n").length - 1;

const webhooksTo = ({ host }: Receiver): Partial<ServerSettings> => ({
  webhookSecrets: `whsec_${Buffer.alloc(24, 7).toString("base64")}`,
  webhookPrivateHosts: host,
});

describe.each(QUEUES)("$name, when something fails", (store) => {
  const test = it.skipIf(store.missing !== undefined);

  test(`${titleOf(store)}: a job whose worker is killed in its course is done by another, once`, async () => {
    const place = await placeOf(store, { queueLock: 3 });
    const gate = join(await temporaryFolder(), "gate");
    const { url } = await startServer(place);
    const first = await startWorkerProcess(place, { FAKE_GATE: gate });
    const id = await acceptedJob(url, { response_format: "text" });
    await first.child.stderrHas("working");
    await first.kill();
    await writeFile(gate, "");
    await startWorker({ settings: place });
    expect(await jobWhen(url, id, "succeeded")).toMatchObject({ attempts: 2 });
    expect((await get(url, `/v1/jobs/${id}/result`)).text).toBe("1\n");
    const { text } = await get(url, `/v1/jobs/${id}/events`);
    expect(text.match(/"type":"job.running"/g)).toHaveLength(2);
    expect(text.match(/"type":"job.succeeded"/g)).toHaveLength(1);
    expect(resultsIn(place.queueStore!)).toEqual([`${id}.json`]);
    await until(() => recordingsIn(place.queueStore!).length === 0);
  });

  test("one that ends a second worker is set aside with its recording, alone", async () => {
    const place = await placeOf(store, { queueLock: 3 });
    const folder = await temporaryFolder();
    const gate = join(folder, "gate");
    const server = await startServer(place);
    const { url } = server;
    const first = await startWorkerProcess(place, { FAKE_GATE: gate });
    const [poison, innocent] = [await acceptedJob(url), await acceptedJob(url)];
    await until(() => timesWorking(first.child.stderr()) === 2);
    await first.kill();
    // Both were in a worker that has ended: each is made alone from now on.
    const second = await startWorkerProcess(place, { FAKE_GATE: gate });
    await second.child.stderrHas("working");
    const states = async () =>
      (await Promise.all([poison, innocent].map((id) => jobOf(url, id)))).map(({ attempts }) => attempts);
    await until(async () => (await states()).some((attempts) => attempts === 2));
    expect((await states()).sort()).toEqual([1, 2]);
    const [ending, other] = (await states())[0] === 2 ? [poison, innocent] : [innocent, poison];
    await second.kill();
    await writeFile(gate, "");
    const third = await startWorkerProcess(place, { FAKE_GATE: gate });
    expect((await jobWhen(url, ending!, "failed")).error).toMatchObject({
      code: "CRASHED",
      message: expect.stringContaining("2 of the 2 attempts"),
    });
    expect(await jobWhen(url, other!, "succeeded")).toMatchObject({ attempts: 2 });
    await until(() => recordingsIn(place.queueStore!).length === 1);
    const said = server.lines.join("") + third.child.stderr();
    expect(said).toMatch(new RegExp(`${ending}.*set aside; its recording is kept as rec_`));
  });

  test("that is away for less than a lock lasts costs nothing", async () => {
    const broker = await store.broker!();
    const gate = latch();
    const { engine, place, url } = await startJobs({
      store,
      gate: () => gate.opened,
      settings: { queueLock: 30 },
    });
    expect(place.queueLock).toBe(30);
    const id = await acceptedJob(url);
    await jobWhen(url, id, "running");
    await broker.kill();
    gate.open();
    await until(() => engine.running === 0);
    await broker.start();
    await until(async () => (await jobOf(url, id)).status === "succeeded");
    expect(await jobOf(url, id)).toMatchObject({ attempts: 1 });
    expect(engine.windows).toHaveLength(1);
    // Its worker goes on.
    await jobWhen(url, await acceptedJob(url), "succeeded");
  });

  test("that is away when a job is brought has it refused at once, and taken when it is back", async () => {
    const broker = await store.broker!();
    const { folder, url } = await startJobs({ store });
    await broker.kill();
    const before = performance.now();
    const refused = await postJob(url);
    expect(refused).toMatchObject({ status: 503, json: { error: { code: "STORAGE_FAILED" } } });
    expect(refused.json.error.message).toContain("QUEUE_URL");
    expect(refused.headers.get("retry-after")).not.toBeNull();
    // Not the seconds that a connection would be waited for.
    expect(performance.now() - before).toBeLessThan(10_000);
    await broker.start();
    // When it has said that there is no job of it.
    await until(() => recordingsIn(folder).length === 0);
    await until(async () => (await postJob(url)).status === 202);
  });

  test("that has done what it does not live to say has each job done once, and told of once", async () => {
    const receiver = await startReceiver();
    const place = await placeOf(store);
    const { url } = await startHttp({ settings: { ...place, ...webhooksTo(receiver) } });
    const way = await cutAnswers(place.queueUrl!);
    const { engine } = await startWorker({ settings: { ...place, queueUrl: way.url } });
    for (const [index, status] of ["running", "succeeded"].entries()) {
      way.cutAfter(`"status":"${status}"`);
      const id = await acceptedJob(url, { webhook_url: receiver.url });
      expect(await jobWhen(url, id, "succeeded")).toMatchObject({ attempts: 1 });
      await until(() => way.cuts === index + 1 && receiver.received.length === index + 1);
      // Everybody has heard of it: its recording is gone, too.
      await until(() => recordingsIn(place.queueStore!).length === 0);
    }
    expect(engine.windows).toHaveLength(2);
  });

  test("twice in a row, while 60 jobs are done by two workers, has all done, and each told of once", async () => {
    const broker = await store.broker!();
    const receiver = await startReceiver();
    const place = await placeOf(store, { queueLock: 3 });
    const { url } = await startHttp({ settings: { ...place, ...webhooksTo(receiver) } });
    // Each takes its time, so that some are under way whenever it goes.
    const slowly = () => sleep(150);
    for (let i = 0; i < 2; i++) await startWorker({ gate: slowly, settings: place });
    const ids = await Promise.all(
      Array.from({ length: 60 }, () => acceptedJob(url, { webhook_url: receiver.url })),
    );
    const told = () => new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size;
    for (const [before, away] of [
      [8, 200],
      // Longer than a lock lasts.
      [24, 4500],
    ] as const) {
      await until(() => told() >= before);
      await broker.kill();
      await sleep(away);
      await broker.start();
    }
    await until(() => told() === 60);
    for (const id of ids) await jobWhen(url, id, "succeeded");
    expect(resultsIn(place.queueStore!).sort()).toEqual(ids.map((id) => `${id}.json`).sort());
    await until(() => recordingsIn(place.queueStore!).length === 0);
    expect(receiver.received).toHaveLength(60);
  });

  test("a worker that is stopped lets jobs end within its grace, and hands back what does not", async () => {
    const place = await placeOf(store, { queueLock: 3 });
    const { url } = await startServer(place);
    const gate = latch();
    const first = await startWorker({ gate: () => gate.opened, settings: { ...place, shutdownGrace: 60 } });
    const ending = await acceptedJob(url);
    await jobWhen(url, ending, "running");
    const stopped = first.server.stop();
    gate.open();
    await stopped;
    expect(await jobOf(url, ending)).toMatchObject({ status: "succeeded", attempts: 1 });
    const never = latch();
    const second = await startWorker({ gate: () => never.opened, settings: { ...place, shutdownGrace: 0 } });
    const handed = await acceptedJob(url);
    await jobWhen(url, handed, "running");
    await second.server.stop();
    expect(await jobOf(url, handed)).toMatchObject({ status: "queued", attempts: 0 });
    await startWorker({ settings: place });
    // As though it had not been begun before.
    expect(await jobWhen(url, handed, "succeeded")).toMatchObject({ attempts: 1 });
  });
});

describe.skipIf(POSTGRES.missing !== undefined)(titleOf(POSTGRES), () => {
  it("whose statements are given next to no time by its operator is used all the same", async () => {
    const place = await placeOf(POSTGRES);
    const { default: pg } = await import("pg");
    const client = new pg.Client({ connectionString: place.queueUrl });
    await client.connect();
    const { database } = client;
    await client.query(`ALTER DATABASE ${database} SET statement_timeout = 1`);
    await client.query(`ALTER DATABASE ${database} SET lock_timeout = 1`);
    await client.end();
    const { engine, url } = await startJobs({ store: POSTGRES, settings: place });
    await jobWhen(url, await acceptedJob(url), "succeeded");
    expect(engine.windows).toHaveLength(1);
  });

  it("that another server prepares for longer than an answer takes is waited for", async () => {
    const place = await placeOf(POSTGRES);
    const { default: pg } = await import("pg");
    const client = new pg.Client({ connectionString: place.queueUrl });
    await client.connect();
    await client.query(`BEGIN; SELECT pg_advisory_xact_lock(${0x61676f72})`);
    const starting = startHttp({ settings: place });
    const waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    await until(async () => (await client.query(waiting)).rowCount === 1);
    // Longer than anybody is given who asks for something.
    await sleep(11_000);
    await client.query("COMMIT");
    await client.end();
    const { url } = await starting;
    await acceptedJob(url);
  });
});

describe.skipIf(REDIS.missing !== undefined)(titleOf(REDIS), () => {
  it("that is away for longer than a lock lasts has the job begun once more, when the run of before has ended", async () => {
    const broker = await REDIS.broker!();
    const gate = latch();
    const settings = { queueLock: 2 };
    const { engine, url } = await startJobs({
      store: REDIS,
      gate: (index) => (index === 0 ? gate.opened : Promise.resolve()),
      settings,
    });
    const id = await acceptedJob(url);
    await jobWhen(url, id, "running");
    await broker.kill();
    await sleep(4500);
    await broker.start();
    await until(async () => (await jobOf(url, id)).status === "succeeded");
    // Its worker has not ended: what was lost counts as no attempt.
    expect(await jobOf(url, id)).toMatchObject({ attempts: 1 });
    expect(engine).toMatchObject({ mostRunning: 1, cancellations: 1 });
    expect(engine.windows).toHaveLength(2);
  });

  it("that kept a job and could not say so has it accepted, and done once, with its recording", async () => {
    const place = await placeOf(REDIS, { queueLock: 1 });
    const way = await cutAnswers(place.queueUrl!);
    const { url } = await startServer({ ...place, queueUrl: way.url });
    const keyed = { headers: { "idempotency-key": "call 7" } };
    way.cutAfter("'there' or 'changed'");
    const first = await postJob(url, {}, keyed);
    expect(way.cuts).toBe(1);
    expect(first.status).toBe(202);
    // It was not there before.
    expect(first.headers.get("idempotency-replayed")).toBeNull();
    const again = await postJob(url, {}, keyed);
    expect(again.json.id).toBe(first.json.id);
    expect(again.headers.get("idempotency-replayed")).not.toBeNull();
    const { engine } = await startWorker({ settings: place });
    await jobWhen(url, again.json.id, "succeeded");
    expect(engine.windows).toHaveLength(1);
    await until(() => recordingsIn(place.queueStore!).length === 0);
  });

  it("gives the jobs of a worker in which nothing goes on any more to another, with one result in the end", async () => {
    const place = await placeOf(REDIS, { queueLock: 2 });
    const { url } = await startServer(place);
    const over = join(await temporaryFolder(), "over");
    const blocked = await startWorkerProcess(place, { FAKE_BLOCK: over });
    const id = await acceptedJob(url, { response_format: "text" });
    await blocked.child.stderrHas("working");
    const { engine } = await startWorker({ settings: place });
    await until(() => engine.windows.length === 1);
    expect(await jobWhen(url, id, "succeeded")).toMatchObject({ attempts: 2 });
    const whole = await get(url, `/v1/jobs/${id}/result`);
    // Whatever the other one still does, nothing changes.
    await writeFile(over, "");
    await until(() => /Done in|Cancelled/.test(blocked.child.stderr()));
    expect(await jobOf(url, id)).toMatchObject({ status: "succeeded", attempts: 2 });
    expect((await get(url, `/v1/jobs/${id}/result`)).text).toBe(whole.text);
    expect(resultsIn(place.queueStore!)).toEqual([`${id}.json`]);
  });

  it("keeps what was done where the store of results refuses it three times", async () => {
    const bucket = await startS3();
    let refused = 0;
    bucket.onRequest = (request, response) => {
      if (request.method !== "PUT" || !request.url?.includes("/results/") || refused === 3) return false;
      refused++;
      response.writeHead(503).end();
      return true;
    };
    const { engine, url } = await startJobs({
      store: REDIS,
      settings: { queueStore: `s3://jobs/all?endpoint=${bucket.url}` },
    });
    const id = await acceptedJob(url, { response_format: "text" });
    expect(await jobWhen(url, id, "succeeded")).toMatchObject({ attempts: 1 });
    expect(refused).toBe(3);
    expect(engine.windows).toHaveLength(1);
    expect((await get(url, `/v1/jobs/${id}/result`)).text).toBe("1\n");
    await until(() => [...bucket.objects.keys()].every((key) => key === `all/results/${id}.json`));
  });

  it("does 200 jobs with two workers, one of which is killed, and tells of each once", async () => {
    const receiver = await startReceiver();
    const place = await placeOf(REDIS, { queueLock: 3 });
    const { url } = await startHttp({ settings: { ...place, ...webhooksTo(receiver) } });
    const ids = await Promise.all(
      Array.from({ length: 200 }, () => acceptedJob(url, { webhook_url: receiver.url })),
    );
    const gate = join(await temporaryFolder(), "gate");
    const killed = await startWorkerProcess(place, { FAKE_GATE: gate });
    // All that it may have at once.
    await until(() => timesWorking(killed.child.stderr()) === 4);
    await startWorkerProcess(place);
    await until(() => receiver.received.length > 50);
    await killed.kill();
    await until(() => new Set(receiver.received.map(({ body }) => body)).size === 200);
    const counts = await Promise.all(ids.map(async (id) => (await jobOf(url, id)).status));
    expect(counts.filter((status) => status === "succeeded")).toHaveLength(200);
    expect(resultsIn(place.queueStore!)).toHaveLength(200);
    const webhookIds = receiver.received.map(({ headers }) => headers["webhook-id"]);
    expect(webhookIds).toHaveLength(200);
    expect(new Set(webhookIds).size).toBe(200);
  });

  it("ends a worker's process in order when it is told to", async () => {
    const place = await placeOf(REDIS);
    const { url } = await startServer(place);
    const { child } = await startWorkerProcess(place, {
      FAKE_GATE: join(await temporaryFolder(), "never"),
      SERVER_SHUTDOWN_GRACE: "0",
      SERVER_HTTP_PORT: "0",
      SERVER_HTTP_HOST: "127.0.0.1",
    });
    const [, port] = /HTTP port (\d+)/.exec(child.stderr())!;
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
    const id = await acceptedJob(url);
    await child.stderrHas("working");
    child.child.kill("SIGTERM");
    expect(await child.ended).toMatchObject({ code: 0 });
    expect(await jobOf(url, id)).toMatchObject({ status: "queued", attempts: 0 });
  });
});
