import type { Option } from "commander";
import { UsageError } from "./exit.js";

/**
 * What whisper-cli, WhisperX and faster-whisper call things, and what is meant here; docs/switching.md has the whole
 * table. Names that differ from ours in `_` for `-` alone need no entry.
 */
const LONG: Readonly<Record<string, string>> = {
  "align-model": "words are aligned by the model's own attention: --word-timestamps",
  "audio-ctx": "the engine reads no shorter windows",
  "chunk-size": "--chunk-length",
  "cpu-threads": "--threads",
  "debug-mode": "--verbose",
  "diarize-model": "--diarization-model",
  "device-index": "the first GPU is used; CUDA_VISIBLE_DEVICES chooses another",
  "download-root": "--cache-dir",
  dtw: "--word-timestamps",
  duration: "--clip-timestamps START,END",
  "entropy-thold": "--compression-ratio-threshold",
  file: "files need no option: agora-transcribe FILE…",
  "flash-attn": "attention needs no option",
  "no-flash-attn": "attention needs no option",
  "font-path": "nothing is drawn",
  fp16: "--compute-type float16 or float32",
  grammar: "there are no grammars; --hotwords and --initial-prompt tell what to expect",
  "grammar-penalty": "there are no grammars; --hotwords and --initial-prompt tell what to expect",
  "grammar-rule": "there are no grammars; --hotwords and --initial-prompt tell what to expect",
  "hf-token": "set HF_TOKEN",
  "interpolate-method": "words are aligned by the model's own attention: --word-timestamps",
  "local-files-only": "--offline",
  "log-level": "--verbose or --quiet",
  "log-progress": "progress is shown on a terminal, unless --quiet",
  "log-score": "-f json has the probabilities",
  "logprob-thold": "--log-prob-threshold",
  "logprob-threshold": "--log-prob-threshold",
  "max-context": "text before is given with --condition-on-previous-text alone",
  "max-len": "--max-line-width",
  "max-new-tokens": "--max-tokens",
  "model-cache-only": "--offline",
  "model-dir": "--cache-dir",
  "model-size-or-path": "--model",
  "no-align": "words are timed with --word-timestamps alone",
  "no-fallback": "--temperature 0",
  "no-gpu": "--device cpu",
  "no-prints": "--quiet",
  "no-speech-thold": "--no-speech-threshold",
  "no-timestamps": "-f txt has none; --without-timestamps decodes without",
  "num-workers": "--jobs",
  "offset-n": "numbers begin with 0, in subtitles with 1",
  "offset-t": "--clip-timestamps START,END, in seconds",
  output: "--output-dir",
  "ov-e-device": "there is no OpenVINO here",
  "output-csv": "-f csv",
  "output-file": "--output-dir; files are called after their recordings",
  "output-format": "--format",
  "output-json": "-f json",
  "output-json-full": "-f json --word-timestamps",
  "output-lrc": "-f lrc",
  "output-srt": "-f srt",
  "output-txt": "-f txt",
  "output-vtt": "-f vtt",
  "output-words": "-f srt --highlight-words",
  "print-colors": "-f json --word-timestamps has the confidence of each word",
  "print-confidence": "-f json --word-timestamps has the confidence of each word",
  "print-progress": "progress is shown on a terminal, unless --quiet",
  "python-version": "there is no Python here; agora-transcribe doctor shows what there is",
  "print-special": "special tokens are never written",
  processors: "--threads, and --jobs for files at once",
  prompt: "--initial-prompt",
  "return-char-alignments": "words are the smallest that is timed: --word-timestamps",
  "segment-resolution": "segments are the model's own; --max-words-per-line cuts subtitles",
  "speaker-embeddings": "the library's option diarize.embeddings gives voices",
  "split-on-word": "lines are never cut within a word",
  "suppress-nst": "non-speech tokens are suppressed unless --suppress-tokens says otherwise",
  "suppress-regex": "--suppress-tokens takes ids",
  "timestamp-sanitize": "times are in order and within their segments",
  "temperature-inc": "--temperature 0,0.2,0.4,… lists what is tried",
  "temperature-increment-on-fallback": "--temperature 0,0.2,0.4,… lists what is tried",
  tinydiarize: "--diarize",
  translate: "--task translate",
  "vad-max-speech-duration-s": "--vad-max-speech-duration",
  "vad-method": "the VAD is Silero's; --vad-model takes another file",
  "vad-min-silence-duration-ms": "--vad-min-silence-duration, in seconds",
  "vad-min-speech-duration-ms": "--vad-min-speech-duration, in seconds",
  "vad-offset": "--vad-neg-threshold",
  "vad-onset": "--vad-threshold",
  "vad-parameters": "--vad-threshold, --vad-min-silence-duration, … one by one",
  "vad-samples-overlap": "stretches of speech do not overlap",
  "vad-speech-pad-ms": "--vad-speech-pad, in seconds",
  "word-thold": "-f json --word-timestamps has the confidence of each word",
};

/** whisper-cli's options of one dash and several letters, which would be read as one letter and its value here. */
const SHORT: Readonly<Record<string, string>> = {
  "-ac": LONG["audio-ctx"]!,
  "-bo": "--best-of",
  "-bs": "--beam-size",
  "-debug": "--verbose",
  "-dev": "CUDA_VISIBLE_DEVICES",
  "-di": "--diarize",
  "-dl": "--detect-language",
  "-dtw": "--word-timestamps",
  "-et": LONG["entropy-thold"]!,
  "-fa": LONG["flash-attn"]!,
  "-fp": LONG["font-path"]!,
  "-lpt": "--log-prob-threshold",
  "-ls": LONG["log-score"]!,
  "-mc": LONG["max-context"]!,
  "-ml": "--max-line-width",
  "-ng": "--device cpu",
  "-nfa": LONG["no-flash-attn"]!,
  "-nf": "--temperature 0",
  "-np": "--quiet",
  "-nt": LONG["no-timestamps"]!,
  "-nth": "--no-speech-threshold",
  "-ocsv": "-f csv",
  "-of": LONG["output-file"]!,
  "-oj": "-f json",
  "-ojf": "-f json --word-timestamps",
  "-olrc": "-f lrc",
  "-on": LONG["offset-n"]!,
  "-osrt": "-f srt",
  "-ot": LONG["offset-t"]!,
  "-oved": LONG["ov-e-device"]!,
  "-otxt": "-f txt",
  "-ovtt": "-f vtt",
  "-owts": "-f srt --highlight-words",
  "-p": LONG.processors!,
  "-pc": LONG["print-colors"]!,
  "-pp": LONG["print-progress"]!,
  "-ps": LONG["print-special"]!,
  "-sns": LONG["suppress-nst"]!,
  "-sow": LONG["split-on-word"]!,
  "-tdrz": LONG.tinydiarize!,
  "-tp": "--temperature",
  "-tpi": LONG["temperature-inc"]!,
  "-tr": "--task translate",
  "-vmsd": LONG["vad-max-speech-duration-s"]!,
  "-vo": LONG["vad-samples-overlap"]!,
  "-vp": LONG["vad-speech-pad-ms"]!,
  "-vsd": LONG["vad-min-silence-duration-ms"]!,
  "-vspd": LONG["vad-min-speech-duration-ms"]!,
  "-vm": "--vad-model",
  "-vt": "--vad-threshold",
  "-wt": LONG["word-thold"]!,
};

/** Names of other tools that are told apart. */
export const FOREIGN_OPTIONS: readonly string[] = [
  ...Object.keys(LONG).map((name) => `--${name}`),
  ...Object.keys(SHORT),
];

/**
 * Refuses what would be taken for something else here: `-osrt` for a folder named srt.
 * @param own options of the command
 * @throws UsageError
 */
export function refuseForeignShorts(args: readonly string[], own: readonly Option[]): void {
  for (const arg of args) {
    if (arg === "--") return;
    if (!Object.hasOwn(SHORT, arg)) continue;
    const hint = SHORT[arg]!;
    throw new UsageError(`${arg} is whisper-cli's${canBeTaken(hint, own) ? `; here: ${hint}` : ""}`);
  }
}

/**
 * What an option that is not known is called here; undefined: the command has nothing of the kind.
 * @param flag as it was typed, such as `--output_format`
 * @param own options of the command
 */
export function hintFor(flag: string, own: readonly Option[]): string | undefined {
  const name = flag.replace(/^--/, "").replace(/=.*/s, "").replaceAll("_", "-").toLowerCase();
  const hint = Object.hasOwn(LONG, name) ? LONG[name]! : `--${name}`;
  return hint !== flag && canBeTaken(hint, own) ? hint : undefined;
}

/** Whether a command has all the flags that a hint names, and the formats. */
function canBeTaken(hint: string, own: readonly Option[]): boolean {
  const named = [...hint.matchAll(/(?<![\w-])(--?[a-z][a-z-]*)(?: (\w+))?/g)];
  return named.every(([, flag, value]) => {
    const option = own.find(({ short, long }) => short === flag || long === flag);
    return option !== undefined && (flag !== "-f" || takes(option, value!));
  });
}

function takes({ parseArg }: Option, value: string): boolean {
  try {
    parseArg?.(value, undefined);
    return true;
  } catch {
    return false;
  }
}
