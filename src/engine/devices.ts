import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { addonPath, backendDirectory, loadAddon, type NativeDevice } from "../addon/addon.js";
import { cudaDirectory, cudaLibraryFolders, cudaProblem, withCudaAdvice } from "../addon/cuda.js";
import { TranscriptionError } from "../errors.js";
import type { DeviceSelection } from "../types/choices.js";
import type { DeviceInfo } from "../types/engine.js";

/** What a GPU that hangs at start may take. */
const PROBE_TIMEOUT_MS = 60_000;

const PROBE_SCRIPT = `
const [addon, directory, cuda, ...folders] = process.argv.slice(1);
const { loadBackends } = require(addon);
loadBackends(directory, null, false).then(() => loadBackends(cuda, null, true, folders)).then(
  ({ devices }) => process.stdout.write(JSON.stringify(devices)),
  (error) => { process.stderr.write(error.message); process.exitCode = 1; });
`;

/** GPUs that really work, or why there are none. */
export type CudaProbe = { devices: NativeDevice[]; reason?: undefined } | { devices: []; reason: string };

let probe: Promise<CudaProbe> | undefined;

/**
 * Tries the CUDA backend in a process of its own, once: a driver that crashes or hangs must not take this one down.
 */
export function probeCuda(): Promise<CudaProbe> {
  probe ??= runProbe();
  return probe;
}

async function runProbe(): Promise<CudaProbe> {
  const problem = cudaProblem();
  if (problem !== undefined) return { devices: [], reason: problem };
  try {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["-e", PROBE_SCRIPT, addonPath(), backendDirectory(), cudaDirectory()!, ...cudaLibraryFolders()],
      {
        timeout: PROBE_TIMEOUT_MS,
        killSignal: "SIGKILL",
        // Electron's program is Node.js only where it is told so.
        env: { ...process.env, ELECTRON_RUN_AS_NODE: "1" },
      },
    );
    const devices = (JSON.parse(stdout) as NativeDevice[]).filter((device) => device.kind === "cuda");
    return devices.length > 0 ? { devices } : { devices: [], reason: "no GPU was found" };
  } catch (error) {
    const { stderr, signal } = error as { stderr?: string; signal?: string };
    return {
      devices: [],
      reason: stderr
        ? withCudaAdvice(stderr)
        : `the CUDA backend failed to start${signal ? ` (${signal})` : ""}`,
    };
  }
}

export interface BackendRequest {
  device: DeviceSelection;
  threads: number;
  /** Undefined: the best one. */
  cpuVariant?: string | undefined;
}

/**
 * Loads the backends that `request` needs and says what was chosen.
 * @throws TranscriptionError DEVICE_UNAVAILABLE
 */
export async function openDevice(request: BackendRequest): Promise<DeviceInfo> {
  const { device, threads, cpuVariant } = request;
  const addon = loadAddon();
  const cuda = device === "cpu" ? undefined : await probeCuda();
  if (device === "cuda" && cuda?.reason !== undefined) {
    throw new TranscriptionError("DEVICE_UNAVAILABLE", `Device "cuda" cannot be used: ${cuda.reason}`);
  }
  const gpu = cuda?.devices[0];
  try {
    const backends = await addon.loadBackends(backendDirectory(), cpuVariant ?? null, false);
    if (gpu) {
      // The CPU's is needed beside it, and may lie in another folder.
      await addon.loadBackends(cudaDirectory()!, cpuVariant ?? null, true, cudaLibraryFolders());
      return { kind: "cuda", name: gpu.description, threads };
    }
    const cpu = backends.devices.find((candidate) => candidate.kind === "cpu");
    const name = `${cpu?.description ?? "CPU"} (${backends.cpuVariant.name})`;
    // A build without CUDA is no news to anyone.
    const note = cudaDirectory() === undefined ? undefined : cuda?.reason;
    return { kind: "cpu", name, threads, ...(note !== undefined && { note: `not on a GPU: ${note}` }) };
  } catch (error) {
    throw TranscriptionError.from(error);
  }
}
