import { DETECTION_OPTIONS } from "../config/options.js";
import type { DetectLanguageOptions, TranscribeOptions, Transcriber } from "../index.js";
import type { CliContext } from "./context.js";
import { deliver, type Plan } from "./delivery.js";
import { UsageError } from "./exit.js";
import type { Job } from "./files.js";
import { flagsOfText, type Settings, type TranscribeFlags } from "./settings.js";
import type { Terminal } from "./terminal.js";

/** Refuses what has nothing to do with `--detect-language`. @throws UsageError */
export function checkDetection({ formats, transcribe }: Settings, flags: TranscribeFlags): void {
  if (flags.outputDir !== undefined)
    throw new UsageError("--detect-language writes to standard output, not to --output-dir");
  const useless = flagsOfText(flags, DETECTION_OPTIONS);
  if (useless.length > 0) throw new UsageError(`--detect-language has no use for ${useless.join(", ")}`);
  if (transcribe.channels === "each")
    throw new UsageError("--detect-language hears one channel: --channels mix, or the number of one");
  const [format] = formats;
  if (formats.length > 1 || (format !== "txt" && format !== "json")) {
    throw new UsageError(`--detect-language is written as txt or json, not as ${formats.join(", ")}`);
  }
}

/**
 * Prints the language of a file: `ru<TAB>0.98`, of several files after their names; `none` where nobody speaks. As JSON with
 * every language that was considered.
 */
export async function detectOne(
  job: Job<Plan>,
  transcriber: Transcriber,
  { stdin }: CliContext,
  terminal: Terminal,
): Promise<void> {
  const { input, plan, signal } = job;
  const options = { ...(plan.several && { priority: "bulk" as const }), ...heardOf(plan.transcribe), signal };
  const { language, probability, probabilities } = await transcriber.detectLanguage(
    input.path ?? stdin,
    options,
  );
  await job.mayWrite();
  if (plan.formats[0] === "json") {
    const document = `${JSON.stringify({ language, probability, probabilities }, undefined, 2)}\n`;
    await deliver(job, () => document, terminal);
  } else {
    const row = [language || "none", probability.toFixed(2)];
    await terminal.print(`${(plan.several ? [input.name, ...row] : row).join("\t")}\n`);
  }
}

function heardOf(options: TranscribeOptions): DetectLanguageOptions {
  const heard = DETECTION_OPTIONS.flatMap((name) =>
    options[name] === undefined ? [] : [[name, options[name]] as const],
  );
  return Object.fromEntries(heard) as DetectLanguageOptions;
}
