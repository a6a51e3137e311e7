import { resolveRequest, resolveTranscriberOptions } from "../config/options.js";
import type { AudioLimits, DiarizationResult, DiarizeOptions } from "../index.js";
import type { CliContext } from "./context.js";
import { deliver } from "./delivery.js";
import { noteDownloads } from "./download-note.js";
import { doneWithoutWork, type FilePlan, type Job, planFiles, workThrough } from "./files.js";
import { recordingIds } from "./inputs.js";
import { roomFor } from "./jobs.js";
import { withVoices } from "./known-voices.js";
import { allOr, type Chosen } from "./option-values.js";
import type { OutputFlags } from "./output-files.js";
import {
  type LimitFlags,
  limitsOf,
  type ModelFlags,
  modelSource,
  type SpeakerFlags,
  speakerOptions,
} from "./settings.js";
import type { Terminal, Verbosity } from "./terminal.js";
import { formatDuration, formatSpeed } from "./units.js";

/** What turns can be written as. */
export const TURN_FORMATS = ["rttm", "json"] as const;

type TurnFormat = (typeof TURN_FORMATS)[number];

/** Endings of their files. A transcript in the same folder is JSON, too. */
const EXTENSIONS: Readonly<Record<TurnFormat, string>> = { rttm: "rttm", json: "diarization.json" };

export type DiarizeFlags = Verbosity &
  Omit<SpeakerFlags, "diarize" | "roles"> &
  OutputFlags &
  LimitFlags &
  ModelFlags & {
    format?: Chosen<TurnFormat>[];
    channels?: "mix" | number;
    track?: number;
    threads?: number;
    timeout?: number;
  };

interface DiarizationPlan extends FilePlan<TurnFormat> {
  /** Names of the recordings in RTTM, no two alike. */
  ids: readonly string[];
  options: DiarizeOptions;
}

/**
 * `agora-transcribe diarize FILE…`: every file in turn; one that fails does not stop the others.
 * @returns exit code
 * @throws UsageError, OutputFailed, TranscriptionError for wrong options, and the reason of an interrupt
 */
export async function diarizeFiles(
  args: readonly string[],
  flags: DiarizeFlags,
  context: CliContext,
  terminal: Terminal,
): Promise<number> {
  const writable = {
    formats: allOr(TURN_FORMATS, flags.format ?? ["rttm"]),
    joinable: TURN_FORMATS,
    extensionOf: (format: TurnFormat) => EXTENSIONS[format],
  };
  const options = optionsOf(flags);
  const files = await planFiles(args, flags, writable, context, terminal);
  const done = doneWithoutWork(files, terminal);
  if (done !== undefined) return done;
  const { model, threads, roles } = options;
  const voices = {
    ...modelSource(flags),
    ...(model !== undefined && { model }),
    ...(threads !== undefined && { threads }),
  };
  const known = await withVoices({ ...(roles !== undefined && { roles }) }, flags, voices, context);
  const plan = {
    ...files,
    ids: recordingIds(files.inputs),
    options: {
      ...options,
      ...(typeof known.diarize === "object" && known.diarize),
      ...(typeof known.roles === "object" && { roles: known.roles }),
    },
  };
  // A model hears one recording at a time.
  return workThrough(plan, roomFor(1), (job) => diarizeOne(job, context, terminal), context, terminal, "");
}

/** @throws TranscriptionError INVALID_ARGUMENT */
function optionsOf(flags: DiarizeFlags): DiarizeOptions {
  const { channels, track, threads, timeout } = flags;
  const { diarize, roles } = speakerOptions(flags);
  const limits: Partial<AudioLimits> = limitsOf(flags);
  const heard = {
    ...(typeof roles === "object" && { roles }),
    ...(channels !== undefined && { channels }),
    ...(track !== undefined && { track }),
    ...(timeout !== undefined && { timeout }),
    ...(Object.keys(limits).length > 0 && { limits }),
  };
  // Once for all files.
  resolveRequest({ ...heard, ...(diarize !== undefined && { diarize }) });
  const source = modelSource(flags);
  resolveTranscriberOptions({ threads, ...source });
  return {
    ...heard,
    ...source,
    ...(typeof diarize === "object" && diarize),
    ...(threads !== undefined && { threads }),
  };
}

async function diarizeOne(
  job: Job<DiarizationPlan>,
  { api, stdin }: CliContext,
  terminal: Terminal,
): Promise<void> {
  const { input, index, plan, signal } = job;
  const result = await api.diarize(input.path ?? stdin, {
    ...plan.options,
    signal,
    onDownload: noteDownloads((text) => terminal.note(text)),
  });
  await job.mayWrite();
  for (const warning of result.warnings) terminal.note(`${input.name}: warning: ${warning}`);
  const textOf = (format: TurnFormat): string =>
    format === "rttm"
      ? api.formatTurns(api.renameSpeakers(result).turns, plan.ids[index]!)
      : `${JSON.stringify(result, undefined, 2)}\n`;
  await deliver(job, textOf, terminal);
  summarize(input.name, result, terminal);
}

function summarize(name: string, result: DiarizationResult, terminal: Terminal): void {
  const speed = formatSpeed(result.duration / Math.max(result.processingTime, 1e-3));
  const count = result.speakers.length;
  terminal.summary(
    `${name}: ${count} ${count === 1 ? "speaker" : "speakers"} in ${formatDuration(result.duration)}, ${speed}`,
  );
}
