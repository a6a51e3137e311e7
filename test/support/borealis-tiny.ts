import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ReferenceClip, ReferenceModel } from "./native-fixtures.js";

const SHARED = fileURLToPath(new URL("../../../shared/", import.meta.url));

interface Reference {
  prompt_ids: number[];
  clips: { file: string; greedy_ids: number[]; margins: number[]; first_step_top10: [number, number][] }[];
}

/** The reference checkpoint with the outputs that PyTorch computed, or undefined where it is not there. */
export function sharedTiny(): ReferenceModel | undefined {
  const checkpoint = `${SHARED}borealis-tiny`;
  if (!existsSync(checkpoint)) return undefined;
  const reference = JSON.parse(readFileSync(`${checkpoint}/reference.json`, "utf8")) as Reference;
  const tensors = readSafetensors(readFileSync(`${checkpoint}/reference.safetensors`));
  const clips = reference.clips.map(({ file, greedy_ids, margins, first_step_top10 }): ReferenceClip => {
    const tensor = (part: string) => tensors(`${file}.${part}`);
    return {
      samples: samplesOf(readFileSync(`${SHARED}audio/${file.startsWith("ru_") ? "russian/" : ""}${file}`)),
      mel: tensor("mel_f32_128x3000"),
      encoded: tensor("encoder_f32_1500xD"),
      adapted: tensor("adapter_f32_375xH"),
      top: first_step_top10.map(([id]) => id),
      greedy: greedy_ids,
      margins,
    };
  });
  return { checkpoint, prompt: reference.prompt_ids, clips };
}

/** 16-bit samples of a mono WAV file. */
function samplesOf(file: Buffer): Float32Array {
  const data = file.indexOf("data");
  const length = file.readUInt32LE(data + 4) / 2;
  return Float32Array.from({ length }, (_, i) => file.readInt16LE(data + 8 + 2 * i) / 32_768);
}

/** 32-bit floats by name. */
function readSafetensors(file: Buffer): (name: string) => Float32Array {
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString("utf8", 8, 8 + length));
  return (name) => {
    const [from, to] = header[name].data_offsets as [number, number];
    return new Float32Array(new Uint8Array(file.subarray(8 + length + from, 8 + length + to)).buffer);
  };
}
