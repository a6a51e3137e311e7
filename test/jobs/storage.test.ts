import { closeSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { acceptedJob, get, jobWhen, postJob, startJobs } from "../support/jobs.js";
import { until } from "../support/server.js";
import { canMount, SMALL_DISK, smallDisk } from "../support/small-disk.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { latch } from "../support/transcribe-fake.js";

const folderOfJobs = async () => join(await temporaryFolder(), "jobs");
const starting = (jobsFolder: string) => startJobs({ settings: { jobsFolder } });

describe("a folder of jobs that cannot be used", () => {
  it.each([
    ["is no database", "no database at all, but a text".repeat(1000)],
    ["has a beginning that is damaged", "SQLite format 3\0 and then something else".repeat(1000)],
  ])("since its file %s keeps the server from starting, and is left alone", async (_, text) => {
    const folder = await folderOfJobs();
    mkdirSync(folder);
    writeFileSync(join(folder, "jobs.db"), text);
    await expect(starting(folder)).rejects.toMatchObject({
      name: "TranscriptionError",
      code: "STORAGE_FAILED",
      message: expect.stringMatching(/jobs\.db is damaged: restore it, or move it away/),
    });
    expect(readFileSync(join(folder, "jobs.db"), "utf8")).toBe(text);
  });

  it("since pages of its file are damaged is told by what needs them", async () => {
    const folder = await folderOfJobs();
    const first = await starting(folder);
    for (let i = 0; i < 20; i++)
      await acceptedJob(first.url, { metadata: JSON.stringify({ a: "x".repeat(8000) }) });
    await first.server.stop();
    const path = join(folder, "jobs.db");
    const { size } = statSync(path);
    const file = openSync(path, "r+");
    // All but the first page, which says what there is.
    writeSync(file, Buffer.alloc(size - 4096, 0x5a), 0, size - 4096, 4096);
    closeSync(file);
    await expect(starting(folder)).rejects.toMatchObject({
      code: "STORAGE_FAILED",
      message: expect.stringContaining("damaged"),
    });
  });

  it("since it is a file, or of a newer server, is told", async () => {
    const folder = await folderOfJobs();
    writeFileSync(folder, "");
    await expect(starting(folder)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    const other = await folderOfJobs();
    const { server } = await starting(other);
    await server.stop();
    const { default: Database } = await import("libsql");
    const database = new Database(join(other, "jobs.db"));
    database.exec("PRAGMA user_version = 99");
    database.close();
    await expect(starting(other)).rejects.toMatchObject({
      code: "STORAGE_FAILED",
      message: expect.stringContaining("newer version"),
    });
  });
});

describe.skipIf(!canMount)("a full disk of jobs (needs the right to mount a tmpfs)", () => {
  it("is told to those who ask for more, loses nothing that was accepted, and is forgotten", async () => {
    const disk = smallDisk();
    const folder = join(disk, "jobs");
    const gate = latch();
    const { url } = await startJobs({ gate: () => gate.opened, settings: { jobsFolder: folder } });
    const id = await acceptedJob(url, { response_format: "text" });
    await jobWhen(url, id, "running");
    const ballast = join(disk, "ballast");
    await writeFile(ballast, Buffer.alloc(SMALL_DISK)).catch(() => {});
    const refused = await postJob(url);
    expect(refused).toMatchObject({ status: 503, json: { error: { code: "STORAGE_FAILED" } } });
    // Whatever cannot be written now is written when there is room: the work is not done again.
    gate.open();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await rm(ballast);
    expect(await jobWhen(url, id, "succeeded")).toMatchObject({ attempts: 1 });
    expect((await get(url, `/v1/jobs/${id}/result`)).text).toBe("1\n");
    await until(async () => (await postJob(url)).status === 202);
  });
});
