import { describe, expect, it, onTestFinished, vi } from "vitest";
import { BrokerStore } from "../../src/service/jobs/broker/broker-store.js";
import { ended, forgottenAt, newRecord } from "../../src/service/jobs/broker/record.js";
import { away, FakeBroker, submissionOf } from "../support/fake-broker.js";

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

describe("a job that has expired", () => {
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
