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
});
