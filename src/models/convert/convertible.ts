import { type JsonObject, readJson } from "./checkpoint/json.js";
import { invalidModel, quoted, shownValue } from "./errors.js";
import { NEMOTRON_TYPE } from "./speakers/nemotron-type.js";

/**
 * Looks at the settings of a checkpoint alone, before there are tensors.
 * @param speakers whether one that tells speakers apart is welcome
 * @throws TranscriptionError MODEL_INVALID where they are of no model that can be made
 */
export async function requireConvertible(folder: string, speakers = false): Promise<void> {
  const config = await readJson(folder, "config.json");
  if (!config) throw invalidModel(folder, "it has no config.json");
  const modelType = config.get("model_type");
  if (modelType === "whisper" || modelType === "borealis" || namesBaseModels(config)) return;
  if (speakers && modelType === NEMOTRON_TYPE) return;
  if (modelType === undefined && isCtranslate2Whisper(config)) return;
  throw invalidModel(
    config.path,
    `its model_type is ${typeof modelType === "object" ? shownValue(modelType) : quoted(String(modelType ?? ""))}, expected "whisper" or "borealis"`,
  );
}

/** Generations of Borealis differ in their model_type; all name the two models that they were made of. */
function namesBaseModels(config: JsonObject): boolean {
  return config.get("whisper_encoder_name") !== undefined && config.get("llm_name") !== undefined;
}

/** CTranslate2's own configuration names no type, but what a Whisper model alone has. */
function isCtranslate2Whisper(config: JsonObject): boolean {
  return ["suppress_ids", "lang_ids", "alignment_heads"].some((field) => config.get(field) !== undefined);
}
