import { describe, expect, it, onTestFinished, vi } from "vitest";
import { BrokerStore } from "../../src/service/jobs/broker/broker-store.js";
import { changeRecord } from "../../src/service/jobs/broker/change.js";
import { Lost } from "../../src/service/jobs/broker/lost.js";
import {
  begun,
  ended,
  forgottenAt,
  givenBack,
  type JobRecord,
  newRecord,
  settled,
} from "../../src/service/jobs/broker/record.js";
import { away, FakeBroker, STALLED, submissionOf } from "../support/fake-broker.js";
import { until } from "../support/server.js";

function open(fake = new FakeBroker()) {
  const store = new BrokerStore(fake.broker, {
    maxWaiting: 10,
    full: "",
    maxBytes: Number.POSITIVE_INFINITY,
    fullOfBytes: "",
    maxAttempts: 2,
    ttl: 60,
    lock: 5,
    segmentsOf: async () => [],
    onTrouble: () => {},
  });
  onTestFinished(() => store.close());
  return { fake, store };
}

/** A store with a job that has ended and expired. */
async function openExpired() {
  const opened = open();
  const { fake, store } = opened;
  await store.add(submissionOf("job"));
  await store.cancel("job");
  return { ...opened, later: fake.ledger.records.get("job")!.job.expiresAt! };
}

describe("a job", () => {
  it("that is kept is accepted, whatever the queue says of it", async () => {
    const { fake, store } = open();
    fake.beforeAdd = async () => {
      throw away();
    };
    expect(await store.add(submissionOf("job"))).toMatchObject({ isNew: true, job: { status: "queued" } });
    expect(await store.get("job")).toMatchObject({ status: "queued" });
    fake.beforeAdd = async () => {};
    expect(await store.add(submissionOf("job"))).toMatchObject({ isNew: false });
    expect(fake.added).toEqual(["job"]);
  });

  it("of which nothing is told when others end it has its webhooks looked after all the same", () => {
    vi.useFakeTimers();
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const { store } = open();
    let looks = 0;
    store.onEnd(
      () => {},
      () => looks++,
    );
    vi.advanceTimersByTime(20_000);
    expect(looks).toBe(2);
  });
});

describe("a change that was made and not answered", () => {
  /** Has the next change made, and not answered. */
  function cutNext(fake: FakeBroker) {
    fake.ledger.afterChange = async () => {
      fake.ledger.afterChange = async () => {};
      throw away();
    };
  }

  it("is a job that was added, and is new", async () => {
    const { fake, store } = open();
    cutNext(fake);
    expect(await store.add(submissionOf("job"))).toMatchObject({ isNew: true, job: { status: "queued" } });
    expect(fake.added).toEqual(["job"]);
    cutNext(fake);
    const other = submissionOf("job", {
      createdAt: 1,
      recording: { ...submissionOf("job").recording, id: "rec_2" },
    });
    expect(await store.add(other)).toMatchObject({ isNew: false });
  });

  it("is a job that was cancelled, of which everybody hears", async () => {
    const { fake, store } = open();
    const heard: string[] = [];
    store.onEnd(({ status }) => heard.push(status));
    await store.add(submissionOf("job"));
    cutNext(fake);
    expect(await store.cancel("job")).toMatchObject({ isCancelled: true, job: { status: "cancelled" } });
    expect(heard).toEqual(["cancelled"]);
    expect(await store.cancel("job")).toMatchObject({ isCancelled: false });
  });

  it("is a webhook that was taken, and one that was sent, which counts once", async () => {
    const { fake, store } = open();
    const webhook = { url: "https://example.org/", secretId: "", resultUrl: "" };
    await store.add(submissionOf("job_1", { webhook }));
    await store.cancel("job_1");
    const at = fake.ledger.records.get("job_1")!.deliverAt!;
    cutNext(fake);
    expect(await store.deliveries.due(at, 16, 0)).toHaveLength(1);
    fake.ledger.afterChange = () => Promise.reject(away());
    fake.ledger.get = ((get) => async (id: string) => {
      if (fake.ledger.records.get(id)!.deliverAt === undefined) throw away();
      return get(id);
    })(fake.ledger.get.bind(fake.ledger));
    await expect(store.deliveries.settle("job_1", true, undefined)).rejects.toThrow("away");
    Reflect.deleteProperty(fake.ledger, "get");
    fake.ledger.afterChange = async () => {};
    await store.deliveries.settle("job_1", true, undefined);
    expect(fake.ledger.records.get("job_1")!.job.delivery).toEqual({ status: "delivered", attempts: 1 });
  });

  it("of webhooks keeps none from being sent that were taken before", async () => {
    const { fake, store } = open();
    const webhook = { url: "https://example.org/", secretId: "", resultUrl: "" };
    for (const id of ["job_1", "job_2"]) {
      await store.add(submissionOf(id, { webhook }));
      await store.cancel(id);
    }
    fake.ledger.beforeReplace = async ({ job }) => {
      if (job.id === "job_2") throw away();
    };
    const due = await store.deliveries.due(Date.now(), 16, 0);
    expect(due.map(({ jobId }) => jobId)).toEqual(["job_1"]);
  });
});

describe("a broker that is silent for as long as it may", () => {
  it("keeps who brings a job waiting for one answer, not for several", async () => {
    const { fake, store } = open();
    vi.useFakeTimers({ toFake: ["performance"] });
    onTestFinished(() => void vi.useRealTimers());
    let tries = 0;
    fake.ledger.create = async () => {
      tries++;
      vi.advanceTimersByTime(10_000);
      throw away();
    };
    await expect(store.add(submissionOf("job"))).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    expect(tries).toBe(1);
  });

  it("gives no webhooks that another server may be given before they are sent", async () => {
    const { fake, store } = open();
    const webhook = { url: "https://example.org/", secretId: "", resultUrl: "" };
    await store.add(submissionOf("job_1", { webhook }));
    await store.cancel("job_1");
    vi.useFakeTimers({ toFake: ["performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const now = Date.now();
    fake.ledger.afterChange = async () => void vi.advanceTimersByTime(25_000);
    expect(await store.deliveries.due(now, 16, 0)).toEqual([]);
    fake.ledger.afterChange = async () => {};
    expect(await store.deliveries.due(now + 30_000, 16, 0)).toHaveLength(1);
  });
});

describe("a webhook that another server has sent meanwhile", () => {
  it("is not sent again by one that could not", async () => {
    const { fake, store } = open();
    const webhook = { url: "https://example.org/", secretId: "", resultUrl: "" };
    await store.add(submissionOf("job_1", { webhook }));
    await store.cancel("job_1");
    const at = fake.ledger.records.get("job_1")!.deliverAt!;
    await store.deliveries.due(at, 16, 0);
    const other = open(fake).store;
    expect(await other.deliveries.due(at, 16, 0)).toEqual([]);
    expect(await other.deliveries.due(at + 60_000, 16, 0)).toHaveLength(1);
    await other.deliveries.settle("job_1", true, undefined);
    await store.deliveries.settle("job_1", false, at + 90_000);
    expect(fake.ledger.records.get("job_1")).toMatchObject({ job: { delivery: { status: "delivered" } } });
    expect(fake.ledger.records.get("job_1")!.deliverAt).toBeUndefined();
  });
});

describe("a job that the queue gives up", () => {
  /** A job that was begun and handed back `returned` times, and begun and left by an error of the store `failed` times. */
  async function openWith({ returned = 0, failed = 0 }) {
    const opened = open();
    const { fake, store } = opened;
    await store.add(submissionOf("job"));
    const { ledger } = fake;
    const step = async (change: (record: JobRecord) => JobRecord) =>
      void (await changeRecord(ledger as never, "job", change));
    for (let i = 0; i < returned; i++) {
      await step((record) => begun(record, 1));
      await step((record) => settled(record, { type: "returned" }, 1));
    }
    for (let i = 0; i < failed; i++) {
      await step((record) => begun(record, 1));
      await step((record) =>
        settled(record, { type: "again", error: { code: "STORAGE_FAILED", message: "" } }, 1),
      );
    }
    fake.added.length = 0;
    const giveUp = async () => {
      const { version } = fake.ledger.records.get("job")!;
      fake.events.emit("failed", { jobId: "job", failedReason: STALLED });
      await until(() => fake.ledger.records.get("job")!.version > version);
    };
    const lost = new Lost(
      fake.broker,
      5,
      () => {},
      () => {},
    );
    return { ...opened, lost, step, giveUp, record: () => fake.ledger.records.get("job")! };
  }

  it.each([{ returned: 5 }, { failed: 1 }, { returned: 2, failed: 1 }])(
    "is queued again where no worker has ended in its course: %j",
    async (before) => {
      const { fake, giveUp, record } = await openWith(before);
      await giveUp();
      expect(record().job).toMatchObject({ status: "queued", error: before.failed ? {} : undefined });
      await until(() => fake.added.length === 1);
    },
  );

  it("is queued again where one has, and set aside where a second has", async () => {
    const { fake, giveUp, lost, record, step } = await openWith({ returned: 3 });
    await step((each) => begun(each, 2));
    await giveUp();
    expect(record()).toMatchObject({ crashes: 1, job: { status: "queued", attempts: 1 } });
    await until(() => fake.added.length === 1);
    await step((each) => begun(each, 3));
    // Its worker may live, and be about to give it back.
    await lost.failed("job", STALLED);
    await lost.look();
    expect(record().job.status).toBe("running");
    await lost.look();
    expect(record()).toMatchObject({ crashes: 2, job: { status: "failed", error: { code: "CRASHED" } } });
    expect(record().job.error!.message).toContain("2 of the 2 attempts");
  });

  it("is queued again where its worker lives and gives it back, however many have ended before", async () => {
    const { fake, lost, record, step } = await openWith({});
    await step((each) => ({ ...begun(each, 2), crashes: 1 }));
    const { claim } = record();
    await lost.failed("job", STALLED);
    await lost.look();
    await step((each) => givenBack(each, claim, 3)!);
    await lost.look();
    expect(record()).toMatchObject({ crashes: 1, job: { status: "queued", attempts: 0 } });
    expect(fake.added).toEqual(["job"]);
  });
});

describe("a job that has expired", () => {
  it("and cannot be forgotten now keeps no other from being forgotten", async () => {
    const { fake, later, store } = await openExpired();
    await store.add(submissionOf("next"));
    await store.cancel("next");
    const soon = Math.max(later, fake.ledger.records.get("next")!.job.expiresAt!);
    const remove = fake.ledger.remove.bind(fake.ledger);
    fake.ledger.remove = async (record) => {
      if (record.job.id === "job") throw away();
      return remove(record);
    };
    await store.expire(soon, async () => {});
    expect([...fake.ledger.records.keys()]).toEqual(["job"]);
    fake.ledger.remove = remove;
    await store.expire(soon, async () => {});
    expect(fake.ledger.records.size).toBe(0);
  });

  it("is forgotten when its files are deleted, and not before", async () => {
    const { fake, later, store } = await openExpired();
    await store.expire(later, () => Promise.reject(away()));
    expect(await store.get("job")).toBeDefined();
    let known: unknown;
    await store.expire(later, async ({ id }) => {
      known = fake.ledger.records.get(id);
    });
    expect(known).toBeDefined();
    expect(await store.get("job")).toBeUndefined();
  });

  it("leaves alone the files of another that has come by its key meanwhile", async () => {
    const { fake, later, store } = await openExpired();
    const expired = await fake.ledger.expired(later);
    fake.ledger.expired = async () => {
      fake.ledger.records.clear();
      fake.ledger.records.set("job", { ...newRecord(submissionOf("job"), 2, 60), number: 2, version: 1 });
      return expired;
    };
    const deleted: string[] = [];
    await store.expire(later, async ({ id }) => void deleted.push(id));
    expect(deleted).toEqual([]);
    expect(await store.get("job")).toMatchObject({ status: "queued" });
  });

  it("is kept for a day while its webhook is tried", () => {
    const webhook = { url: "https://example.org/", secretId: "", resultUrl: "" };
    const record = ended(newRecord(submissionOf("job", { webhook }), 2, 60), "cancelled", 1000);
    expect(forgottenAt(record)).toBe(1000 + 24 * 3_600_000);
    expect(forgottenAt({ ...record, deliverAt: undefined })).toBe(61_000);
  });
});
