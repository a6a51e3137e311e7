/** Peak memory of a process that decodes a full batch. */
import { execFileSync } from "node:child_process";
import path from "node:path";
import { COMPUTE_TYPES, fileBytes, type MeasuredModel, root, transcriberOptions } from "./models.js";
import { fixedTokens } from "./requests.js";
import type { Met, Settings } from "./row.js";

/** Bytes that a process may take beside its model. */
const ALLOWANCE = 1e9;
/** Times the model file, beside the allowance: the limits. */
const TARGET = 1.5;
const AT_LEAST = 2;

export interface MemoryRow {
  what: string;
  /** Bytes, by compute type; `limits` of the peak. */
  ours: Record<string, { peak: number; file: number; limits: { target: number; atLeast: number } }>;
  /** By the compute type that is worst off. */
  met: Met;
}

/** The built package, once for each compute type: peaks do not depend on how busy the machine is. */
export function measureMemory(model: MeasuredModel, { threads, quick }: Settings): MemoryRow {
  const program = path.join(root, "bench", "speed", "memory-run.mjs");
  const request = JSON.stringify(fixedTokens(quick ? 2 : 20));
  const sizes = fileBytes(model);
  const ours: MemoryRow["ours"] = {};
  for (const type of COMPUTE_TYPES) {
    const { name, file } = type;
    const weights = model.files[file];
    if (!weights) continue;
    const options = JSON.stringify({ ...transcriberOptions(type), model: weights, threads });
    const output = execFileSync(process.execPath, [program, options, request], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    const { peak } = JSON.parse(output) as { peak: number };
    const bytes = sizes[file]!;
    const limits = { target: TARGET * bytes + ALLOWANCE, atLeast: AT_LEAST * bytes + ALLOWANCE };
    ours[name] = { peak, file: bytes, limits };
  }
  const within = (limit: "target" | "atLeast") =>
    Object.values(ours).every(({ peak, limits }) => peak <= limits[limit]);
  const met = within("target") ? "target" : within("atLeast") ? "at least" : "no";
  return { what: `peak memory, random ${model.name}, batch 16`, ours, met };
}
