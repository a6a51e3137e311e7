import { quoted, shapeText } from "../errors.js";
import { readCtranslate2 } from "./ctranslate2-file.js";
import type { SourceFile } from "./source-file.js";
import { ELEMENT_BYTES, invalidTensor, readValues, type StoredTensor, sizeOf } from "./tensor.js";

/** What a Whisper model computes by, and the only values that the weights make sense with. */
const SETTINGS: Readonly<Record<string, number>> = {
  activation: 3, // GELU by the error function
  alibi: 0,
  pre_norm: 1,
  scale_embeddings: 0,
  start_from_zero_embedding: 0,
};

/** More than a table of tokens has. */
const MAX_ROWS = 1 << 20;

/** The tensors of a `model.bin` with the names that Hugging Face gives them. */
export interface Ctranslate2Whisper {
  tensors: Map<string, StoredTensor>;
  /** Attention heads of each side, where the file tells. */
  heads: { encoder: number | undefined; decoder: number | undefined };
}

/**
 * The tensors of a Whisper model in CTranslate2's format, as faster-whisper uses it: those of queries, keys and values,
 * which it keeps in one matrix, apart; numbers of 8 and 16 bits with their scales.
 * @throws TranscriptionError MODEL_INVALID
 */
export async function readCtranslate2Whisper(file: SourceFile): Promise<Ctranslate2Whisper> {
  const { spec, variables } = await readCtranslate2(file);
  if (spec !== "WhisperSpec") {
    throw file.invalid(`it is CTranslate2's model of a ${quoted(spec)}, expected a WhisperSpec`);
  }
  const sides = ["encoder", "decoder"] as const;
  const [encoder, decoder] = await Promise.all(
    sides.map((side) => readNumber(variables, `${side}/num_heads`)),
  );
  for (const side of sides) {
    for (const [name, expected] of Object.entries(SETTINGS)) {
      const value = await readNumber(variables, `${side}/${name}`);
      if (value !== undefined && value !== expected) {
        throw file.invalid(`${side}/${name} is ${value}, expected ${expected} of a Whisper model`);
      }
    }
  }
  return { tensors: await renameAll(file, variables), heads: { encoder, decoder } };
}

/** A number without dimensions. */
async function readNumber(
  variables: ReadonlyMap<string, StoredTensor>,
  name: string,
): Promise<number | undefined> {
  const tensor = variables.get(name);
  if (!tensor) return undefined;
  const bytes = ELEMENT_BYTES[tensor.type];
  const isNumber =
    sizeOf(tensor) === 1 && (tensor.type === "I8" || tensor.type === "I16" || tensor.type === "I32");
  if (!isNumber) throw invalidTensor(tensor, "is no number");
  return (await tensor.file.read(tensor.offset, bytes, `variable ${name}`)).readIntLE(0, bytes);
}

async function renameAll(
  file: SourceFile,
  variables: ReadonlyMap<string, StoredTensor>,
): Promise<Map<string, StoredTensor>> {
  const tensors = new Map<string, StoredTensor>();
  const keyBiases: StoredTensor[] = [];
  for (const [name, variable] of variables) {
    if (variable.shape.length === 0 || name.endsWith("_scale")) continue;
    const scaled = withScale(variables, variable);
    const { name: renamed, parts } = rename(name) ?? {};
    if (!renamed) throw file.invalid(`it has an unknown variable ${quoted(name)}`);
    for (const [part, partName] of (parts ?? [undefined]).entries()) {
      const tensor = parts ? partOf(scaled, part, parts.length) : scaled;
      const full = partName === undefined ? renamed : renamed.replace("*", partName);
      if (tensors.has(full)) throw file.invalid(`it has ${quoted(full)} twice`);
      // Whisper's keys have no bias; here they have one of zeros.
      if (full.endsWith("k_proj.bias")) keyBiases.push(tensor);
      else tensors.set(full, { ...tensor, name: full });
    }
  }
  for (const bias of keyBiases) await requireZeros(bias);
  return tensors;
}

/** Hugging Face's name, with `*` in the place of `parts` where a variable holds several tensors. */
function rename(name: string): { name: string; parts?: readonly string[] } | undefined {
  if (name === "decoder/projection/weight") return { name: "proj_out.weight" };
  if (name === "decoder/embeddings/weight") return { name: "model.decoder.embed_tokens.weight" };
  const [, side, rest = ""] = /^(encoder|decoder)\/(.+)$/.exec(name) ?? [];
  if (rest === "position_encodings/encodings") return { name: `model.${side}.embed_positions.weight` };
  const convolution = /^(conv[12])\/(weight|bias)$/.exec(rest);
  if (side === "encoder" && convolution) return { name: `model.encoder.${convolution[1]}.${convolution[2]}` };
  const norm = /^layer_norm\/(gamma|beta)$/.exec(rest);
  if (norm) return { name: `model.${side}.layer_norm.${normPart(norm[1])}` };
  const layer = /^layer_(\d{1,3})\/(self_attention|attention|ffn)\/(.+)$/.exec(rest);
  if (!layer) return undefined;
  const inner = renameInLayer(layer[2]!, layer[3]!);
  return inner && { ...inner, name: `model.${side}.layers.${Number(layer[1])}.${inner.name}` };
}

function renameInLayer(block: string, rest: string): { name: string; parts?: readonly string[] } | undefined {
  const prefix = { self_attention: "self_attn", attention: "encoder_attn", ffn: "final" }[block]!;
  const norm = /^layer_norm\/(gamma|beta)$/.exec(rest);
  if (norm) return { name: `${prefix}_layer_norm.${normPart(norm[1])}` };
  const [, number, part] = /^linear_([012])\/(weight|bias)$/.exec(rest) ?? [];
  if (number === undefined) return undefined;
  if (block === "ffn") return number === "2" ? undefined : { name: `fc${Number(number) + 1}.${part}` };
  const projections: readonly (readonly string[])[] =
    block === "self_attention" ? [["q", "k", "v"], ["out"]] : [["q"], ["k", "v"], ["out"]];
  const parts = projections[Number(number)];
  return parts && { name: `${prefix}.*_proj.${part}`, parts };
}

function normPart(name: string | undefined): "weight" | "bias" {
  return name === "gamma" ? "weight" : "bias";
}

/** One of several tensors of equal shape that lie behind each other. */
function partOf(whole: StoredTensor, part: number, parts: number): StoredTensor {
  const [rows = 0, ...rest] = whole.shape;
  if (rows % parts !== 0) {
    throw invalidTensor(whole, `has the shape ${shapeText(whole.shape)}, which cannot be cut into ${parts}`);
  }
  const tensor = { ...whole, shape: [rows / parts, ...rest] };
  const first = part * sizeOf(tensor);
  const { scale } = whole;
  return {
    ...tensor,
    offset: whole.offset + first * ELEMENT_BYTES[whole.type],
    ...(scale && { scale: { ...scale, first: scale.first + first } }),
  };
}

/** Whole numbers with the scale that they were multiplied with: one for each row, or one for all. */
function withScale(variables: ReadonlyMap<string, StoredTensor>, tensor: StoredTensor): StoredTensor {
  if (tensor.type !== "I8" && tensor.type !== "I16") return tensor;
  const scale = variables.get(`${tensor.name}_scale`);
  if (!scale) throw invalidTensor(tensor, `is of type ${tensor.type} and has no scale`);
  const [rows = 1] = tensor.shape;
  const scales = sizeOf(scale);
  if (scales > MAX_ROWS || (scales !== 1 && scales !== rows)) {
    throw invalidTensor(scale, `has ${scales} values for ${rows} rows of ${tensor.name}`);
  }
  return { ...tensor, scale: { tensor: scale, elements: sizeOf(tensor) / scales, first: 0 } };
}

async function requireZeros(tensor: StoredTensor): Promise<void> {
  for await (const values of readValues(tensor)) {
    const other = values.find((value) => value !== 0);
    if (other !== undefined) throw invalidTensor(tensor, `has the key bias ${other}, expected zeros`);
  }
}
