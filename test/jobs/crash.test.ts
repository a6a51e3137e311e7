import { readdirSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { type RunningChild, startCli } from "../support/cli.js";
import { acceptedJob, get, jobOf, jobWhen } from "../support/jobs.js";
import { SOME_FILE, until } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";

const SCRIPT = fileURLToPath(new URL("../support/fake-server-process.ts", import.meta.url));

interface Process {
  url: string;
  child: RunningChild;
  /** As though its memory had run out. */
  kill(): Promise<void>;
}

/** A server in a process of its own, whose jobs are in `folder` and wait for the file `gate`. */
async function startProcess(
  folder: string,
  gate: string,
  settings: Record<string, string> = {},
): Promise<Process> {
  const child = startCli(["serve", "--implementation", "fake", "--no-grpc"], {
    script: SCRIPT,
    cwd: folder,
    env: {
      MODEL_NAME: SOME_FILE,
      MODEL_VAD: "off",
      AGORA_CACHE_DIR: folder,
      HTTP_PORT: "0",
      JOBS_DIR: join(folder, "jobs"),
      FAKE_GATE: gate,
      ...settings,
    },
  });
  const kill = async () => {
    child.child.kill("SIGKILL");
    await child.ended;
  };
  onTestFinished(kill);
  await child.stderrHas("Serving with");
  const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(child.stderr())!;
  return { url, child, kill };
}

it("a job whose server is killed in its course, twice, is done in the end, once, and what had ended stays", async () => {
  const folder = await temporaryFolder();
  const gate = join(folder, "gate");
  await writeFile(gate, "");
  const one = { JOBS_MAX_RUNNING: "1" };
  let server = await startProcess(folder, gate, one);
  const before = await acceptedJob(server.url, { response_format: "text" });
  await jobWhen(server.url, before, "succeeded");
  const expiry = (await jobOf(server.url, before)).expires_at;
  await rm(gate);
  const id = await acceptedJob(server.url, { response_format: "text", metadata: '{"a":1}' });
  const waiting = await acceptedJob(server.url);
  await until(() => server.child.stderr().split("working").length === 3);
  expect(await jobOf(server.url, id)).toMatchObject({ status: "running", attempts: 1 });
  await server.kill();

  server = await startProcess(folder, gate, one);
  await server.child.stderrHas("working");
  expect(await jobOf(server.url, id)).toMatchObject({ status: "running", attempts: 2, metadata: { a: 1 } });
  expect(await jobOf(server.url, waiting)).toMatchObject({ status: "queued", attempts: 0 });
  await server.kill();

  await writeFile(gate, "");
  server = await startProcess(folder, gate);
  expect(await jobWhen(server.url, id, "succeeded")).toMatchObject({ attempts: 3 });
  expect(await jobWhen(server.url, waiting, "succeeded")).toMatchObject({ attempts: 1 });
  expect((await get(server.url, `/v1/jobs/${id}/result`)).text).toBe("done\n");
  expect((await get(server.url, `/v1/jobs/${before}/result`)).text).toBe("done\n");
  expect((await jobOf(server.url, before)).expires_at).toBe(expiry);
  const { text } = await get(server.url, `/v1/jobs/${id}/events`);
  expect(text.match(/"type":"job.running"/g)).toHaveLength(3);
  expect(text.match(/"type":"job.succeeded"/g)).toHaveLength(1);
  await until(() => readdirSync(join(folder, "jobs", "recordings")).length === 0);
});

it("a job in whose course the server ends each time is set aside with its recording, and the others are done", async () => {
  const folder = await temporaryFolder();
  const [open, closed] = [join(folder, "open"), join(folder, "closed")];
  await writeFile(open, "");
  const attempts = { JOBS_MAX_ATTEMPTS: "2" };
  let server = await startProcess(folder, closed, attempts);
  // Both are under way when it ends the first time.
  const poison = await acceptedJob(server.url);
  const innocent = await acceptedJob(server.url);
  await jobWhen(server.url, innocent, "running");
  await jobWhen(server.url, poison, "running");
  await server.kill();
  server = await startProcess(folder, closed, attempts);
  await server.child.stderrHas("working");
  expect(await jobOf(server.url, poison)).toMatchObject({ status: "running", attempts: 2 });
  // It is alone: the other one loses no attempt by it.
  expect(await jobOf(server.url, innocent)).toMatchObject({ status: "queued", attempts: 1 });
  await server.kill();
  server = await startProcess(folder, open, attempts);
  expect(await jobOf(server.url, poison)).toMatchObject({
    status: "failed",
    error: { code: "CRASHED", message: expect.stringContaining("2 of the 2 attempts") },
  });
  expect(await jobWhen(server.url, innocent, "succeeded")).toMatchObject({ attempts: 2 });
  expect(server.child.stderr()).toMatch(new RegExp(`${poison}.*set aside; its recording is kept as rec_`));
  await until(() => readdirSync(join(folder, "jobs", "recordings")).length === 1);
  expect((await get(server.url, "/metrics")).text).toMatch(/^agora_jobs_crashed_total 1$/m);
  // It is not tried again by itself.
  await server.kill();
  server = await startProcess(folder, open, attempts);
  expect(await jobOf(server.url, poison)).toMatchObject({ status: "failed" });
  expect(readdirSync(join(folder, "jobs", "recordings"))).toHaveLength(1);
});

it("what a server that was killed has left in the temporary folder is deleted by the next, and nothing that is in use", async () => {
  const temporary = await temporaryFolder();
  const [first, second] = [await temporaryFolder(), await temporaryFolder()];
  const open = join(first, "open");
  await writeFile(open, "");
  const settings = { JOBS_DIR: "", TMPDIR: temporary };
  const folders = () => readdirSync(temporary).filter((name) => name.startsWith("agora-jobs-"));
  const killed = await startProcess(first, open, settings);
  await jobWhen(killed.url, await acceptedJob(killed.url), "succeeded");
  const living = await startProcess(second, open, settings);
  const kept = await acceptedJob(living.url, { response_format: "text" });
  await jobWhen(living.url, kept, "succeeded");
  const both = folders();
  expect(both).toHaveLength(2);
  await killed.kill();
  const third = await startProcess(first, open, settings);
  await acceptedJob(third.url);
  expect(folders()).toHaveLength(2);
  expect(folders().filter((name) => both.includes(name))).toHaveLength(1);
  expect((await get(living.url, `/v1/jobs/${kept}/result`)).text).toBe("done\n");
});
