import { describe, expect, it } from "vitest";
import { Consumer } from "../../src/service/jobs/broker/consumer.js";
import { begun as begunRecord, settled } from "../../src/service/jobs/broker/record.js";
import type { Attempt, Outcome } from "../../src/service/jobs/store.js";
import { away, FakeBroker } from "../support/fake-broker.js";
import { until } from "../support/server.js";
import { latch } from "../support/transcribe-fake.js";

const SUCCEEDED: Outcome = {
  type: "succeeded",
  summary: { duration: 1, language: "en", model: "fake", processing: 1 },
};

/** Seconds. Half of that passes before a worker hears that it has lost a job. */
const LOCK = 2;

/** A worker of a queue that does what a test says. */
function start(run: (id: string, attempt: Attempt) => Promise<Outcome> = async () => SUCCEEDED) {
  const fake = new FakeBroker();
  const begun: string[] = [];
  const changed: string[] = [];
  const consumer = new Consumer({
    broker: fake.broker,
    worker: {
      concurrency: 2,
      run: (job, attempt) => {
        begun.push(job.id);
        return run(job.id, attempt);
      },
    },
    lock: LOCK,
    maxCrashes: 1,
    onChange: ({ job }) => changed.push(job.status),
    onTrouble: () => {},
  });
  return { fake, consumer, begun, changed, jobOf: (id: string) => fake.ledger.records.get(id)!.job };
}

/** One whose worker has ended in its course. */
async function keepCrashed(fake: FakeBroker, id: string): Promise<void> {
  await fake.keep(id);
  await fake.ledger.replace(begunRecord(fake.ledger.records.get(id)!, 1));
}

/** Leaves when it is told to. */
async function left({ signal }: Attempt): Promise<Outcome> {
  await until(() => signal.aborted);
  return { type: "returned" };
}

const nameOf = (reason: Error) => reason.name;

describe("a job in whose course workers have ended", () => {
  it("has a worker for itself, however often the queue has taken it from one", async () => {
    const gate = latch();
    const { begun, fake } = start(async () => {
      await gate.opened;
      return SUCCEEDED;
    });
    await Promise.all([fake.keep("other"), keepCrashed(fake, "crashed")]);
    const other = fake.worker.hand("other");
    await until(() => begun.length === 1);
    // The queue counts anew since it was queued again.
    const crashed = fake.worker.hand("crashed", 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(begun).toEqual(["other"]);
    gate.open();
    await Promise.all([other, crashed]);
    expect(begun).toEqual(["other", "crashed"]);
  });

  it("is begun no more after the last of them that it may", async () => {
    const { begun, fake, jobOf } = start();
    await keepCrashed(fake, "job");
    await fake.ledger.replace({ ...fake.ledger.records.get("job")!, crashes: 1 });
    const reason = await fake.worker.hand("job", 0).catch((error: Error) => error.message);
    expect(reason).toMatch(/stalled more than/);
    expect(begun).toEqual([]);
    expect(jobOf("job").status).toBe("running");
  });
});

describe("a worker that is told to stop", () => {
  it("gives back a job that waited for others to end, for it would be alone", async () => {
    const gate = latch();
    const { begun, consumer, fake, jobOf } = start(async () => {
      await gate.opened;
      return SUCCEEDED;
    });
    await Promise.all([fake.keep("other"), keepCrashed(fake, "stalled")]);
    const other = fake.worker.hand("other");
    await until(() => begun.length === 1);
    const stalled = fake.worker.hand("stalled", 1).catch(nameOf);
    const paused = consumer.pause();
    gate.open();
    await Promise.all([other, paused]);
    expect(await stalled).toBe("WaitingError");
    expect(begun).toEqual(["other"]);
    expect(fake.worker.returned).toEqual(["stalled"]);
    expect(jobOf("stalled")).toMatchObject({ status: "running", attempts: 1 });
  });

  it("gives back a job that it was about to begin", async () => {
    const gate = latch();
    const { begun, consumer, fake, jobOf } = start();
    await fake.keep("job");
    let isBeginning = false;
    fake.ledger.beforeReplace = () => {
      isBeginning = true;
      return gate.opened;
    };
    const working = fake.worker.hand("job").catch(nameOf);
    await until(() => isBeginning);
    const paused = consumer.pause();
    gate.open();
    await paused;
    expect(await working).toBe("WaitingError");
    expect(begun).toEqual([]);
    expect(jobOf("job")).toMatchObject({ status: "queued", attempts: 0 });
  });
});

describe("a worker that has lost a job", () => {
  it("while it waited to have it alone leaves it to whom it was given", async () => {
    const gate = latch();
    const { begun, fake } = start(async () => {
      await gate.opened;
      return SUCCEEDED;
    });
    await Promise.all([fake.keep("other"), keepCrashed(fake, "stalled")]);
    const other = fake.worker.hand("other");
    await until(() => begun.length === 1);
    const stalled = fake.worker.hand("stalled", 1).catch((reason: Error) => reason.message);
    fake.worker.lose("stalled");
    // It hears of that when it would renew its lock.
    await until(() => fake.worker.renewed.includes("lock 2"));
    gate.open();
    await other;
    expect(await stalled).toContain("Somebody else");
    expect(begun).toEqual(["other"]);
    expect(fake.ledger.records.get("stalled")).toMatchObject({ claim: 1, version: 2 });
  });

  it("and lives has not ended in its course: the attempt is given back when the queue is there again", async () => {
    const { begun, fake, jobOf } = start((_, attempt) => left(attempt));
    await fake.keep("job");
    const working = fake.worker.hand("job").catch((reason: Error) => reason.message);
    await until(() => begun.length === 1);
    let refused = 0;
    fake.ledger.beforeReplace = async () => {
      if (++refused < 3) throw away();
    };
    fake.worker.lose("job");
    expect(await working).toContain("Somebody else");
    expect(jobOf("job")).toMatchObject({ status: "queued", attempts: 0 });
  });

  it("and lives has not ended in its course either where somebody else has begun it already", async () => {
    const { begun, fake, jobOf } = start((_, attempt) => left(attempt));
    await fake.keep("job");
    const working = fake.worker.hand("job").catch((reason: Error) => reason.message);
    await until(() => begun.length === 1);
    await fake.ledger.replace(begunRecord(fake.ledger.records.get("job")!, 1));
    expect(fake.ledger.records.get("job")).toMatchObject({ claim: 2, crashes: 1 });
    fake.worker.lose("job");
    expect(await working).toContain("Somebody else");
    expect(fake.ledger.records.get("job")).toMatchObject({ claim: 2, crashes: 0 });
    expect(jobOf("job")).toMatchObject({ status: "running", attempts: 1 });
  });

  it("changes nothing of what somebody else has done", async () => {
    const { begun, fake } = start((_, attempt) => left(attempt));
    await fake.keep("job");
    const working = fake.worker.hand("job").catch((reason: Error) => reason.message);
    await until(() => begun.length === 1);
    const other = begunRecord(fake.ledger.records.get("job")!, 1);
    const done = settled((await fake.ledger.replace(other))!, SUCCEEDED, 2);
    const kept = await fake.ledger.replace(done);
    fake.worker.lose("job");
    expect(await working).toContain("Somebody else");
    expect(fake.ledger.records.get("job")).toEqual(kept);
  });

  it("and is handed it again keeps its lock when the run of before has ended", async () => {
    const [first, second] = [latch(), latch()];
    const { begun, fake, jobOf } = start(async () => {
      // What is under way in the engine ends in its own time.
      await (begun.length === 1 ? first : second).opened;
      return begun.length === 1 ? { type: "returned" } : SUCCEEDED;
    });
    await fake.keep("job");
    const before = fake.worker.hand("job").catch((reason: Error) => reason.message);
    await until(() => begun.length === 1);
    const again = fake.worker.hand("job", 1);
    // The lock of before cannot be renewed, and that of now is.
    await until(() => fake.worker.renewed.includes("lock 1") && fake.worker.renewed.includes("lock 2"));
    expect(begun).toEqual(["job"]);
    first.open();
    expect(await before).toContain("Somebody else");
    await until(() => begun.length === 2);
    fake.worker.renewed.length = 0;
    await until(() => fake.worker.renewed.length >= 2);
    expect(new Set(fake.worker.renewed)).toEqual(new Set(["lock 2"]));
    second.open();
    expect(await again).toMatchObject({ duration: 1 });
    expect(jobOf("job")).toMatchObject({ status: "succeeded", attempts: 1 });
    expect(fake.ledger.records.get("job")).toMatchObject({ crashes: 0 });
  });
});

describe("a worker whose job the queue has taken from others", () => {
  it("has it beside others where its workers live", async () => {
    const gate = latch();
    const { begun, fake } = start(async () => {
      await gate.opened;
      return SUCCEEDED;
    });
    await Promise.all([fake.keep("other"), fake.keep("job")]);
    const working = [fake.worker.hand("other"), fake.worker.hand("job", 1)];
    await until(() => begun.length === 2);
    gate.open();
    await Promise.all(working);
  });
});

describe("a change that was made and not answered", () => {
  /** Has the change that leads to `status` made, and not answered. */
  function cutAt(fake: FakeBroker, status: string) {
    fake.ledger.afterChange = async ({ job }) => {
      if (job.status !== status) return;
      fake.ledger.afterChange = async () => {};
      throw away();
    };
  }

  it("has a job begun once", async () => {
    const { begun, changed, fake, jobOf } = start();
    await fake.keep("job");
    cutAt(fake, "running");
    await fake.worker.hand("job");
    expect(begun).toEqual(["job"]);
    expect(changed).toEqual(["running", "succeeded"]);
    expect(jobOf("job")).toMatchObject({ status: "succeeded", attempts: 1 });
    expect(fake.ledger.records.get("job")).toMatchObject({ claim: 1, crashes: 0 });
  });

  it.each([
    ["succeeded", SUCCEEDED, { duration: 1 }],
    ["failed", { type: "failed", error: { code: "INVALID_AUDIO", message: "" } }, /INVALID_AUDIO/],
    ["queued", { type: "again", error: { code: "STORAGE_FAILED", message: "" } }, /STORAGE_FAILED/],
    ["queued", { type: "returned" }, /back/],
  ] as [string, Outcome, object | RegExp][])(
    "has everybody hear that it has %s: %j",
    async (status, outcome, answer) => {
      const { changed, fake, jobOf } = start(async () => outcome);
      await fake.keep("job");
      cutAt(fake, status);
      const answered = await fake.worker
        .hand("job")
        .catch((error: Error) => `${error.name} ${error.message}`);
      if (answer instanceof RegExp)
        expect(`${answered} ${fake.worker.returned.length ? "back" : ""}`).toMatch(answer);
      else expect(answered).toMatchObject(answer);
      expect(changed).toEqual(["running", status]);
      expect(jobOf("job")).toMatchObject({ status });
      expect(fake.ledger.records.get("job")!.events.filter(({ type }) => type === status).length).toBe(
        status === "queued" ? 2 : 1,
      );
    },
  );

  it("is known again when others have gone on from there", async () => {
    const { changed, fake } = start();
    await fake.keep("job");
    fake.ledger.afterChange = async (record) => {
      if (record.job.status !== "succeeded") return;
      fake.ledger.afterChange = async () => {};
      await fake.ledger.replace({ ...record, deliverAt: 1 });
      throw away();
    };
    await fake.worker.hand("job");
    expect(changed).toEqual(["running", "succeeded"]);
    expect(fake.ledger.records.get("job")).toMatchObject({ deliverAt: 1 });
  });

  it("of a worker that is told to stop is looked after", async () => {
    const gate = latch();
    const { begun, consumer, fake, jobOf } = start(async () => {
      await gate.opened;
      return SUCCEEDED;
    });
    await fake.keep("job");
    const working = fake.worker.hand("job");
    await until(() => begun.length === 1);
    const paused = consumer.pause();
    cutAt(fake, "succeeded");
    gate.open();
    await paused;
    expect(await working).toMatchObject({ duration: 1 });
    expect(jobOf("job")).toMatchObject({ status: "succeeded" });
  });
});
