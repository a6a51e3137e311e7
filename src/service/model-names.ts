import { entriesOf } from "./setting-values.js";

/** Names of OpenAI's models for transcription, dated ones too: clients name one of them whatever server they talk to. */
const OF_OPENAI = /^(whisper-1|gpt(-[\w.]+)*-transcribe(-[\w.]+)*)$/;
/** What stands before a model's name where others publish it: organizations, and the tool that a file is for. */
const BEFORE = /^([\w.-]+\/)?(faster-)?(whisper-)?(ggml-)?/;
/** What stands after it: a file's ending, and how weights are stored. */
const AFTER = /(\.(bin|gguf))?$/;
const WEIGHTS = /-(q\d\w*|f16|f32|bf16|int8)$/;

/** Whether a client that asks for a model by `name` means the one that is served. */
export function meansModel(name: string, model: string, aliases: string): boolean {
  if (name === model || entriesOf(aliases).includes(name) || OF_OPENAI.test(name)) return true;
  const [asked, served] = [bareName(name), bareName(model)];
  return asked !== "" && (asked === served || asked === served.replace(WEIGHTS, ""));
}

/** `large-v3` for `Systran/faster-whisper-large-v3`, `openai/whisper-large-v3` and `ggml-large-v3.bin`. */
function bareName(name: string): string {
  return name.toLowerCase().replace(BEFORE, "").replace(AFTER, "");
}
