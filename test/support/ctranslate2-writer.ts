import { halfToFloats } from "../../src/models/convert/numbers/float16.js";
import { floats, type TestTensor, type TestTensors } from "./safetensors-writer.js";

/** A variable of a `model.bin`. */
export interface Variable {
  type: "F32" | "I8" | "I16" | "I32" | "F16" | "BF16";
  shape: readonly number[];
  bytes: Uint8Array;
}

const TYPES = ["F32", "I8", "I16", "I32", "F16", "BF16"];

/** A `model.bin` of CTranslate2, version 6. Source: its model_spec.py, `_serialize()`. */
export function ctranslate2(
  variables: ReadonlyMap<string, Variable>,
  aliases: readonly (readonly [string, string])[] = [],
  { version = 6, spec = "WhisperSpec" } = {},
): Buffer {
  const parts: Uint8Array[] = [uint32(version), text(spec), uint32(3), uint32(variables.size)];
  for (const [name, { type, shape, bytes }] of variables) {
    parts.push(text(name), Buffer.of(shape.length), ...shape.map(uint32), Buffer.of(TYPES.indexOf(type)));
    parts.push(uint32(bytes.length), bytes);
  }
  parts.push(uint32(aliases.length), ...aliases.flatMap((pair) => pair.map(text)));
  return Buffer.concat(parts);
}

/** The same model with CTranslate2's names, its numbers of how it computes, and the matrices that it keeps as one. */
export function ctranslate2Whisper(tensors: TestTensors, heads: number): Map<string, Variable> {
  const variables = new Map<string, Variable>();
  const take = (name: string) => tensors.get(`model.${name}`)! as Variable;
  const put = (name: string, ...parts: Variable[]) => {
    const [
      {
        type,
        shape: [rows, ...rest],
      },
    ] = parts as [Variable];
    const shape = [parts.reduce((sum, part) => sum + part.shape[0]!, 0), ...rest];
    variables.set(name, {
      type,
      shape: rows === undefined ? [] : shape,
      bytes: Buffer.concat(parts.map((part) => part.bytes)),
    });
  };
  const norm = (name: string, source: string) => {
    put(`${name}/gamma`, take(`${source}.weight`));
    put(`${name}/beta`, take(`${source}.bias`));
  };
  const projections = (name: string, source: string, parts: string) => {
    const each = (field: string) =>
      [...parts].map((part) => {
        const given = tensors.get(`model.${source}.${part === "o" ? "out" : part}_proj.${field}`);
        // Keys have no bias, here zeros.
        const like = take(`${source}.v_proj.bias`);
        return (given ?? { ...like, bytes: new Uint8Array(like.bytes.length) }) as Variable;
      });
    put(`${name}/weight`, ...each("weight"));
    put(`${name}/bias`, ...each("bias"));
  };
  for (const side of ["encoder", "decoder"]) {
    const facts = { activation: 3, alibi: 0, pre_norm: 1, scale_embeddings: 0, start_from_zero_embedding: 0 };
    for (const [name, value] of Object.entries(facts)) variables.set(`${side}/${name}`, number("I8", value));
    variables.set(`${side}/num_heads`, number("I16", heads));
    put(`${side}/position_encodings/encodings`, take(`${side}.embed_positions.weight`));
    norm(`${side}/layer_norm`, `${side}.layer_norm`);
    for (let i = 0; tensors.has(`model.${side}.layers.${i}.fc1.weight`); i++) {
      const [layer, source] = [`${side}/layer_${i}`, `${side}.layers.${i}`];
      norm(`${layer}/self_attention/layer_norm`, `${source}.self_attn_layer_norm`);
      projections(`${layer}/self_attention/linear_0`, `${source}.self_attn`, "qkv");
      projections(`${layer}/self_attention/linear_1`, `${source}.self_attn`, "o");
      if (side === "decoder") {
        norm(`${layer}/attention/layer_norm`, `${source}.encoder_attn_layer_norm`);
        projections(`${layer}/attention/linear_0`, `${source}.encoder_attn`, "q");
        projections(`${layer}/attention/linear_1`, `${source}.encoder_attn`, "kv");
        projections(`${layer}/attention/linear_2`, `${source}.encoder_attn`, "o");
      }
      norm(`${layer}/ffn/layer_norm`, `${source}.final_layer_norm`);
      for (const [index, name] of ["fc1", "fc2"].entries()) {
        put(`${layer}/ffn/linear_${index}/weight`, take(`${source}.${name}.weight`));
        put(`${layer}/ffn/linear_${index}/bias`, take(`${source}.${name}.bias`));
      }
    }
  }
  for (const name of ["conv1", "conv2"]) {
    put(`encoder/${name}/weight`, take(`encoder.${name}.weight`));
    put(`encoder/${name}/bias`, take(`encoder.${name}.bias`));
  }
  put("decoder/embeddings/weight", take("decoder.embed_tokens.weight"));
  return variables;
}

/** The name of the output layer, which is the table of tokens again. */
export const PROJECTION = ["decoder/projection/weight", "decoder/embeddings/weight"] as const;

/** A number without dimensions. */
export function number(type: "I8" | "I16", value: number): Variable {
  const bytes = type === "I8" ? Int8Array.of(value) : new Uint8Array(Int16Array.of(value).buffer);
  return { type, shape: [], bytes: new Uint8Array(bytes.buffer) };
}

/**
 * Replaces all matrices by whole numbers and their scales, one for each row in 8 bits and one for all in 16, as
 * CTranslate2 quantises. Returns what they are worth then, by name.
 */
export function quantised(variables: Map<string, Variable>, type: "I8" | "I16"): Map<string, Float32Array> {
  const worth = new Map<string, Float32Array>();
  for (const [name, variable] of [...variables]) {
    if (variable.shape.length < 2 || name.includes("position_encodings")) continue;
    const values = floatsOf(variable);
    const rows = type === "I8" ? variable.shape[0]! : 1;
    const width = values.length / rows;
    const scales = new Float32Array(rows);
    const whole = type === "I8" ? new Int8Array(values.length) : new Int16Array(values.length);
    const most = type === "I8" ? 127 : 1023;
    for (let row = 0; row < rows; row++) {
      const part = values.subarray(row * width, (row + 1) * width);
      const largest = part.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
      scales[row] = largest === 0 ? 1 : most / largest;
      part.forEach((value, i) => {
        whole[row * width + i] = Math.round(value * scales[row]!);
      });
    }
    worth.set(
      name,
      values.map((_, i) => whole[i]! / scales[Math.floor(i / width)]!),
    );
    variables.set(name, { type, shape: variable.shape, bytes: new Uint8Array(whole.buffer) });
    variables.set(`${name}_scale`, {
      ...(floats([rows], [...scales]) as Variable),
      shape: type === "I8" ? [rows] : [],
    });
  }
  return worth;
}

/** The values of a variable of 16 or 32 bits. */
export function floatsOf({ type, bytes }: Variable | TestTensor): Float32Array {
  const copy = Uint8Array.from(bytes).buffer;
  if (type === "F32") return new Float32Array(copy);
  const halves = new Uint16Array(copy);
  const values = new Float32Array(halves.length);
  halfToFloats(halves, values);
  return values;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(`${value}\0`);
  return Buffer.concat([Buffer.of(bytes.length & 255, bytes.length >> 8), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
