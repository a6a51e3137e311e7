import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";

/** More threads than this gain nothing: decoding waits for memory, not for arithmetic. */
const MOST_THREADS = 8;

/** What of the processor this process may use. */
export interface Cores {
  /** Cores that threads of this process may run on: its affinity, and the cpuset of its control group. */
  allowed: number;
  /** Processor time in cores that the quota of a control group grants, as containers have it; absent: no quota. */
  quota?: number;
  /**
   * Cores that are worth a thread: a quota to the nearest whole number, as less would leave time unused, and more would
   * have threads wait for those that are not let run. At least 1.
   */
  usable: number;
}

export function usableCores(root = "/"): Cores {
  const allowed = availableParallelism();
  const quota = cpuQuota(root);
  if (quota === undefined) return { allowed, usable: allowed };
  return { allowed, quota, usable: Math.max(1, Math.min(allowed, Math.round(quota))) };
}

/**
 * Compute threads: those asked for, though no more than there are cores – threads wait for each other after each step,
 * and one that has no core makes all wait for its turn. Without a number, a thread for each core, 8 at most.
 * @returns with a note where there are fewer than were asked for
 */
export function computeThreads(
  asked: number | undefined,
  cores = usableCores(),
): { threads: number; note?: string } {
  const { allowed, quota, usable } = cores;
  if (asked === undefined) return { threads: Math.min(usable, MOST_THREADS) };
  if (asked <= usable) return { threads: asked };
  const reason =
    quota !== undefined && usable < allowed
      ? `a quota grants this process the time of ${Number(quota.toFixed(2))} of its ${allowed} cores`
      : `this process may use ${allowed} ${allowed === 1 ? "core" : "cores"}`;
  return { threads: usable, note: `${asked} threads asked for, ${usable} used: ${reason}` };
}

/**
 * The lowest quota of this process's control group and those above it, in cores. Sources: the kernel's
 * Documentation/admin-guide/cgroup-v2.rst, “cpu.max”, and Documentation/scheduler/sched-bwc.rst for version 1.
 */
function cpuQuota(root: string): number | undefined {
  const mounts = lines(join(root, "proc/self/mountinfo")).map(parseMount);
  const quotas = lines(join(root, "proc/self/cgroup")).flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined) return [];
    const unified = controllers === "";
    if (!unified && !controllers.split(",").includes("cpu")) return [];
    const mount = mounts.find(({ type, options }) =>
      unified ? type === "cgroup2" : type === "cgroup" && options.split(",").includes("cpu"),
    );
    if (mount === undefined) return [];
    return groupsFrom(mount, path!).flatMap((folder) => {
      const quota = unified ? quotaV2(join(root, folder)) : quotaV1(join(root, folder));
      return quota === undefined ? [] : [quota];
    });
  });
  return quotas.length === 0 ? undefined : Math.min(...quotas);
}

interface Mount {
  /** The control group that the mount point shows. */
  group: string;
  point: string;
  type: string;
  options: string;
}

/** A line of proc_pid_mountinfo(5): `36 35 98:0 /group /point rw,noatime master:1 - cgroup cgroup rw,cpu`. */
function parseMount(line: string): Mount {
  const [before = "", after = ""] = line.split(" - ");
  const [, , , group = "", point = ""] = before.split(" ");
  const [type = "", , options = ""] = after.split(" ");
  return { group, point, type, options };
}

/** Folders of the group at `path` and of those above it, as far as the mount shows them. */
function groupsFrom({ group, point }: Mount, path: string): string[] {
  const below = relative(group, path);
  // A container may see the name that its group has outside, and its mount only the group itself.
  const names = below === "" || below.startsWith("..") ? [] : below.split("/");
  return [...names.keys(), names.length].map((count) => join(point, ...names.slice(0, count)));
}

function quotaV2(folder: string): number | undefined {
  const [quota, period] = (lines(join(folder, "cpu.max"))[0] ?? "").split(" ");
  return ratio(quota, period);
}

function quotaV1(folder: string): number | undefined {
  const [quota] = lines(join(folder, "cpu.cfs_quota_us"));
  const [period] = lines(join(folder, "cpu.cfs_period_us"));
  return ratio(quota, period);
}

/** Undefined for `max`, -1 and what is not there. */
function ratio(quota: string | undefined, period: string | undefined): number | undefined {
  const value = Number(quota) / Number(period);
  return value > 0 && Number.isFinite(value) ? value : undefined;
}

/** Lines of a file; none where it cannot be read. */
function lines(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n").filter(Boolean);
  } catch {
    return [];
  }
}
