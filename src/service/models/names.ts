import { nearest } from "../../config/nearest.js";
import { TranscriptionError } from "../../index.js";
import { cut } from "../text.js";

/** A model by what it may be called. */
export interface Named {
  readonly name: string;
  /** Other names of it. */
  readonly aliases: readonly string[];
  readonly fileBytes: number;
}

/** The name by which OpenAI's clients know their first model, and most of them still ask for one. */
export const USUAL = "whisper-1";

/** Names of OpenAI's models for transcription, dated ones too: clients name one of them whatever server they talk to. */
const OF_OPENAI = /^(whisper-1|gpt(-[\w.]+)*-transcribe(-[\w.]+)*)$/;
/** What stands before a model's name where others publish it: organizations, and the tool that a file is for. */
const BEFORE = /^(\w[\w.-]*\/)?(faster-)?(whisper-)?(ggml-)?/;
/** What stands after it: a file's ending, and how weights are stored. */
const AFTER = /(\.(bin|gguf))?$/;
const WEIGHTS = /-(q\d\w*|f16|f32|bf16|int8)$/;
/** Names that are told to who asks for another. */
const TOLD = 10;

/** Whether `name` means the first of the models whatever others there are: by its own names, or as OpenAI's would be. */
export function meansFirst(name: string, first: Named): boolean {
  return namesOf(first).includes(name) || OF_OPENAI.test(name);
}

/**
 * The model that a client means by `name`: the one of that very name; else the one that others publish under it, whatever
 * they put before and after; else one whose weights are stored in fewer bits, of several the largest. The first goes
 * before the others.
 * @param models the one that is meant where OpenAI's are named comes first
 */
export function modelNamed<M extends Named>(name: string, models: readonly M[]): M | undefined {
  const [first, ...others] = models;
  if (first === undefined || meansFirst(name, first)) return first;
  const exact = others.find((model) => namesOf(model).includes(name));
  if (exact) return exact;
  const asked = bareName(name);
  if (asked === "") return undefined;
  const bySize = [first, ...others.sort((a, b) => b.fileBytes - a.fileBytes)];
  const found = (bare: (name: string) => string) =>
    bySize.find((model) => namesOf(model).some((known) => bare(known) === asked));
  return found(bareName) ?? found((known) => bareName(known).replace(WEIGHTS, ""));
}

/** What is said where no model is meant by `name`, with what may have been meant. */
export function noModel(name: string, models: readonly Named[]): TranscriptionError {
  const names = new Map(models.flatMap(namesOf).map((known) => [bareName(known), known]));
  const nearby = nearest(bareName(name), [...names.keys()]);
  const meant = nearby === undefined ? undefined : names.get(nearby);
  const all = [...new Set([...models.map((model) => model.name), USUAL])];
  const told = all.length > TOLD ? `${all.slice(0, TOLD).join(", ")}, …` : all.join(", ");
  const hint = meant === undefined ? `there are ${told}` : `did you mean ${meant}?`;
  const message = `No model ${JSON.stringify(cut(name))} is installed here: ${hint}`;
  return new TranscriptionError("MODEL_NOT_FOUND", message, { option: "model" });
}

function namesOf({ name, aliases }: Named): string[] {
  return [name, ...aliases];
}

/** `large-v3` for `Systran/faster-whisper-large-v3`, `openai/whisper-large-v3` and `ggml-large-v3.bin`. */
function bareName(name: string): string {
  return name.toLowerCase().replace(BEFORE, "").replace(AFTER, "");
}
