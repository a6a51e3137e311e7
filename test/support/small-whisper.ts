import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { huggingFaceConfig, huggingFaceTensors, huggingFaceVocabulary } from "./hugging-face-whisper.js";
import type { TestTensor } from "./safetensors-writer.js";
import { readWhisperFile } from "./whisper-file-reader.js";

const demo = readWhisperFile(
  readFileSync(fileURLToPath(new URL("../fixtures/agora-demo-f16.bin", import.meta.url))),
);
const WIDTH = 64;

/** `config.json` of {@link smallWhisper}. */
export const smallWhisperConfig = {
  ...huggingFaceConfig(demo),
  d_model: WIDTH,
  encoder_layers: 1,
  decoder_layers: 1,
  encoder_attention_heads: 1,
  decoder_attention_heads: 1,
};

/** `vocab.json` of {@link smallWhisper}: the text tokens and the end of the text. */
export const smallWhisperVocabulary = huggingFaceVocabulary(demo);

/**
 * One narrow layer each with all parts that a Whisper model has, in Hugging Face's names, of numbers from −1 to 1 that
 * 16 bits hold exactly.
 */
export function smallWhisper({ rows = 51_865, melBands = 80 } = {}): Map<string, TestTensor> {
  const narrow = (size: number) => ({ 192: WIDTH, 768: 4 * WIDTH, 51865: rows, 80: melBands })[size] ?? size;
  let state = 1;
  return new Map(
    [...huggingFaceTensors(demo)]
      .filter(([name]) => !/layers\.[1-9]/.test(name))
      .map(([name, tensor]) => {
        const shape = tensor.shape.map(narrow);
        const halves = new Uint16Array(shape.reduce((product, size) => product * size, 1));
        for (let i = 0; i < halves.length; i++) {
          state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
          // Sign, an exponent of 2⁻¹ to 2⁻⁴, and ten bits.
          halves[i] =
            ((state >>> 16) & 0x8000) | ((11 + ((state >>> 8) & 3)) << 10) | ((state >>> 20) & 0x3ff);
        }
        return [name, { type: "F16", shape, bytes: new Uint8Array(halves.buffer) }];
      }),
  );
}

/** All of Whisper's tokens in order, as CTranslate2's lists have them. */
export function allTokens({ languages = 99, added = [] as readonly string[] } = {}): string[] {
  const texts = Object.entries(smallWhisperVocabulary)
    .sort(([, a], [, b]) => a - b)
    .map(([token]) => token);
  return [
    ...texts,
    "<|startoftranscript|>",
    ...Array.from({ length: languages }, (_, i) => `<|l${i}|>`),
    ...["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"].map(
      (name) => `<|${name}|>`,
    ),
    ...Array.from({ length: 1501 }, (_, i) => `<|${(i * 0.02).toFixed(2)}|>`),
    ...added,
  ];
}
