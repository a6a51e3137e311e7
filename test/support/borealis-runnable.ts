import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  BOREALIS,
  BOREALIS_TOKENIZER,
  type BorealisSizes,
  borealisFiles,
  borealisTensors,
  type Generation,
} from "./borealis-checkpoint.js";
import { BorealisForward } from "./borealis-forward.js";
import { BYTE_CHARACTERS, BytePairTokenizer, type TokenizerJson } from "./byte-pair.js";
import type { ReferenceClip, ReferenceModel } from "./native-fixtures.js";
import { seededRandom } from "./random.js";
import { floats, safetensors, type TestTensor, type TestTensors } from "./safetensors-writer.js";

const SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|start_of_audio|>", "<|end_of_audio|>"];
/** Bytes, two merges of Cyrillic letters, and the special tokens. */
const MERGES = [
  ["Ð", "°"],
  ["Ð", "¾"],
] as const;
const SIZES: BorealisSizes = {
  ...BOREALIS,
  positions: 1500,
  // Two heads of 64, which the CPU kernels take.
  audioWidth: 128,
  vocabulary: BYTE_CHARACTERS.length + MERGES.length + SPECIAL.length,
};
const STEPS = 16;

const SYSTEM =
  "Вы полезный помощник по автоматическому распознаванию речи. Точно транскрибируйте аудио в текст.";
const USER = "Транскрибируйте это аудио: ";

/**
 * Writes a checkpoint of random weights that the engine can run into `folder`: 1500 positions, a tokenizer of bytes.
 */
export function writeRunnable(
  folder: string,
  generation: Generation,
  change: Partial<BorealisSizes> = {},
): { tensors: TestTensors; tokenizer: TokenizerJson } {
  const sizes = { ...SIZES, ...change };
  const tensors = tame(borealisTensors(generation, sizes).set("llm.lm_head.weight", outputLayer(sizes)));
  const tokenizer = byteTokenizer();
  for (const [name, content] of Object.entries({ ...borealisFiles(sizes), "tokenizer.json": tokenizer })) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify(content));
  }
  writeFileSync(join(folder, "model.safetensors"), safetensors(tensors));
  return { tensors, tokenizer };
}

/** The same, with what it makes of two recordings. */
export function runnableModel(folder: string, generation: Generation): ReferenceModel {
  const { tensors, tokenizer } = writeRunnable(folder, generation);
  const { before, after } = promptOf(new BytePairTokenizer(tokenizer));
  const forward = new BorealisForward(tensors, SIZES);
  const clips = [1, 2].map((seed): ReferenceClip => {
    const samples = noise(seed);
    const mel = forward.mel(samples);
    const encoded = forward.encode(mel);
    const adapted = forward.adapt(encoded);
    const rows = [...forward.embed(before), ...adapted, ...forward.embed(after)];
    const steps: { token: number; margin: number; top: number[] }[] = [];
    while (steps.length < STEPS) {
      const logits = forward.logits(rows);
      const top = Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]!);
      steps.push({ token: top[0]!, margin: logits[top[0]!]! - logits[top[1]!]!, top: top.slice(0, 10) });
      rows.push(...forward.embed([top[0]!]));
    }
    const flat = (matrix: Float64Array[]) => Float32Array.from(matrix.flatMap((row) => [...row]));
    return {
      samples,
      mel,
      encoded: flat(encoded),
      adapted: flat(adapted),
      top: steps[0]!.top,
      greedy: steps.map(({ token }) => token),
      margins: steps.map(({ margin }) => margin),
    };
  });
  return { checkpoint: folder, prompt: [...before, ...after], clips };
}

/** One of its own: with the embeddings' a random model says one word again and again. */
function outputLayer({ vocabulary, width }: BorealisSizes): TestTensor {
  const random = seededRandom(3);
  return floats([vocabulary, width], () => 4 * (random() - 0.5));
}

/** Weights small enough for values to stay near 1 from layer to layer; norms near 1. */
function tame(tensors: TestTensors): TestTensors {
  return new Map(
    Array.from(tensors, ([name, { shape, bytes }]) => {
      const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
      const isNorm = name.includes("norm") && name.endsWith("weight");
      const scale = isNorm ? 0.2 : name.includes("embed_tokens") ? 0.5 : 0.2;
      return [name, floats(shape, (i) => (isNorm ? 1 : 0) + scale * values[i]!)];
    }),
  );
}

export function byteTokenizer(): TokenizerJson & typeof BOREALIS_TOKENIZER {
  const merged = MERGES.map((pair) => pair.join(""));
  const vocab = Object.fromEntries([...BYTE_CHARACTERS, ...merged].map((token, id) => [token, id]));
  const first = Object.keys(vocab).length;
  return {
    ...BOREALIS_TOKENIZER,
    added_tokens: SPECIAL.map((content, i) => ({ id: first + i, content, special: true })),
    model: { type: "BPE", vocab, merges: MERGES.map((pair) => [...pair]) },
  } as unknown as TokenizerJson & typeof BOREALIS_TOKENIZER;
}

function promptOf(tokenizer: BytePairTokenizer): { before: number[]; after: number[] } {
  const [start, end] = ["<|im_start|>", "<|im_end|>"].map((token) => tokenizer.special(token));
  const text = (content: string) => tokenizer.encode(content);
  return {
    before: [
      ...[start!, ...text(`system\n${SYSTEM}`), end!, ...text("\n")],
      ...[start!, ...text(`user\n${USER}`), tokenizer.special("<|start_of_audio|>")],
    ],
    after: [tokenizer.special("<|end_of_audio|>"), end!, ...text("\n"), start!, ...text("assistant\n")],
  };
}

/** A second of a hum in noise. */
function noise(seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from(
    { length: 16_000 },
    (_, i) => 0.3 * Math.sin(i / (5 + seed)) + 0.2 * (random() - 0.5),
  );
}
