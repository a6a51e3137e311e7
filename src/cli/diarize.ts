import { basename, extname } from "node:path";
import type { DiarizationResult } from "../index.js";
import type { CliContext } from "./context.js";
import { EXIT, exitCodeOf, UsageError } from "./exit.js";
import { expandInputs, type Input } from "./inputs.js";
import { describeFor } from "./messages.js";
import { type SpeakerFlags, speakerOptions } from "./settings.js";
import type { Terminal, Verbosity } from "./terminal.js";
import { formatDuration, formatSpeed } from "./units.js";

export type DiarizeFlags = Verbosity & SpeakerFlags & { format?: "rttm" | "json"; threads?: number };

/** `agora-transcribe diarize FILE…`: every file in turn; one that fails does not stop the others. */
export async function diarizeFiles(
  args: readonly string[],
  flags: DiarizeFlags,
  context: CliContext,
  terminal: Terminal,
): Promise<number> {
  if (args.includes("-") && context.stdin.isTTY) {
    throw new UsageError("- reads standard input, but nothing is piped in");
  }
  const { inputs, failures } = await expandInputs(args);
  for (const failure of failures) terminal.error(failure);
  const codes: number[] = failures.length > 0 ? [EXIT.failed] : [];
  for (const input of inputs) {
    try {
      const result = await diarizeOne(input, flags, context, terminal);
      await terminal.print(written(input, result, flags, context, inputs.length > 1));
      for (const warning of result.warnings) terminal.note(`${input.name}: ${warning}`);
      const speed = formatSpeed(result.duration / Math.max(result.processingTime, 1e-3));
      const count = result.speakers.length;
      terminal.summary(
        `${input.name}: ${count} ${count === 1 ? "speaker" : "speakers"} in ${formatDuration(result.duration)}, ${speed}`,
      );
    } catch (error) {
      context.signal.throwIfAborted();
      terminal.error(describeFor(input.name, error));
      codes.push(inputs.length === 1 ? exitCodeOf(error) : EXIT.failed);
    }
  }
  return codes[0] ?? EXIT.ok;
}

async function diarizeOne(
  input: Input,
  flags: DiarizeFlags,
  { api, stdin, signal }: CliContext,
  terminal: Terminal,
): Promise<DiarizationResult> {
  const { diarize, roles } = speakerOptions(flags);
  terminal.showStatus(() => input.name);
  try {
    return await api.diarize(input.path ?? stdin, {
      ...(typeof diarize === "object" && diarize),
      ...(typeof roles === "object" && { roles }),
      ...(flags.threads !== undefined && { threads: flags.threads }),
      signal,
    });
  } finally {
    terminal.hideStatus();
  }
}

function written(
  input: Input,
  result: DiarizationResult,
  { format = "rttm" }: DiarizeFlags,
  { api }: CliContext,
  several: boolean,
): string {
  if (format === "rttm") return api.formatTurns(result.turns, basename(input.name, extname(input.name)));
  // JSON Lines where there are several.
  return several
    ? `${JSON.stringify({ file: input.name, ...result })}\n`
    : `${JSON.stringify(result, undefined, 2)}\n`;
}
