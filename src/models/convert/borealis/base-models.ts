import { basename, join, relative, resolve } from "node:path";
import type { Checkpoint } from "../checkpoint/folder.js";
import { type JsonObject, readJson } from "../checkpoint/json.js";
import { invalidModel, quoted, shownValue } from "../errors.js";

/** What the tensors of a language model do not tell. */
export interface LanguageModelFacts {
  width: number;
  heads: number;
  layers: number;
  /** Tokens. */
  contextLength: number;
  ropeBase: number;
  rmsEpsilon: number;
}

/** What the tensors of a Whisper encoder do not tell. */
export interface EncoderFacts {
  layers: number;
  /** Undefined: one head per 64 channels, as in all of OpenAI's models. */
  heads: number | undefined;
}

/** Base models by the end of their names on the Hub, from their config.json there. */
const LANGUAGE_MODELS: Readonly<Record<string, LanguageModelFacts>> = {
  "qwen2.5-0.5b": qwen(896, 14, 24, 32_768),
  "qwen2.5-1.5b": qwen(1536, 12, 28, 32_768),
  "qwen2.5-3b": qwen(2048, 16, 36, 32_768),
  "qwen3-0.6b": qwen(1024, 16, 28, 40_960),
  "qwen3-1.7b": qwen(2048, 16, 28, 40_960),
  "qwen3-4b": qwen(2560, 32, 36, 40_960),
  "qwen3-4b-instruct-2507": qwen(2560, 32, 36, 262_144, 5e6),
};

const ENCODER_LAYERS: Readonly<Record<string, number>> = {
  "whisper-tiny": 4,
  "whisper-base": 6,
  "whisper-small": 12,
  "whisper-medium": 24,
  "whisper-large": 32,
  "whisper-large-v2": 32,
  "whisper-large-v3": 32,
  "whisper-large-v3-turbo": 32,
};

function qwen(
  width: number,
  heads: number,
  layers: number,
  contextLength: number,
  ropeBase = 1e6,
): LanguageModelFacts {
  return { width, heads, layers, contextLength, ropeBase, rmsEpsilon: 1e-6 };
}

/** @throws TranscriptionError MODEL_INVALID when nothing is known about the base model */
export async function languageModelFacts(checkpoint: Checkpoint): Promise<LanguageModelFacts> {
  const { name, config } = await baseModel(checkpoint, "llm_name");
  if (!config) {
    const key = basename(name).toLowerCase();
    const facts = LANGUAGE_MODELS[key] ?? LANGUAGE_MODELS[key.replace(/-instruct$/, "")];
    return facts ?? unknownBase(checkpoint, "llm_name", name);
  }
  const rope = config.object("rope_parameters");
  const theta = config.number("rope_theta") ?? rope?.number("rope_theta");
  const scaling = config.object("rope_scaling")?.get("rope_type") ?? rope?.get("rope_type") ?? "default";
  if (scaling !== "default") {
    throw invalidModel(
      config.path,
      `its rope_type is ${typeof scaling === "string" ? quoted(scaling) : shownValue(scaling)}, expected "default"`,
    );
  }
  return {
    width: requireSize(config, "hidden_size"),
    heads: requireSize(config, "num_attention_heads"),
    layers: requireSize(config, "num_hidden_layers"),
    contextLength: requireSize(config, "max_position_embeddings"),
    ropeBase: config.require("rope_theta", theta),
    rmsEpsilon: config.require("rms_norm_eps", config.number("rms_norm_eps")),
  };
}

/** @throws TranscriptionError MODEL_INVALID when nothing is known about the base model */
export async function encoderFacts(checkpoint: Checkpoint): Promise<EncoderFacts> {
  const { name, config } = await baseModel(checkpoint, "whisper_encoder_name");
  if (!config) {
    const layers = ENCODER_LAYERS[basename(name).toLowerCase()];
    return layers ? { layers, heads: undefined } : unknownBase(checkpoint, "whisper_encoder_name", name);
  }
  return {
    layers: requireSize(config, "encoder_layers"),
    heads: requireSize(config, "encoder_attention_heads"),
  };
}

/** The base model that a field of config.json names, with its own config.json where that is in the checkpoint. */
async function baseModel(
  { config, folder }: Checkpoint,
  field: string,
): Promise<{ name: string; config: JsonObject | undefined }> {
  const name = config.require(field, config.string(field));
  if (name.includes("\0")) throw invalidModel(config.path, `${field} is ${quoted(name)}`);
  // Only inside the checkpoint: the name comes from a stranger.
  const inside = relative(folder, resolve(folder, name));
  const isInside = inside !== "" && !inside.startsWith("..");
  return { name, config: isInside ? await readJson(join(folder, inside), "config.json") : undefined };
}

function requireSize(config: JsonObject, field: string): number {
  const value = config.require(field, config.count(field));
  if (value === 0) throw invalidModel(config.path, `${field} is 0`);
  return value;
}

function unknownBase({ config }: Checkpoint, field: string, name: string): never {
  throw invalidModel(
    config.path,
    `${field} is ${quoted(name)}, which is not known: put that model's config.json into a folder of the checkpoint ` +
      `and make ${field} its name`,
  );
}
