import { TranscriptionError } from "../errors.js";
import type { DeviceInfo, Engine, EngineOptions } from "../types/engine.js";
import { openDevice } from "./devices.js";

/** What makes `device: "auto"` try the CPU instead of a GPU: it would do there. */
const CPU_INSTEAD: readonly string[] = ["OUT_OF_MEMORY", "DEVICE_UNAVAILABLE", "INVALID_ARGUMENT"];

/**
 * Loads a model on the device that `options` ask for. Where `"auto"` has found a GPU that cannot take it, on the CPU,
 * whose `note` says why.
 * @throws TranscriptionError DEVICE_UNAVAILABLE, and what `load` throws
 */
export async function loadOnDevice(
  options: EngineOptions,
  load: (device: DeviceInfo) => Promise<Engine>,
): Promise<Engine> {
  const tryOn = (device: DeviceInfo) =>
    load(device).catch((error) => {
      throw TranscriptionError.from(error);
    });
  const device = await openDevice(options);
  try {
    return await tryOn(device);
  } catch (error) {
    const { code, message } = error as TranscriptionError;
    if (options.device !== "auto" || device.kind === "cpu" || !CPU_INSTEAD.includes(code)) throw error;
    const cpu = await openDevice({ ...options, device: "cpu" });
    return tryOn({ ...cpu, note: `not on ${device.name}: ${message}` });
  }
}
