import { existsSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { addonPath, loadAddon } from "../addon/addon.js";
import { findFfmpeg } from "../audio/ffmpeg.js";
import { tryDecoder } from "../audio/try-decoder.js";
import { cacheDirectory } from "../models/cache.js";
import { defaultModelName } from "../models/environment.js";
import { listModels } from "../models/manage.js";
import type { DiarizationEngine } from "../types/speakers.js";
import { VERSION } from "../version.js";
import { usableCores } from "./cores.js";
import { probeCuda } from "./devices.js";
import { diarizationEngines } from "./loading.js";

/** What this machine offers and what would be used of it: the content of `agora-transcribe doctor`. */
export interface SystemInfo {
  /** Of this package. */
  version: string;
  /** Version of Node.js. */
  node: string;
  /** As `process.platform`: `"linux"`. */
  platform: string;
  /** As `process.arch`: `"x64"`. */
  arch: string;
  /** The processor, and how much of it this process may use. */
  cpu: {
    /** Its name. */
    model: string;
    /** Cores of the machine. */
    cores: number;
    /** Cores that this process may use, and as many threads at most: its affinity and cpuset, and its quota. */
    available: number;
    /** Processor time in cores that a quota grants this process, as containers have it; absent: no quota. */
    quota?: number;
  };
  /** The native addon; `error` says why it is not loaded. */
  addon: { path?: string; error?: string };
  /** CPU backends beside the addon, best first. */
  variants: { name: string; path: string; supported: boolean; score: number; chosen: boolean }[];
  /** What can compute; `reason` says why one cannot be used. */
  devices: {
    kind: "cpu" | "cuda";
    name: string;
    /** Bytes. */
    memoryTotal?: number;
    memoryFree?: number;
    usable: boolean;
    reason?: string;
  }[];
  /** The decoder of all that is not plain WAV; `error` says why it cannot be used. */
  ffmpeg: { path?: string; version?: string; error?: string };
  /** Folder of downloaded and converted models, and what is in it; sizes in bytes. */
  cache: { directory: string; models: { name: string; bytes: number }[] };
  /** What is used where no model is named, and whether it is here. */
  defaultModel: { name: string; available: boolean };
  /** Engines that tell speakers of one channel apart here without a download. */
  diarization: DiarizationEngine[];
}

/** Looks at this machine. Never throws: what is broken is described in the result. */
export async function getSystemInfo(): Promise<SystemInfo> {
  const cpus = os.cpus();
  const model = cpus[0]?.model.trim() ?? "unknown";
  const [native, ffmpeg, models, diarization] = await Promise.all([
    describeNative(model),
    describeDecoder(),
    listModels().catch(() => []),
    diarizationEngines().catch(() => []),
  ]);
  const defaultModel = defaultModelName();
  const cores = usableCores();
  return {
    version: VERSION,
    node: process.versions.node,
    platform: process.platform,
    arch: process.arch,
    cpu: {
      model,
      cores: cpus.length,
      available: cores.usable,
      ...(cores.quota !== undefined && { quota: cores.quota }),
    },
    ...native,
    ffmpeg,
    cache: {
      directory: cacheDirectory(),
      models: models
        .filter((entry) => entry.state === "cached" || entry.state === "unknown")
        .map((entry) => ({ name: entry.name, bytes: entry.bytesOnDisk })),
    },
    defaultModel: {
      name: defaultModel,
      available:
        models.some(({ isDefault, path }) => isDefault && path !== undefined) || existsSync(defaultModel),
    },
    diarization,
  };
}

/** What decodes, and, where it is found but cannot do it here, why. */
async function describeDecoder(): Promise<SystemInfo["ffmpeg"]> {
  let found: SystemInfo["ffmpeg"] = {};
  try {
    found = { ...(await findFfmpeg()) };
    await tryDecoder();
    return found;
  } catch (error) {
    return { ...found, error: (error as Error).message };
  }
}

async function describeNative(cpu: string): Promise<Pick<SystemInfo, "addon" | "variants" | "devices">> {
  try {
    const file = addonPath();
    const found = await loadAddon().cpuVariants(path.dirname(file));
    const variants = found.map(({ name, path: library, score }, i) => ({
      name,
      path: library,
      score,
      supported: score > 0,
      chosen: i === 0 && score > 0,
    }));
    const usable = variants.some((variant) => variant.chosen);
    const processor = {
      kind: "cpu" as const,
      name: cpu,
      memoryTotal: os.totalmem(),
      memoryFree: os.freemem(),
      usable,
      ...(usable ? {} : { reason: "none of the CPU variants beside the addon fits this processor" }),
    };
    return { addon: { path: file }, variants, devices: [processor, ...(await describeGpus())] };
  } catch (error) {
    return { addon: { error: (error as Error).message }, variants: [], devices: [] };
  }
}

async function describeGpus(): Promise<SystemInfo["devices"]> {
  const { devices, reason } = await probeCuda();
  if (reason !== undefined) return [{ kind: "cuda", name: "CUDA", usable: false, reason }];
  return devices.map((device) => ({
    kind: "cuda" as const,
    name: device.description,
    memoryTotal: device.memoryTotal,
    memoryFree: device.memoryFree,
    usable: true,
  }));
}
