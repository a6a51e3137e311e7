import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { computeThreads, usableCores } from "../../../src/engine/cores.js";
import { createTranscriber } from "../../../src/index.js";
import { fake } from "../../support/fake-implementation.js";
import { temporaryFolder } from "../../support/temporary-folder.js";

const V2 = "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate";
const V1 = "33 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct";

/** A root folder with the kernel's files for this process. */
async function machine(files: Record<string, string>): Promise<string> {
  const root = await temporaryFolder();
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), `${text}\n`);
  }
  return root;
}

const group = (mounts: string, groups: string) => ({
  "proc/self/mountinfo": mounts,
  "proc/self/cgroup": groups,
});

describe("the quota of processor time", () => {
  test.each<[string, number | undefined, Record<string, string>]>([
    ["cpu.max", 2.5, { ...group(V2, "0::/"), "sys/fs/cgroup/cpu.max": "250000 100000" }],
    ["cpu.max without a limit", undefined, { ...group(V2, "0::/"), "sys/fs/cgroup/cpu.max": "max 100000" }],
    [
      "cpu.max of a group above",
      0.5,
      {
        ...group(V2, "0::/system.slice/agora.service"),
        "sys/fs/cgroup/system.slice/cpu.max": "50000 100000",
        "sys/fs/cgroup/system.slice/agora.service/cpu.max": "400000 100000",
      },
    ],
    [
      "cpu.max of its own group",
      4,
      {
        ...group(V2, "0::/system.slice/agora.service"),
        "sys/fs/cgroup/system.slice/cpu.max": "max 100000",
        "sys/fs/cgroup/system.slice/agora.service/cpu.max": "400000 100000",
      },
    ],
    [
      "version 1",
      3,
      {
        ...group(V1, "4:memory:/x\n2:cpu,cpuacct:/"),
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "300000",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
      },
    ],
    [
      "version 1 without a limit",
      undefined,
      {
        ...group(V1, "2:cpu,cpuacct:/"),
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
      },
    ],
    [
      "version 1 in a container that sees its outer name",
      1.5,
      {
        ...group(V1.replace(" / ", " /docker/abc "), "2:cpu,cpuacct:/docker/abc"),
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "150000",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
      },
    ],
    ["nothing", undefined, {}],
  ])("%s is %s cores", async (_, quota, files) => {
    const cores = usableCores(await machine(files));
    expect(cores.quota).toBe(quota);
    expect(cores.allowed).toBe(availableParallelism());
    expect(cores.usable).toBe(Math.max(1, Math.min(availableParallelism(), Math.round(quota ?? 1e9))));
  });
});

describe("compute threads", () => {
  const cores = (allowed: number, quota?: number) =>
    quota === undefined
      ? { allowed, usable: allowed }
      : { allowed, quota, usable: Math.max(1, Math.min(allowed, Math.round(quota))) };

  test.each([
    [undefined, cores(2), 2],
    [undefined, cores(64), 8],
    [undefined, cores(64, 3.5), 4],
    [undefined, cores(64, 0.1), 1],
    [1, cores(2), 1],
    [2, cores(2), 2],
    [48, cores(64), 48],
  ])("%s asked for with %j are %i, without a note", (asked, available, threads) => {
    expect(computeThreads(asked, available)).toEqual({ threads });
  });

  test("above the cores are lowered to them, and it is said", () => {
    expect(computeThreads(64, cores(2))).toEqual({
      threads: 2,
      note: "64 threads asked for, 2 used: this process may use 2 cores",
    });
    expect(computeThreads(4, cores(16, 1.25))).toEqual({
      threads: 1,
      note: "4 threads asked for, 1 used: a quota grants this process the time of 1.25 of its 16 cores",
    });
  });

  test("are lowered for whoever loads a model, and the transcriber says so", async () => {
    await using transcriber = await createTranscriber({ ...fake.options, threads: 256 });
    expect(fake.engineOptions[0]!.threads).toBe(usableCores().usable);
    expect(transcriber.info.device.threadsNote).toContain("256 threads asked for");
    await using modest = await createTranscriber({ ...fake.options, threads: 1 });
    expect(modest.info.device).not.toHaveProperty("threadsNote");
  });
});
