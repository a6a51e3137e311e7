import { describe, expect, it } from "vitest";
import { Consumer } from "../../src/service/jobs/broker/consumer.js";
import { begun as begunRecord } from "../../src/service/jobs/broker/record.js";
import type { Attempt, Outcome } from "../../src/service/jobs/store.js";
import { away, FakeBroker } from "../support/fake-broker.js";
import { until } from "../support/server.js";
import { latch } from "../support/transcribe-fake.js";

const SUCCEEDED: Outcome = {
  type: "succeeded",
  summary: { duration: 1, language: "en", model: "fake", processing: 1 },
};

/** A worker of a queue that does what a test says. */
function start(run: (id: string, attempt: Attempt) => Promise<Outcome> = async () => SUCCEEDED) {
  const fake = new FakeBroker();
  const begun: string[] = [];
  const consumer = new Consumer({
    broker: fake.broker,
    worker: {
      concurrency: 2,
      run: (job, attempt) => {
        begun.push(job.id);
        return run(job.id, attempt);
      },
    },
    lock: 5,
    maxCrashes: 1,
    onChange: () => {},
    onTrouble: () => {},
  });
  return { fake, consumer, begun, jobOf: (id: string) => fake.ledger.records.get(id)!.job };
}

/** Leaves when it is told to. */
async function left({ signal }: Attempt): Promise<Outcome> {
  await until(() => signal.aborted);
  return { type: "returned" };
}

const nameOf = (reason: Error) => reason.name;

describe("a worker that is told to stop", () => {
  it("gives back a job that waited for others to end, for it would be alone", async () => {
    const gate = latch();
    const { begun, consumer, fake, jobOf } = start(async () => {
      await gate.opened;
      return SUCCEEDED;
    });
    await Promise.all([fake.keep("other"), fake.keep("stalled")]);
    const other = fake.worker.hand("other");
    await until(() => begun.length === 1);
    const stalled = fake.worker.hand("stalled", 1).catch(nameOf);
    const paused = consumer.pause();
    gate.open();
    await Promise.all([other, paused]);
    expect(await stalled).toBe("WaitingError");
    expect(begun).toEqual(["other"]);
    expect(fake.worker.returned).toEqual(["stalled"]);
    expect(jobOf("stalled")).toMatchObject({ status: "queued", attempts: 0 });
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
    await Promise.all([fake.keep("other"), fake.keep("stalled")]);
    const other = fake.worker.hand("other");
    await until(() => begun.length === 1);
    const stalled = fake.worker.hand("stalled", 1).catch((reason: Error) => reason.message);
    fake.worker.lose("stalled");
    gate.open();
    await other;
    expect(await stalled).toContain("Somebody else");
    expect(begun).toEqual(["other"]);
    expect(fake.ledger.records.get("stalled")).toMatchObject({ claim: 0, version: 1 });
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

  it("changes nothing of what somebody else has begun", async () => {
    const { begun, fake, jobOf } = start((_, attempt) => left(attempt));
    await fake.keep("job");
    const working = fake.worker.hand("job").catch((reason: Error) => reason.message);
    await until(() => begun.length === 1);
    const other = begunRecord(fake.ledger.records.get("job")!, 1);
    await fake.ledger.replace(other);
    fake.worker.lose("job");
    expect(await working).toContain("Somebody else");
    expect(fake.ledger.records.get("job")).toMatchObject({ claim: 2, version: other.version + 1 });
    expect(jobOf("job")).toMatchObject({ status: "running", attempts: 2 });
  });
});
