import { expect, test } from "vitest";
import { convertInWorker } from "../../../src/models/convert/in-worker.js";
import { inspectModel } from "../../../src/models/manage.js";
import { temporaryFolder } from "../../support/temporary-folder.js";

test("what was cancelled before it began does not begin", async () => {
  const signal = AbortSignal.abort();
  const folder = await temporaryFolder();
  const request = { type: "f16", folder, overwrite: false, signal, onProgress: () => {} };
  await expect(convertInWorker(folder, request)).rejects.toMatchObject({ code: "CANCELLED" });
  await expect(inspectModel("demo", { signal })).rejects.toMatchObject({ code: "CANCELLED" });
});

test("a model is inspected no further once that is cancelled", async () => {
  const controller = new AbortController();
  const inspected = inspectModel("demo", { signal: controller.signal });
  setImmediate(() => controller.abort());
  await expect(inspected).rejects.toMatchObject({ code: "CANCELLED" });
});
