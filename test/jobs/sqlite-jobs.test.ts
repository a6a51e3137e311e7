import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { Submission } from "../../src/service/jobs/job.js";
import { SqliteJobs, type SqliteOptions } from "../../src/service/jobs/sqlite/sqlite-jobs.js";
import { temporaryFolder } from "../support/temporary-folder.js";

let jobs: SqliteJobs;

async function open(options: Partial<SqliteOptions> = {}): Promise<SqliteJobs> {
  const path = join(await temporaryFolder(), "jobs.db");
  const opened = new SqliteJobs({
    path,
    patience: 0,
    maxWaiting: Number.POSITIVE_INFINITY,
    full: "",
    maxAttempts: 2,
    ttl: 60,
    ...options,
  });
  onTestFinished(() => opened.close());
  return opened;
}

function add(id: string, others: Partial<Submission> = {}): void {
  jobs.add({
    id,
    createdAt: 0,
    priority: "bulk",
    recording: { id: "rec", isKept: true, filename: "", bytes: 1, sha256: undefined },
    request: { options: {} },
    answer: {},
    metadata: undefined,
    webhook: undefined,
    fingerprint: undefined,
    requestId: "",
    peer: "",
    ...others,
  });
}

const claimed = () => jobs.claim(1)?.job.id;
const summary = { duration: 1, language: "en", model: "fake", processing: 1 };

beforeEach(async () => {
  jobs = await open();
});

describe("a job in whose course the process has ended", () => {
  it("is begun the last time when those under way have ended, however many wait behind it", () => {
    add("crashed");
    expect(claimed()).toBe("crashed");
    jobs.recover(1);
    add("before", { priority: "interactive" });
    const before = jobs.claim(1)!;
    expect(before.job.id).toBe("before");
    add("behind");
    // It needs to be alone, and whoever came later does not overtake it.
    expect(claimed()).toBeUndefined();
    jobs.settle("before", before.claim, { type: "succeeded", summary }, 1);
    expect(claimed()).toBe("crashed");
    expect(claimed()).toBeUndefined();
  });

  it("is set aside after its last attempt, and says in how many of them that was", () => {
    add("unlucky");
    const { claim } = jobs.claim(1)!;
    jobs.settle("unlucky", claim, { type: "again", error: { code: "STORAGE_FAILED", message: "" } }, 1);
    expect(jobs.claim(10_000)?.job.attempts).toBe(2);
    expect(jobs.recover(10_000)).toMatchObject([
      {
        id: "unlucky",
        status: "failed",
        error: { code: "CRASHED", message: expect.stringContaining("1 of the 2") },
      },
    ]);
  });
});

describe("what has its time", () => {
  it("is told while that is to come, and not when it has passed: it waits for something else then", () => {
    add("again");
    const { claim } = jobs.claim(1000)!;
    const error = { code: "STORAGE_FAILED", message: "" };
    jobs.settle("again", claim, { type: "again", error }, 1000);
    expect(jobs.claim(5999)).toBeUndefined();
    expect(jobs.nextDue(5999)).toBe(6000);
    expect(jobs.nextDue(6000)).toBeUndefined();
    expect(jobs.claim(6000)?.job.id).toBe("again");

    add("told", { webhook: { url: "https://example.org/", secretId: "", resultUrl: "" } });
    jobs.cancel("told", 7000);
    expect(jobs.nextDelivery(6999)).toBe(7000);
    expect(jobs.nextDelivery(7000)).toBeUndefined();
    expect(jobs.due(7000, 10).map(({ jobId }) => jobId)).toEqual(["told"]);
  });
});
