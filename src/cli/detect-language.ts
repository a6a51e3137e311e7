import type { DetectLanguageOptions, TranscribeOptions, Transcriber } from "../index.js";
import type { CliContext } from "./context.js";
import type { Job } from "./delivery.js";
import { UsageError } from "./exit.js";
import type { Turn } from "./jobs.js";
import type { Settings, TranscribeFlags } from "./settings.js";
import type { Terminal } from "./terminal.js";

/** Options of a transcription that say what is listened to. */
const HEARD = ["vadFilter", "vadOptions", "chunkLength", "channels", "track", "limits", "timeout"] as const;

/** Refuses what has nothing to do with `--detect-language`. @throws UsageError */
export function checkDetection({ formats, transcribe }: Settings, { outputDir }: TranscribeFlags): void {
  if (outputDir !== undefined)
    throw new UsageError("--detect-language writes to standard output, not to --output-dir");
  if (transcribe.language !== undefined) throw new UsageError("--detect-language needs no --language");
  const [format = "txt"] = formats;
  if (formats.length > 1 || (format !== "txt" && format !== "json")) {
    throw new UsageError(`--detect-language is written as txt or json, not as ${formats.join(", ")}`);
  }
}

/**
 * Prints the language of a file: `ru<TAB>0.98`, of several files after their names; `none` where nobody speaks. As JSON with
 * every language that was considered.
 */
export async function detectOne(
  { input, plan }: Job,
  turn: Turn,
  transcriber: Transcriber,
  context: CliContext,
  terminal: Terminal,
): Promise<void> {
  const signal = AbortSignal.any([context.signal, turn.signal]);
  const options = { ...heardOf(plan.transcribe), signal };
  const detection = await transcriber.detectLanguage(input.path ?? context.stdin, options);
  await turn.comes;
  turn.signal.throwIfAborted();
  const { language, probability, probabilities } = detection;
  if (plan.formats[0] === "json") {
    const document = { ...(plan.several && { file: input.name }), language, probability, probabilities };
    await terminal.print(`${JSON.stringify(document, null, plan.several ? 0 : 2)}\n`);
  } else {
    const row = [language || "none", probability.toFixed(2)];
    await terminal.print(`${(plan.several ? [input.name, ...row] : row).join("\t")}\n`);
  }
}

function heardOf(options: TranscribeOptions): DetectLanguageOptions {
  const heard = Object.fromEntries(
    HEARD.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])),
  );
  return heard as DetectLanguageOptions;
}
