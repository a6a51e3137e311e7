import { readdir, truncate } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Interruption } from "../../../src/cli/exit.js";
import { inOrder, roomFor, windowsOf } from "../../../src/cli/jobs.js";
import { FilesStatus } from "../../../src/cli/progress.js";
import { TranscriptionError } from "../../../src/errors.js";
import { Capture } from "../../support/capture.js";
import { answer, fakeApi, type Transcribe } from "../../support/fake-api.js";
import { folderWith } from "../../support/folder-with.js";
import { segment } from "../../support/results.js";
import { runInProcess } from "../../support/run-cli.js";

/** Transcriptions that end when they are told to, by the last letter of a file's base name. */
function held() {
  const waiting = new Map<string, { finish(): void; fail(error: Error): void }>();
  const started: string[] = [];
  let most = 0;
  const transcribe: Transcribe = (input, options) => {
    const name = String(input).replace(/^.*\/|\.wav$/g, "");
    started.push(name);
    return new Promise((resolve, reject) => {
      const done = (settle: () => void) => () => {
        waiting.delete(name);
        settle();
      };
      waiting.set(name, {
        finish: done(() => resolve(answer([segment(0, 1, `Text ${name}.`)], options))),
        fail: (error) => done(() => reject(error))(),
      });
      options?.signal?.addEventListener("abort", () =>
        reject(new TranscriptionError("CANCELLED", "Cancelled")),
      );
      most = Math.max(most, waiting.size);
    });
  };
  const api = (capacity?: number) => {
    const fake = fakeApi(transcribe);
    const { createTranscriber } = fake;
    fake.createTranscriber = async (options) => {
      const load = () => (capacity === undefined ? undefined : { running: 0, waiting: 0, capacity });
      return { ...(await createTranscriber(options)), load } as never;
    };
    return fake;
  };
  const until = (names: string) => expect.poll(() => [...waiting.keys()].sort().join("")).toBe(names);
  return { api, started, until, most: () => most, of: (name: string) => waiting.get(name)! };
}

describe("--jobs", () => {
  it("has so many files transcribed at once, and their texts in the order of the files", async () => {
    const folder = await folderWith("a.wav", "b.wav", "c.wav", "d.wav");
    const work = held();
    const stdout = new Capture();
    const running = runInProcess([join(folder, "*.wav"), "-j", "3", "-q"], { api: work.api(), stdout });
    await work.until("abc");
    work.of("c").finish();
    work.of("b").finish();
    await work.until("a");
    expect(stdout.text).toBe("");
    work.of("a").finish();
    await work.until("d");
    work.of("d").finish();
    expect(await running).toMatchObject({ code: 0, stdout: "Text a.\nText b.\nText c.\nText d.\n" });
    expect(work.most()).toBe(3);
  });

  it("lets one file fail in its place, and the others go on", async () => {
    const folder = await folderWith("a.wav", "b.wav", "c.wav");
    const work = held();
    const running = runInProcess([join(folder, "*.wav"), "--jobs", "3", "-q"], { api: work.api() });
    await work.until("abc");
    work.of("b").fail(new TranscriptionError("DECODE_FAILED", "The file is damaged"));
    work.of("c").finish();
    work.of("a").finish();
    const { code, stdout, stderr } = await running;
    expect({ code, stdout }).toEqual({ code: 1, stdout: "Text a.\nText c.\n" });
    expect(stderr).toMatch(/^\S*b\.wav: The file is damaged\n$/);
  });

  it("writes files as soon as each is done", async () => {
    const folder = await folderWith("a.wav", "b.wav");
    const work = held();
    const out = join(folder, "out");
    const running = runInProcess([join(folder, "*.wav"), "-j", "2", "-o", out], { api: work.api() });
    await work.until("ab");
    work.of("b").finish();
    await expect.poll(() => readdir(out)).toEqual(["b.txt"]);
    work.of("a").finish();
    expect((await running).code).toBe(0);
  });

  it("shows the first file as it is recognised, and the others in their turn", async () => {
    const folder = await folderWith("a.wav", "b.wav");
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const api = fakeApi(async (input, options) => {
      const name = String(input).endsWith("a.wav") ? "a" : "b";
      options?.onSegment?.(segment(0, 1, `First of ${name}.`));
      if (name === "a") await released;
      options?.onSegment?.(segment(1, 2, `Second of ${name}.`));
      return answer([]);
    });
    const stdout = new Capture({ isTTY: true });
    const running = runInProcess([join(folder, "*.wav"), "-q", "-j2"], { api, stdout });
    await expect.poll(() => stdout.text).toBe("First of a.\n");
    release();
    await running;
    expect(stdout.text).toBe("First of a.\nSecond of a.\nFirst of b.\nSecond of b.\n");
  });

  it("ends all of them when it is interrupted", async () => {
    const folder = await folderWith("a.wav", "b.wav", "c.wav");
    const work = held();
    const controller = new AbortController();
    const running = runInProcess([join(folder, "*.wav"), "-j", "2"], {
      api: work.api(),
      signal: controller.signal,
    });
    await work.until("ab");
    controller.abort(new Interruption("SIGINT", 130));
    expect(await running).toMatchObject({ code: 130, stdout: "" });
    expect(work.started).toEqual(["a", "b"]);
  });

  it.each(["0", "-1", "257"])("refuses %s", async (jobs) => {
    const { code, stderr, api } = await runInProcess(["x.wav", "--jobs", jobs]);
    expect({ code, created: api.created.length }).toEqual({ code: 2, created: 0 });
    expect(stderr).toContain("--jobs");
  });
});

describe("without --jobs", () => {
  it("as many short files run at once as fill a batch, and a long one runs alone", async () => {
    const folder = await folderWith("a.wav", "b.wav", "c.wav", "d.wav", "e.wav");
    await truncate(join(folder, "d.wav"), 50_000_000);
    const work = held();
    const running = runInProcess([join(folder, "*.wav"), "-q"], { api: work.api(3) });
    await work.until("abc");
    for (const name of ["a", "b", "c"]) work.of(name).finish();
    await work.until("d");
    work.of("d").finish();
    await work.until("e");
    work.of("e").finish();
    expect((await running).code).toBe(0);
  });

  it("one file after another runs with an engine that decodes one window after another", () => {
    expect(roomFor(undefined, undefined)).toEqual({ files: 1, windows: 1 });
    expect(roomFor(undefined, 1)).toEqual({ files: 1, windows: 1 });
  });

  it("what has no size is taken for long", async () => {
    expect(await windowsOf({ name: "stdin" })).toBe(Number.POSITIVE_INFINITY);
    expect(await windowsOf({ name: "gone", path: "/no/such/file" })).toBe(Number.POSITIVE_INFINITY);
  });
});

it("what throws ends what runs, and nothing else is begun", async () => {
  const begun: number[] = [];
  const room = { files: 2, windows: Number.POSITIVE_INFINITY };
  const work = inOrder(
    [0, 1, 2, 3],
    room,
    async () => 1,
    async (item, { signal }) => {
      begun.push(item);
      if (item === 1) throw new Error("One");
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      throw new Error("Later");
    },
  );
  await expect(work).rejects.toThrow("One");
  expect(begun).toEqual([0, 1]);
});

it("the status tells how far all files are while several run", () => {
  const status = new FilesStatus(4);
  status.begin(0, "a.wav");
  expect(status.render()).toBe("starting  [1/4] a.wav");
  status.begin(1, "b.wav");
  status.report(0, { processed: 5, total: 10, speedFactor: 4 });
  status.report(1, { processed: 10, total: 20, speedFactor: 6 });
  expect(status.render()).toMatch(/^ 25 % █+░+ {2}0 \/ 4 files {2}10× {2}a\.wav and 1 more$/);
  status.end(0);
  status.end(1);
  expect(status.render()).toBe("");
});
