import { existsSync, readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { acceptedJob, get, jobWhen, startJobs } from "../support/jobs.js";
import { until } from "../support/server.js";
import { latch } from "../support/transcribe-fake.js";

/** A server with a job that has succeeded, whose text is "1". */
async function withResult(settings = {}) {
  const server = await startJobs({ settings });
  const id = await acceptedJob(server.url);
  await jobWhen(server.url, id, "succeeded");
  return { ...server, id, path: `/v1/jobs/${id}/corrections` };
}

const put = (url: string, path: string, corrections: unknown, ifMatch?: string) =>
  get(url, path, {
    method: "PUT",
    body: JSON.stringify({ corrections }),
    headers: { "content-type": "application/json", ...(ifMatch !== undefined && { "if-match": ifMatch }) },
  });
const NAMED = [
  { op: "text", segment: 0, text: "one" },
  { op: "name", speaker: "SPEAKER_00", name: "Anna" },
];

describe("what was put right about a job's result", () => {
  it("is kept beside it, and goes into every format where that is asked for", async () => {
    const { id, path, url } = await withResult();
    const none = await get(url, path);
    expect(none).toMatchObject({ status: 200, json: { corrections: [] } });
    const kept = await put(url, path, NAMED, none.headers.get("etag")!);
    expect(kept).toMatchObject({ status: 200, json: { corrections: NAMED } });
    const again = await get(url, path);
    expect([again.json, again.headers.get("etag")]).toEqual([kept.json, kept.headers.get("etag")]);
    const result = async (query: string) => (await get(url, `/v1/jobs/${id}/result?${query}`)).text;
    expect(await result("format=txt")).toBe("1\n");
    expect(await result("format=txt&corrected=false")).toBe("1\n");
    expect(await result("format=txt&corrected=true")).toBe("Anna: one\n");
    for (const format of [
      "srt",
      "vtt",
      "csv",
      "tsv",
      "verbose_json",
      "full_json",
      "diarized_json",
      "whisperx",
    ])
      expect(await result(`format=${format}&corrected=true`), format).toContain("one");
  });

  it("is not lost to somebody who has not seen it", async () => {
    const { path, url } = await withResult();
    const seen = (await get(url, path)).headers.get("etag")!;
    const answers = await Promise.all(
      ["two", "three", "four"].map((text) => put(url, path, [{ op: "text", segment: 0, text }], seen)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412]);
    const first = answers.find(({ status }) => status === 200)!;
    expect((await get(url, path)).json).toEqual(first.json);
    const refused = answers.find(({ status }) => status === 412)!;
    expect(refused.json.error.code).toBe("CORRECTIONS_CHANGED");
    expect(await put(url, path, [])).toMatchObject({
      status: 428,
      json: { error: { code: "PRECONDITION_REQUIRED", param: "If-Match" } },
    });
    expect((await put(url, path, [], "W/a")).status).toBe(400);
    const weak = `W/${first.headers.get("etag")}`;
    expect(await put(url, path, NAMED, weak)).toMatchObject({ status: 200, json: { corrections: NAMED } });
    expect((await put(url, path, [], "*")).json).toEqual({ corrections: [] });
  });

  it.each([
    [[{ op: "text", segment: 7, text: "a" }], "corrections[0].segment"],
    [[...NAMED, { op: "role", speaker: "SPEAKER_00", role: "boss" }], "corrections[2].role"],
    [[{ op: "erase" }], "corrections[0].op"],
    [[{ op: "text", segment: null, text: null }], "corrections[0].segment"],
    [[{ op: "text", segment: "0", text: "a" }], "corrections[0].segment"],
    [[{ op: "text", segment: 0, text: null }], "corrections[0].text"],
    [[{ op: "name", speaker: "SPEAKER_00", name: 7 }], "corrections[0].name"],
    [[{ op: "text", segment: 0, text: "a", by: "me" }], "corrections[0].by"],
    [[null], "corrections[0]"],
    ["nothing", "corrections[0]"],
  ])("is refused where it is about nothing that there is: %j", async (corrections, param) => {
    const { path, url } = await withResult();
    const { json, status } = await put(url, path, corrections, "*");
    expect({ status, param: json.error.param }).toEqual({ status: 400, param });
    expect((await get(url, path)).json).toEqual({ corrections: [] });
  });

  it("needs a result, and a job", async () => {
    const gate = latch();
    const { url } = await startJobs({ gate: () => gate.opened });
    const id = await acceptedJob(url);
    expect((await put(url, `/v1/jobs/${id}/corrections`, [], "*")).status).toBe(409);
    gate.open();
    const missing = `/v1/jobs/job_${"a".repeat(22)}/corrections`;
    expect((await get(url, missing)).status).toBe(404);
    expect((await put(url, missing, [], "*")).status).toBe(404);
  });

  it("is not taken for nothing where its file is damaged", async () => {
    const { folder, id, path, url } = await withResult();
    await put(url, path, NAMED, "*");
    await writeFile(join(folder, "corrections", `${id}.json`), '[{"op":');
    for (const answer of [await get(url, path), await get(url, `/v1/jobs/${id}/result?corrected=true`)])
      expect(answer).toMatchObject({ status: 503, json: { error: { code: "STORAGE_FAILED" } } });
    expect((await get(url, `/v1/jobs/${id}/result?format=txt`)).text).toBe("1\n");
  });

  it("outlasts the server, and goes with the job", async () => {
    const first = await withResult();
    await put(first.url, first.path, NAMED, "*");
    await first.server.stop();
    const second = await startJobs({ settings: { jobsFolder: first.folder } });
    expect((await get(second.url, first.path)).json).toEqual({ corrections: NAMED });
    await second.server.stop();
    const files = join(first.folder, "corrections");
    expect(readdirSync(files)).toEqual([`${first.id}.json`]);
    const third = await startJobs({ settings: { jobsFolder: first.folder, jobsTtl: 5 } });
    const id = await acceptedJob(third.url);
    await jobWhen(third.url, id, "succeeded");
    expect((await put(third.url, `/v1/jobs/${id}/corrections`, NAMED, "*")).status).toBe(200);
    await until(() => !existsSync(join(files, `${id}.json`)));
  });
});
