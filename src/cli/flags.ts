import { type Command, Option } from "commander";
import {
  COMPUTE_TYPES,
  DEVICES,
  DIARIZATION_ENGINES,
  LIVE_ENCODINGS,
  LIVE_POLICIES,
  OUTPUT_FORMATS,
  PRIORITIES,
  TASKS,
} from "../index.js";
import { TURN_FORMATS } from "./diarize.js";
import * as read from "./option-values.js";

/** Declares the options of `agora-transcribe FILE…`, grouped as `--help` shows them. */
export function addTranscribeOptions(command: Command): void {
  command
    .optionsGroup("Model:")
    .option(
      "-m, --model <name|path>",
      "model of `models list`, its file or folder, or a name on the Hugging Face Hub",
    )
    .addOption(
      new Option("-d, --device <device>", "auto (CUDA where it works), cpu or cuda").choices(DEVICES),
    )
    .addOption(SHARED.threads())
    .option(
      "--implementation <name>",
      "whisper (batched), whisper-cpp (one window after another) or borealis (default: by the model)",
    )
    .option(
      "--batch-size <n>",
      "whisper, borealis: windows decoded together (default: 16, 32)",
      read.wholeNumber,
    )
    .option("--compute-type <type>", `one of ${COMPUTE_TYPES.join(", ")} (default: ${COMPUTE_TYPES[0]})`)
    .option("--draft-model <name|path>", "whisper: small model that writes ahead; the text stays the same")
    .option("--cpu-variant <name>", "CPU code to use instead of the best; see: agora-transcribe doctor")
    .option("--vad-model <name|path>", "model that finds speech (default: silero-v6.2.0, which is included)")
    .addOption(SHARED.cacheDir())
    .addOption(SHARED.offline())
    .addOption(SHARED.noDownload())

    .optionsGroup("Speech:")
    .option("-l, --language <code|name>", "spoken language, e.g. ru or russian (default: detected)")
    .addOption(new Option("--task <task>", "transcribe (default), or translate into English").choices(TASKS))
    .option("--detect-language", "tell the language instead of transcribing; as text or -f json")
    .option("--multilingual", "detect the language of each window by itself")
    .option(
      "--language-detection-threshold <p>",
      "probability from which a window settles the language (default: 0.5)",
      read.number,
    )
    .option(
      "--language-detection-segments <n>",
      "windows to hear at most for the language (default: 4)",
      read.wholeNumber,
    )
    .option(
      "--clip-timestamps <list>",
      "only these stretches: start,end,start,end,… in seconds",
      read.numbers,
    )
    .option(
      "--channels <mix|each|n>",
      "mix all channels, each apart, or channel n only (default: mix)",
      read.channels,
    )
    .option("--diarize", "tell who says what: two parties on two channels, or by a diarization model")
    .addOption(SHARED.diarizationEngine())
    .addOption(SHARED.diarizationModel())
    .addOption(SHARED.numSpeakers())
    .addOption(SHARED.minSpeakers())
    .addOption(SHARED.maxSpeakers())
    .option("--roles", "with --diarize: tell seller from client, by what they say")
    .option("--seller-channel <n>", "the channel that the seller is on; implies --roles", read.wholeNumber)
    .addOption(SHARED.sellerVoice("implies --roles"))
    .addOption(SHARED.knownVoice())
    .addOption(SHARED.track())
    .option("--word-timestamps", "time and confidence of each word")
    .option("--prepend-punctuations <chars>", "punctuation that is part of the word after it")
    .option("--append-punctuations <chars>", "punctuation that is part of the word before it")
    .option("--initial-prompt <text>", "text the recording might follow on from: names, spelling, style")
    .option("--carry-initial-prompt", "give every window the initial prompt, not the first one only")
    .option("--hotwords <words>", "words to expect, given to every window; the first that fit")
    .option("--prefix <text>", "text that the first window is to begin with")
    .option("--vad-filter", "find speech first (default)")
    .option("--no-vad-filter", "leave out silence only, do not look for speech")
    .option("--vad-threshold <p>", "probability from which sound is speech (default: 0.5)", read.number)
    .option(
      "--vad-neg-threshold <p>",
      "probability below which speech ends (default: 0.15 less)",
      read.number,
    )
    .option("--vad-min-speech-duration <s>", "drop shorter bursts, in seconds (default: 0)", read.number)
    .option("--vad-min-silence-duration <s>", "bridge shorter pauses, in seconds (default: 2)", read.number)
    .option("--vad-speech-pad <s>", "seconds added around speech (default: 0.4)", read.number)
    .option("--vad-max-speech-duration <s>", "part longer speech, in seconds (default: never)", read.number)
    .option(
      "--chunk-length <s>",
      "longest window, 1 to 30 seconds (default: what the model reads well)",
      read.number,
    )

    .optionsGroup("Output:")
    .option(
      "-f, --format <list>",
      `comma list of ${OUTPUT_FORMATS.join(", ")}, or all (default: txt); whisperx by name times words where the model can`,
      read.choices(OUTPUT_FORMATS),
    )
    .addOption(SHARED.outputDir())
    .addOption(SHARED.noClobber())
    .addOption(SHARED.skipExisting())
    .option("-j, --jobs <n>", "files at once (default: as many short ones as fill a batch)", read.wholeNumber)
    .option("--max-line-width <n>", "srt, vtt: characters in a line", read.wholeNumber)
    .option("--max-line-count <n>", "srt, vtt: lines shown at once", read.wholeNumber)
    .option("--max-words-per-line <n>", "srt, vtt: words in a line", read.wholeNumber)
    .option("--highlight-words", "srt, vtt: underline words as they are spoken; implies --word-timestamps")
    .option("--channel-labels <list>", "names for --channels each, e.g. agent,customer", read.list)
    .addOption(SHARED.quiet())
    .addOption(SHARED.verbose())

    .optionsGroup("Decoding:")
    .option("--beam-size <n>", "beams of beam search; 1 is greedy (default: 1)", read.wholeNumber)
    .option("--best-of <n>", "samples per window at temperatures above 0 (default: 5)", read.wholeNumber)
    .option("--patience <x>", "patience of beam search (default: 1)", read.number)
    .option("--length-penalty <x>", "exponent of the length a beam's score is divided by", read.number)
    .option(
      "--temperature <list>",
      "temperatures to try in turn (default: 0,0.2,0.4,0.6,0.8,1)",
      read.temperature,
    )
    .option(
      "--compression-ratio-threshold <x>",
      "retry text more repetitive than this (default: 2.4)",
      read.threshold,
    )
    .option("--log-prob-threshold <x>", "retry text less probable than this (default: -1)", read.threshold)
    .addOption(
      valueNamedNo(
        "--no-speech-threshold <p>",
        "drop text where silence is this probable (default: 0.6)",
      ).argParser(read.threshold),
    )
    .option(
      "--hallucination-silence-threshold <s>",
      "drop odd text in silence longer than this (default: none)",
      read.threshold,
    )
    .option("--repetition-penalty <x>", "make written tokens less probable (default: 1, none)", read.number)
    .addOption(
      valueNamedNo(
        "--no-repeat-ngram-size <n>",
        "write no run of this many tokens twice (default: 0, off)",
      ).argParser(read.wholeNumber),
    )
    .option("--condition-on-previous-text", "give each window the text before it")
    .option(
      "--prompt-reset-on-temperature <x>",
      "not text decoded above this temperature (default: 0.5)",
      read.number,
    )
    .option("--no-suppress-blank", "allow a blank at the start of a segment")
    .option(
      "--suppress-tokens <ids>",
      "token ids never to produce; -1: non-speech symbols (default: -1)",
      read.wholeNumbers,
    )
    .option("--suppress-numerals", "whisper: write numbers in words, not in digits")
    .option("--without-timestamps", "one segment per window")
    .option(
      "--max-initial-timestamp <s>",
      "latest start of a window's first segment (default: 1)",
      read.number,
    )
    .option("--max-tokens <n>", "most tokens per window", read.wholeNumber)
    .option("--top-k <n>", "borealis: draw from so many tokens; 0 for all (default: 50)", read.wholeNumber)
    .option("--top-p <p>", "borealis: draw from tokens that make up so much (default: 0.9)", read.number)
    .option("--system-prompt <text>", "borealis: what the model is told first")
    .option("--user-prompt <text>", "borealis: what the model is told before the audio")
    .option("--seed <n>", "seed of sampling (default: 0)", read.wholeNumber)

    .addOption(
      new Option(
        "--priority <priority>",
        "first text soon, or the whole soon (default: interactive, of several files bulk)",
      ).choices(PRIORITIES),
    )

    .optionsGroup("Limits:");
  addLimitOptions(command);
}

/** Declares the options of `agora-transcribe diarize FILE…`: those of a transcription that concern who speaks when. */
export function addDiarizeOptions(command: Command): void {
  command
    .option(
      "-f, --format <list>",
      `comma list of ${TURN_FORMATS.join(", ")}, or all (default: ${TURN_FORMATS[0]})`,
      read.choices(TURN_FORMATS),
    )
    .addOption(SHARED.outputDir("write <name>.rttm, <name>.diarization.json there, not to standard output"))
    .addOption(SHARED.noClobber())
    .addOption(SHARED.skipExisting())
    .addOption(SHARED.diarizationEngine())
    .addOption(SHARED.diarizationModel())
    .addOption(SHARED.numSpeakers())
    .addOption(SHARED.minSpeakers())
    .addOption(SHARED.maxSpeakers())
    .option("--seller-channel <n>", "json: the channel that the seller is on", read.wholeNumber)
    .addOption(SHARED.sellerVoice("json"))
    .addOption(SHARED.knownVoice())
    .option(
      "--channels <mix|n>",
      "mix all channels, or channel n only (default: two parties on two channels apart, else mix)",
      read.oneChannel,
    )
    .addOption(SHARED.track())
    .addOption(SHARED.threads())
    .addOption(SHARED.cacheDir())
    .addOption(SHARED.offline())
    .addOption(SHARED.noDownload())
    .addOption(SHARED.quiet())
    .addOption(SHARED.verbose());
  addLimitOptions(command);
}

/** Declares the options of `agora-transcribe live`. */
export function addLiveOptions(command: Command): void {
  command
    .option("-m, --model <name|path>", "model of `models list`, its file or folder, or a name on the Hub")
    .addOption(
      new Option("-d, --device <device>", "auto (CUDA where it works), cpu or cuda").choices(DEVICES),
    )
    .addOption(SHARED.threads())
    .option("--implementation <name>", "engine that runs the model (default: by the model)")
    .option("--compute-type <type>", `one of ${COMPUTE_TYPES.join(", ")} (default: ${COMPUTE_TYPES[0]})`)
    .addOption(SHARED.cacheDir())
    .addOption(SHARED.offline())
    .addOption(SHARED.noDownload())
    .option("-l, --language <code|name>", "spoken language, e.g. ru or russian (default: detected)")
    .addOption(new Option("--task <task>", "transcribe (default), or translate into English").choices(TASKS))
    .option("--initial-prompt <text>", "text that each utterance might follow on from")
    .option("--hotwords <words>", "words to expect")
    .option(
      "--sample-rate <hz>",
      "of the audio, 8000 to 192000 (default: 16000, or its WAV header)",
      read.wholeNumber,
    )
    .addOption(
      new Option(
        "--encoding <name>",
        `of the audio: ${LIVE_ENCODINGS.join(", ")} (default: s16le, or its WAV header)`,
      ).choices(LIVE_ENCODINGS),
    )
    .option(
      "--channels <n>",
      "channels of the audio, each transcribed by itself (default: 1)",
      read.wholeNumber,
    )
    .option("--diarize", "tell who speaks: each of several channels, or those of one by a diarization model")
    .addOption(SHARED.diarizationModel())
    .addOption(SHARED.numSpeakers())
    .addOption(SHARED.maxSpeakers())
    .option("--endpoint-ms <ms>", "silence that ends an utterance, 200 to 5000 (default: 500)", read.number)
    .option("--step <s>", "seconds of new audio between passes, 0.2 to 5 (default: 1)", read.number)
    .addOption(
      new Option(
        "--policy <name>",
        `what settles words: ${LIVE_POLICIES.join(", ")} (default: auto)`,
      ).choices(LIVE_POLICIES),
    )
    .option("--no-interim", "show final text only")
    .option("--word-timestamps", "time and confidence of each word, with --json")
    .option("--json", "every event as a line of JSON")
    .addOption(
      new Option(
        "--save <file>",
        "write the transcript there at the end, as the file's ending says: .txt, .srt, .json, …; may be repeated",
      ).argParser((path, before: string[] = []) => [...before, path]),
    )
    .option("--record <file>", "keep the audio as a WAV file")
    .option(
      "--again",
      "for --save: hear the recording again at the end, with all of its context; slower, better",
    )
    .addOption(SHARED.quiet())
    .addOption(SHARED.verbose());
}

function addLimitOptions(command: Command): void {
  command
    .option("--timeout <s>", "seconds that one file may take", read.number)
    .option("--max-duration <s>", "longest recording in seconds (default: 12 hours)", read.number)
    .option("--max-bytes <n>", "largest input in bytes (default: 4 GiB)", read.wholeNumber)
    .option("--decode-timeout <s>", "seconds spent waiting for the decoder (default: 600)", read.number);
}

/** Options that several commands have. */
const SHARED = {
  cacheDir: () => new Option("--cache-dir <dir>", "folder of downloaded models (default: AGORA_CACHE_DIR)"),
  offline: () => new Option("--offline", "never download a model"),
  noDownload: () => new Option("--no-download", "the same as --offline").hideHelp(),
  threads: () =>
    new Option(
      "-t, --threads <n>",
      "compute threads, at most the cores of this process (default: those, at most 8)",
    ).argParser(read.wholeNumber),
  track: () =>
    new Option(
      "--track <n>",
      "audio track n, from 0 (default: the file's default one, else the first with sound)",
    ).argParser(read.wholeNumber),
  diarizationEngine: () =>
    new Option(
      "--diarization-engine <name>",
      `for speakers of one channel: ${DIARIZATION_ENGINES.join(", ")} (default: what the model is for)`,
    ),
  diarizationModel: () =>
    new Option(
      "--diarization-model <name|path>",
      "model for speakers of one channel (default: AGORA_DIARIZATION_MODEL, else nemotron-3-diarization)",
    ),
  numSpeakers: () =>
    new Option("--num-speakers <n>", "exactly so many speakers (default: counted)").argParser(
      read.wholeNumber,
    ),
  minSpeakers: () =>
    new Option("--min-speakers <n>", "at least so many speakers").argParser(read.wholeNumber),
  maxSpeakers: () => new Option("--max-speakers <n>", "at most so many speakers").argParser(read.wholeNumber),
  sellerVoice: (note: string) =>
    new Option(
      "--seller-voice <file>",
      `recording of a seller alone, whose voice is to be known; may be repeated; ${note}`,
    ).argParser((path, before: string[] = []) => [...before, path]),
  knownVoice: () =>
    new Option(
      "--known-voice <name=file>",
      "who has the voice of a recording is called by that name; may be repeated; a community model is needed",
    ).argParser(read.knownVoice),
  outputDir: (does = "write <name>.<format> there instead of to standard output") =>
    new Option("-o, --output-dir <dir>", does),
  noClobber: () =>
    new Option("--no-clobber", "end before the work where a file in --output-dir would be replaced"),
  skipExisting: () =>
    new Option("--skip-existing", "leave out inputs whose files are in --output-dir already"),
  quiet: () => new Option("-q, --quiet", "no progress, notes, warnings or headers; errors still show"),
  verbose: () => new Option("-v, --verbose", "what is loaded, detected and measured"),
};

/** An option with a value whose name begins with `no`, which commander would take for the opposite of another. */
function valueNamedNo(flags: string, description: string): Option {
  const option = new Option(flags, description);
  option.negate = false;
  option.attributeName = () =>
    option.long!.slice(2).replace(/-([a-z])/g, (_, letter) => letter.toUpperCase());
  return option;
}
