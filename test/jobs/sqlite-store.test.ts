import { join } from "node:path";
import { expect, it } from "vitest";
import { SqliteStore } from "../../src/service/jobs/sqlite/sqlite-store.js";
import { submissionOf } from "../support/fake-broker.js";
import { temporaryFolder } from "../support/temporary-folder.js";

it("a job that was handed out while the server was told to stop waits for its next start", async () => {
  const options = {
    path: join(await temporaryFolder(), "jobs.db"),
    patience: 0,
    maxWaiting: 10,
    full: "",
    maxAttempts: 2,
    ttl: 60,
  };
  const first = await SqliteStore.open(options, () => {});
  await first.store.add(submissionOf("job"));
  let begun = 0;
  first.store.consume({
    concurrency: 1,
    run: async () => {
      begun++;
      return { type: "failed", error: { code: "CANCELLED", message: "The model was closed" } };
    },
  });
  // The thread has not answered yet which job is the next.
  await first.store.close();
  expect(begun).toBe(0);
  const second = await SqliteStore.open(options, () => {});
  expect(await second.store.get("job")).toMatchObject({ status: "queued", attempts: 0 });
  await second.store.close();
});
