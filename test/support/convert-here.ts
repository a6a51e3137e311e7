import { resolve } from "node:path";
import type { Conversion, ConvertModelOptions } from "../../src/index.js";
import { convertCheckpoint } from "../../src/models/convert/convert-checkpoint.js";

/** `convertModel` of a folder without its thread, which could not read TypeScript here. */
export function convertHere(
  folder: string,
  { out, type = "f16", overwrite = false, onProgress = () => {}, signal }: ConvertModelOptions,
): Promise<Conversion> {
  return convertCheckpoint(folder, { type, folder: resolve(out), overwrite, signal, onProgress });
}
