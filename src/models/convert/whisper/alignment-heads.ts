import type { Checkpoint } from "../checkpoint/folder.js";
import { invalidModel, shownValue } from "../errors.js";
import { HEAD_WIDTH } from "../files/whisper-file.js";
import type { WhisperShape } from "./tensors.js";

/** Layer and head of the decoder, from 0. */
export type AlignmentHead = readonly [layer: number, head: number];

/** More than this many make times of words no better, and the word that lists them too long. */
const MAX_HEADS = 100;

/**
 * The attention heads that times of words are to be read from, as `generation_config.json` names them, or the
 * `config.json` of a model of CTranslate2. Undefined where none does.
 * @throws TranscriptionError MODEL_INVALID when they are no heads of the model
 */
export async function readAlignmentHeads(
  checkpoint: Checkpoint,
  { textLayers, width }: WhisperShape,
): Promise<AlignmentHead[] | undefined> {
  const config = checkpoint.ctranslate2
    ? checkpoint.config
    : await checkpoint.readJson("generation_config.json");
  const given = config?.array("alignment_heads");
  if (!config || !given || given.length === 0) return undefined;
  const heads = width / HEAD_WIDTH;
  return given.slice(0, MAX_HEADS).map((pair) => {
    const [layer, head] = Array.isArray(pair) ? pair : [];
    if (!isBelow(layer, textLayers) || !isBelow(head, heads)) {
      throw invalidModel(
        config.path,
        `alignment_heads has ${shownValue(pair)}, expected a layer below ${textLayers} and a head ` +
          `below ${heads}`,
      );
    }
    return [layer, head] as const;
  });
}

/** What tells them in a model file, as the name of a token; native/engine/model/whisper_file.h describes it. */
export function alignmentHeadsWord(heads: readonly AlignmentHead[]): string {
  return `<|alignment_heads:${heads.map((head) => head.join(".")).join(",")}|>`;
}

function isBelow(value: unknown, limit: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < limit;
}
