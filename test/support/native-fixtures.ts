/**
 * Writes what the tests of native/engine need and cannot make themselves: converted checkpoints of Borealis with
 * reference outputs, one folder each. Run by scripts/test-native.mjs with the folder to write to.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeRandomNemotron } from "../../bench/support/random-nemotron.js";
import { convertModel } from "../../src/models/convert/convert.js";
import { runnableModel } from "./borealis-runnable.js";
import { sharedTiny } from "./borealis-tiny.js";
import { BytePairTokenizer } from "./byte-pair.js";
import { sharedPath } from "./shared-path.js";
import { TRICKY_TEXTS } from "./tricky-texts.js";

const TYPES = ["f32", "f16", "q8_0", "q4_0"];

/** What a model has to make of one recording. */
export interface ReferenceClip {
  samples: Float32Array;
  /** [bands][3000], [1500][width], [375][rows] */
  mel: Float32Array;
  encoded: Float32Array;
  adapted: Float32Array;
  /** Most probable tokens of the first step. */
  top: readonly number[];
  greedy: readonly number[];
  /** Of each step, the greatest logit less the second. */
  margins: readonly number[];
}

export interface ReferenceModel {
  checkpoint: string;
  prompt: readonly number[];
  clips: readonly ReferenceClip[];
}

async function write(folder: string, { checkpoint, prompt, clips }: ReferenceModel): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const type of TYPES) {
    const { files } = await convertModel(checkpoint, { out: folder, type, overwrite: true });
    for (const { role, path } of files) await rename(path, join(folder, `${role}-${type}.gguf`));
  }
  const floats = (name: string, values: Float32Array) =>
    writeFileSync(join(folder, name), new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  const numbers = (name: string, values: readonly number[]) =>
    writeFileSync(join(folder, name), `${values.join(" ")}\n`);
  numbers("prompt", prompt);
  const tokenizer = new BytePairTokenizer(
    JSON.parse(readFileSync(join(checkpoint, "tokenizer.json"), "utf8")),
  );
  // llama.cpp does not normalise text, src/engine/borealis.ts does.
  const texts = TRICKY_TEXTS.map((text) => text.normalize("NFC"));
  writeFileSync(
    join(folder, "texts"),
    texts.map((text) => `${Buffer.from(text).toString("hex")}\n`).join(""),
  );
  writeFileSync(
    join(folder, "text-ids"),
    texts.map((text) => `${tokenizer.encode(text).join(" ")}\n`).join(""),
  );
  for (const [i, clip] of clips.entries()) {
    for (const name of ["samples", "mel", "encoded", "adapted"] as const) floats(`${name}.${i}`, clip[name]);
    for (const name of ["top", "greedy", "margins"] as const) numbers(`${name}.${i}`, clip[name]);
  }
}

/** Small models of Nemotron-3-Diarization's kind, which know nothing. */
async function writeNemotron(folder: string): Promise<void> {
  const source = join(folder, "random");
  writeRandomNemotron(source, { hiddenSize: 64, intermediateSize: 64, layers: 1, headSize: 32 });
  for (const type of ["q8_0", "f32"]) await convertModel(source, { out: folder, type, overwrite: true });
}

/** Diarization models of the parts beside the repository, one for each speaker encoder, and where the references are. */
async function writeSpeakers(folder: string, parts: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  const embeddings = { ge2e: "ge2e/ge2e.safetensors", resnet: "wespeaker-tiny/wespeaker-tiny.safetensors" };
  for (const [name, embedding] of Object.entries(embeddings)) {
    const source = join(folder, name);
    const files = {
      segmentation: "segmentation/segmentation-3.0.safetensors",
      embedding,
      plda: "plda/plda-community-1.safetensors",
    };
    for (const [part, file] of Object.entries(files)) {
      mkdirSync(join(source, part), { recursive: true });
      copyFileSync(join(parts, file), join(source, part, "model.safetensors"));
    }
    await convertModel(source, { out: folder, type: "f32", overwrite: true });
  }
  const nemotron = join(parts, "nemotron3-tiny");
  for (const type of ["f32", "f16", "bf16", "q8_0"])
    await convertModel(nemotron, { out: folder, type, overwrite: true });
  // The tests read no FLAC.
  const utterance = join(parts, "../audio/librispeech/1688/1688-142285-0000.flac");
  const { stdout } = spawnSync("ffmpeg", ["-i", utterance, "-t", "5", "-f", "f32le", "-"], {
    maxBuffer: 1e8,
  });
  if (stdout?.length) writeFileSync(join(folder, "utterance.f32"), stdout);
  writeFileSync(join(folder, "references"), parts);
}

const [, , target] = process.argv;
if (!target || process.argv[1] !== fileURLToPath(import.meta.url))
  throw new Error("Expected a folder to write to");
await write(join(target, "gen2"), runnableModel(join(target, "gen2", "checkpoint"), 2));
const tiny = sharedTiny();
if (tiny) await write(join(target, "tiny"), tiny);
else console.error("borealis: no reference checkpoint beside the repository, its tests are skipped");
await writeNemotron(join(target, "nemotron"));
const speakers = sharedPath("diarization");
if (speakers) await writeSpeakers(join(target, "speakers"), speakers);
else console.error("speakers: no reference material beside the repository, its tests are skipped");
