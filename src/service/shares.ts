import { statfsSync } from "node:fs";
import { tmpdir, totalmem } from "node:os";

const MIB = 1024 ** 2;
/** Share of the memory there is that calls may hold by default: models and their computation take the rest. */
const OF_MEMORY = 1 / 4;
const LEAST_MEMORY = 64 * MIB;
/** As much as twenty of the largest messages. */
const MOST_MEMORY = 4096 * MIB;
/** Share of the free space of the temporary folder that uploads may take by default. */
const OF_DISK = 0.8;
/** A disk that is full says so by itself, which is another matter than too many uploads. */
const LEAST_DISK = 64 * MIB;

/** Share of it that loaded models may take: the rest is for their work and for calls. */
const FOR_MODELS = 1 / 2;
const LEAST_FOR_MODELS = 256 * MIB;

/** Bytes that calls may hold in memory where no setting says so: of the machine, or of the control group's limit. */
export function memoryShare(total = totalmem(), limit = process.constrainedMemory()): number {
  return Math.floor(Math.min(Math.max(there(total, limit) * OF_MEMORY, LEAST_MEMORY), MOST_MEMORY));
}

/** Bytes that loaded models may take where no setting says so. */
export function modelsShare(total = totalmem(), limit = process.constrainedMemory()): number {
  return Math.floor(Math.max(there(total, limit) * FOR_MODELS, LEAST_FOR_MODELS));
}

function there(total: number, limit: number): number {
  return limit > 0 ? Math.min(limit, total) : total;
}

const shares = new Map<string, number>();

/** Bytes that uploads may take in the temporary folder where no setting says so; `Infinity` where nobody knows. */
export function diskShare(folder = tmpdir()): number {
  let share = shares.get(folder);
  if (share === undefined) {
    // Once: what is free later is less by what uploads took.
    share = Math.max(LEAST_DISK, Math.floor(freeBytes(folder) * OF_DISK));
    if (Number.isFinite(share)) shares.set(folder, share);
  }
  return share;
}

function freeBytes(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
