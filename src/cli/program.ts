import { Command, CommanderError } from "commander";
import type { FlagValues } from "../service/settings.js";
import type { BuildFlags } from "./build.js";
import type { CliContext } from "./context.js";
import { type DiarizeFlags, diarizeFiles } from "./diarize.js";
import { doctor } from "./doctor.js";
import { EXIT, exitCodeOf, Interruption, OutputClosed, UsageError } from "./exit.js";
import { addDiarizeOptions, addLiveOptions, addTranscribeOptions } from "./flags.js";
import { HELP, LIVE_HELP } from "./help.js";
import { type LiveFlags, transcribeLive } from "./live.js";
import { describe } from "./messages.js";
import * as models from "./models.js";
import { type ConvertFlags, convertModel } from "./models-convert.js";
import { hintFor, refuseForeignShorts } from "./other-tools.js";
import { printable } from "./printable.js";
import type { TranscribeFlags } from "./settings.js";
import { Terminal, type Verbosity } from "./terminal.js";
import { transcribeFiles } from "./transcribe.js";

/**
 * Runs one command line.
 * @param args without the names of node and the script
 * @returns exit code; every failure has been reported on stderr
 */
export async function run(args: readonly string[], context: CliContext): Promise<number> {
  let exitCode: number = EXIT.ok;
  let verbose = false;
  const perform = async (flags: Verbosity, command: (terminal: Terminal) => Promise<number>) => {
    verbose = flags.verbose === true;
    exitCode = await command(new Terminal(context.stdout, context.stderr, flags));
  };
  const program = createProgram(context, perform);
  try {
    const command = commandOf(program, args);
    if (!COMMANDS.includes(args[0] ?? "")) refuseForeignShorts(args, command.options);
    await program.parseAsync(args.map(spelled), { from: "user" });
    return exitCode;
  } catch (error) {
    return reportFailure(error, context, verbose, adviceOf(commandOf(program, args)));
  }
}

/** The command that a command line is for: `models inspect`, or the program itself. */
function commandOf(program: Command, args: readonly string[]): Command {
  let command = program;
  for (const arg of args) {
    const inner = command.commands.find((candidate) => candidate.name() === arg);
    if (!inner) break;
    command = inner;
  }
  return command;
}

/** Where to read on after an error. */
function adviceOf(command: Command): string {
  let name = command.name();
  for (let outer = command.parent; outer; outer = outer.parent) name = `${outer.name()} ${name}`;
  return `Try '${name} --help'.`;
}

/** What is said of wrong options beside what is wrong. */
function advise(command: Command): void {
  command.showHelpAfterError(adviceOf(command));
  command.configureOutput({ outputError: (text, write) => write(withHint(text, command)) });
  for (const inner of command.commands) advise(inner);
}

/** Commands that have options of their own. */
const COMMANDS = ["live", "serve", "worker", "models", "doctor", "build"];

/** Shorter and older spellings of flags. */
const SPELLINGS: Readonly<Record<string, string>> = {
  "--vad": "--vad-filter",
  "--no-vad": "--no-vad-filter",
  "--vad-min-speech": "--vad-min-speech-duration",
  "--vad-min-silence": "--vad-min-silence-duration",
  "--vad-max-speech": "--vad-max-speech-duration",
};

function spelled(arg: string): string {
  const [name, ...value] = arg.split("=");
  return Object.hasOwn(SPELLINGS, name!) ? [SPELLINGS[name!], ...value].join("=") : arg;
}

type Perform = (flags: Verbosity, command: (terminal: Terminal) => Promise<number>) => Promise<void>;

function createProgram(context: CliContext, perform: Perform): Command {
  const program = new Command("agora-transcribe")
    .description("Turns speech into text, on this machine.")
    .usage(
      "FILE… [options]\n       agora-transcribe live|diarize|serve|worker|models|doctor|build …",
    )
    .argument("[files...]", "recordings, patterns, or - for standard input")
    .enablePositionalOptions()
    .exitOverride()
    // Choices and defaults are part of the descriptions, in words.
    .configureHelp({
      minWidthToWrap: 30,
      visibleArguments: () => [],
      optionDescription: (option) => option.description,
    })
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(printable(text)),
      getOutHelpWidth: () => Math.min(context.stdout.columns ?? 100, 120),
      getErrHelpWidth: () => Math.min(context.stderr.columns ?? 100, 120),
    })
    .action((files: string[], flags: TranscribeFlags) => {
      if (files.length === 0) throw new UsageError("No input. Name a file, or - for standard input.");
      return perform(flags, (terminal) => transcribeFiles(files, flags, context, terminal));
    });
  addTranscribeOptions(program);
  program
    .optionsGroup("Other:")
    .version(context.api.VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand(false)
    .commandsGroup("Commands:")
    .addHelpText("after", HELP);
  addLive(program, context, perform);
  addDiarize(program, context, perform);
  addServe(program, context, perform);
  addWorker(program, context, perform);
  addDoctor(program, context, perform);
  addBuild(program, context, perform);
  addModels(program, context, perform);
  advise(program);
  return program;
}

/** An error about an unknown option, with what another tool's is called here. */
function withHint(text: string, command: Command): string {
  const [, flag] = /^error: unknown option '(.*)'/.exec(text) ?? [];
  const hint = flag === undefined ? undefined : hintFor(flag, command.options);
  return hint === undefined ? text : `error: unknown option '${flag}'; here: ${hint}\n`;
}

function addLive(program: Command, context: CliContext, perform: Perform): void {
  const command = program
    .command("live [command...]")
    .description("text of audio while it is spoken: of standard input, or of what a command records")
    .passThroughOptions()
    .action((device: string[], flags: LiveFlags) =>
      perform(flags, (terminal) => transcribeLive(device, flags, context, terminal)),
    )
    .addHelpText("after", LIVE_HELP);
  addLiveOptions(command);
}

function addDiarize(program: Command, context: CliContext, perform: Perform): void {
  const command = program
    .command("diarize <file...>")
    .description("who speaks when, without text")
    .action((files: string[], flags: DiarizeFlags) =>
      perform(flags, (terminal) => diarizeFiles(files, flags, context, terminal)),
    );
  addDiarizeOptions(command);
}

/** Values are checked with those of the environment, so that one message names all that is wrong. */
function addServe(program: Command, context: CliContext, perform: Perform): void {
  const command = program
    .command("serve")
    .description("answer requests over gRPC and HTTP until interrupted")
    .option("--port <n>", "port of gRPC; 0 takes a free one (SERVER_PORT, default: 50051)")
    .option("--host <address>", "address of gRPC (SERVER_HOST, default: [::])")
    .option(
      "--http-port <n>",
      "port of HTTP; 0 takes a free one (HTTP_PORT, default: 8000 where that is free)",
    )
    .option(
      "--http-host <address>",
      "address of HTTP; one that others can reach needs a token, or HTTP_WITHOUT_TOKEN (HTTP_HOST, default: 127.0.0.1)",
    )
    .option("--no-grpc", "do not open the gRPC door (SERVER_GRPC)")
    .option("--no-http", "do not open the HTTP door (SERVER_HTTP)");
  addModelOptions(command)
    .addHelpText(
      "after",
      "\nOptions take the place of variables of the environment, and those of a .env file here.",
    )
    .addHelpText("after", "The package's .env.example has all variables with their defaults.")
    .action(({ grpc, http, ...flags }: ServeFlags) =>
      // gRPC takes a tenth of a second to load.
      perform({}, async () =>
        (await import("./serve.js")).serve({ ...flags, ...closed({ grpc, http }) }, context),
      ),
    );
}

function addWorker(program: Command, context: CliContext, perform: Perform): void {
  const command = program
    .command("worker")
    .description("do the jobs that servers put into a queue, until interrupted");
  addModelOptions(command)
    .addHelpText(
      "after",
      "\nSettings are those of the server: its variables of the environment, and those of a .env file here. SERVER_HTTP_PORT",
    )
    .addHelpText("after", "opens metrics and probes; JOBS_MAX_RUNNING is the number of jobs at once.")
    .action((flags: FlagValues) =>
      perform({}, async () => (await import("./serve.js")).serve(flags, context, true)),
    );
}

/** What is loaded, and how, and where jobs are. */
function addModelOptions(command: Command): Command {
  return command
    .option("--queue-url <url>", "queue of jobs for workers: redis://, rediss:// or postgres:// (QUEUE_URL)")
    .option(
      "--queue-store <folder|s3>",
      "recordings and results of such jobs: a folder that all mount, or s3://… (QUEUE_STORE)",
    )
    .option(
      "--implementation <name>",
      "engine that runs the model (MODEL_IMPLEMENTATION, default: by the model)",
    )
    .option("-m, --model <name|path>", "model to serve (MODEL_NAME, default: Vikhrmodels/Borealis)")
    .option(
      "--models-served <list>",
      "other models that requests may name: installed, none, or names and paths (MODELS_SERVED, default: installed)",
    )
    .option(
      "--model-ttl <s>",
      "seconds that such a model stays loaded without use; -1: for ever (MODEL_TTL, default: 300)",
    )
    .option(
      "--models-max-memory <bytes>",
      "most that loaded models take (MODELS_MAX_MEMORY, default: half of the memory)",
    )
    .option("-d, --device <device>", "auto, cpu or cuda (MODEL_DEVICE, default: auto)")
    .option("-t, --threads <n>", "compute threads (MODEL_THREADS)")
    .option("-l, --language <code|name>", "spoken language (MODEL_LANGUAGE, default: detected)")
    .option("--cache-dir <dir>", "folder of downloaded models (AGORA_CACHE_DIR)");
}

type ServeFlags = Omit<FlagValues, "grpc" | "http"> & Record<"grpc" | "http", boolean>;

/** Of the flags of doors those that close one: commander sets the others, and settings may close theirs. */
function closed(doors: Readonly<Record<string, boolean>>): FlagValues {
  return Object.fromEntries(
    Object.entries(doors).flatMap(([name, isOpen]) => (isOpen ? [] : [[name, "false"]])),
  );
}

function addDoctor(program: Command, context: CliContext, perform: Perform): void {
  program
    .command("doctor")
    .description("what this machine offers and what was chosen")
    .option("--json", "for machines")
    .action((flags: models.JsonFlag) => perform({}, (terminal) => doctor(flags, context, terminal)));
}

function addBuild(program: Command, context: CliContext, perform: Perform): void {
  program
    .command("build")
    .description(
      "build the native addon from source, where there is none for this system or it is to use CUDA",
    )
    .option("--cuda", "with the CUDA backend; needs NVIDIA's toolkit")
    .option("--out <folder>", "build into it rather than into the installed package")
    .addHelpText("after", "\nNeeds GCC 11 or Clang 14, CMake 3.18 and make, and takes some minutes.")
    .action((flags: BuildFlags) =>
      perform({}, async (terminal) => (await import("./build.js")).buildAddon(flags, context, terminal)),
    );
}

function addModels(program: Command, context: CliContext, perform: Perform): void {
  const group = program
    .command("models")
    .description("list, download, inspect, remove, quantize and convert models")
    .helpCommand(false);
  group
    .command("list")
    .description("all known models and whether they are here")
    .option(...CACHE_DIR)
    .option("--json", "for machines")
    .action((flags: models.JsonFlag & models.CacheFlag) =>
      perform({}, (terminal) => models.listModels(flags, context, terminal)),
    );
  group
    .command("download <name...>")
    .description("fetch models into the cache, also from the Hugging Face Hub; prints their paths")
    .option(...CACHE_DIR)
    .option("-q, --quiet", "no progress")
    .action((names: string[], flags: Verbosity & models.CacheFlag) =>
      perform(flags, (terminal) => models.downloadModels(names, flags, context, terminal)),
    );
  group
    .command("inspect <name|path>")
    .description("check a model file and tell what it holds")
    .option(...CACHE_DIR)
    .option("--json", "for machines")
    .action((model: string, flags: models.JsonFlag & models.CacheFlag) =>
      perform({}, (terminal) => models.inspectModel(model, flags, context, terminal)),
    );
  group
    .command("remove <name...>")
    .description("delete models from the cache")
    .option(...CACHE_DIR)
    .action((names: string[], flags: models.CacheFlag) =>
      perform({}, (terminal) => models.removeModels(names, flags, context, terminal)),
    );
  group
    .command("quantize <source> <type> [destination]")
    .description(
      "write a smaller copy of a model, e.g. as q8_0, q5_0 or q4_0, into a file or folder (default: the current one); prints its path",
    )
    .option(...CACHE_DIR)
    .option("--force", "replace an existing file")
    .option("-q, --quiet", "no progress")
    .action((source: string, type: string, destination: string | undefined, flags: QuantizeFlags) =>
      perform(flags, (terminal) => models.quantizeModel(source, type, destination, flags, context, terminal)),
    );
  group
    .command("convert <folder|name>")
    .description(
      "make model files from a Whisper or Borealis checkpoint in Hugging Face's layout or faster-whisper's, or from its name there, from Nemotron-3-Diarization, or from the parts of a diarization pipeline; prints their paths",
    )
    .requiredOption("-o, --out <folder>", "where to write them")
    .option("-t, --type <type>", "f16 (default), f32, q8_0, q5_0, q4_0, …; bf16, q4_k … q6_k for Borealis")
    .option(...CACHE_DIR)
    .option("--force", "replace existing files")
    .option("-q, --quiet", "no progress")
    .action((folder: string, flags: ConvertFlags) =>
      perform(flags, (terminal) => convertModel(folder, flags, context, terminal)),
    );
}

const CACHE_DIR = ["--cache-dir <dir>", "folder of downloaded models (default: AGORA_CACHE_DIR)"] as const;

type QuantizeFlags = Verbosity & models.CacheFlag & { force?: boolean };

/** Says what went wrong, once, and returns the exit code. */
function reportFailure(
  error: unknown,
  { stderr, signal }: CliContext,
  verbose: boolean,
  advice: string,
): number {
  if (signal.reason instanceof Interruption) return signal.reason.exitCode;
  if (error instanceof OutputClosed) return EXIT.ok;
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof UsageError) {
    stderr.write(`error: ${printable(error.message)}\n${advice}\n`);
    return EXIT.usage;
  }
  stderr.write(`error: ${printable(describe(error))}\n`);
  if (verbose && error instanceof Error) stderr.write(`${printable(error.stack ?? "")}\n`);
  return exitCodeOf(error);
}
