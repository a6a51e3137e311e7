import { convertBorealis } from "./borealis/borealis.js";
import { Checkpoint } from "./checkpoint/folder.js";
import type { Conversion, ConversionRequest } from "./conversion.js";
import { quoted } from "./errors.js";
import { convertNemotron } from "./speakers/nemotron.js";
import { NEMOTRON_TYPE } from "./speakers/nemotron-type.js";
import { isPipelineFolder } from "./speakers/sources.js";
import { convertSpeakers } from "./speakers/speakers.js";
import { convertWhisper } from "./whisper/whisper.js";

/**
 * Makes model files from the checkpoint in `folder`, on this thread: parsing the tokenizer of a large language model
 * holds it for half a second.
 * @throws TranscriptionError INVALID_ARGUMENT, MODEL_NOT_FOUND, MODEL_INVALID, CANCELLED, INTERNAL
 */
export async function convertCheckpoint(folder: string, request: ConversionRequest): Promise<Conversion> {
  if (await isPipelineFolder(folder)) return convertSpeakers(folder, request);
  const checkpoint = await Checkpoint.open(folder, request.name);
  try {
    const convert = converterOf(checkpoint);
    return await convert(checkpoint, request);
  } finally {
    await checkpoint.close();
  }
}

function converterOf(checkpoint: Checkpoint): typeof convertWhisper {
  if (checkpoint.ctranslate2) return convertWhisper;
  const modelType = checkpoint.config.string("model_type");
  if (modelType === "whisper") return convertWhisper;
  if (modelType === NEMOTRON_TYPE) return convertNemotron;
  // Generations of Borealis differ in their model_type; all have an adapter between encoder and language model.
  const hasAdapter = [...checkpoint.tensors.keys()].some((name) => name.startsWith("adapter."));
  if (modelType === "borealis" || hasAdapter) return convertBorealis;
  throw checkpoint.invalid(
    `config.json's model_type is ${quoted(modelType ?? "")}, expected "whisper", "borealis" or "${NEMOTRON_TYPE}"`,
  );
}
