/** Numbers that an option may be: `least` and `most` are allowed, what is `step` beyond them is not. */
export interface OptionRange {
  /** As the library has it; `vadOptions.threshold` is one of an object. */
  option: string;
  least: number;
  most: number;
  /** 1 for integers; otherwise small enough to tell the bound. */
  step: number;
  /** What has to be given with it. */
  beside?: Record<string, number>;
  /** The addon's own least, where it has a value of its own for the library's default. */
  nativeLeast?: number;
}

const WEEK = 7 * 24 * 60 * 60;
const TINY = 1e-6;

const integers = (option: string, least: number, most: number): OptionRange => ({
  option,
  least,
  most,
  step: 1,
});
const numbers = (option: string, least: number, most: number): OptionRange => ({
  option,
  least,
  most,
  step: 0.001,
});
/** Above 0. */
const positive = (option: string, most: number): OptionRange => ({ option, least: TINY, most, step: TINY });

/** Every option of a request that is a number, or a list of them. */
export const OPTION_RANGES: readonly OptionRange[] = [
  integers("beamSize", 1, 8),
  integers("bestOf", 1, 8),
  positive("patience", 100),
  { ...numbers("lengthPenalty", 0, 10), nativeLeast: -1 },
  numbers("temperature", 0, 2),
  numbers("compressionRatioThreshold", 0, 1000),
  numbers("logProbThreshold", -1000, 0),
  numbers("noSpeechThreshold", 0, 1),
  numbers("repetitionPenalty", 0.01, 100),
  integers("noRepeatNgramSize", 0, 448),
  positive("hallucinationSilenceThreshold", 30),
  numbers("promptResetOnTemperature", 0, 2),
  numbers("languageDetectionThreshold", 0, 1),
  integers("languageDetectionSegments", 1, 1000),
  { ...integers("suppressTokens", -1, 100_000), nativeLeast: 0 },
  numbers("maxInitialTimestamp", 0, 30),
  integers("maxTokens", 1, 448),
  numbers("chunkLength", 1, 30),
  integers("channels", 0, 63),
  integers("track", 0, 999),
  integers("seed", 0, 2 ** 31 - 1),
  integers("topK", 0, 1_000_000),
  numbers("topP", 0.01, 1),
  positive("timeout", WEEK),
  numbers("vadOptions.threshold", 0.01, 1),
  { ...numbers("vadOptions.negThreshold", 0, 1), beside: { "vadOptions.threshold": 1 } },
  numbers("vadOptions.minSpeechDuration", 0, 30),
  numbers("vadOptions.minSilenceDuration", 0, 30),
  numbers("vadOptions.speechPad", 0, 5),
  integers("limits.maxBytes", 1, Number.MAX_SAFE_INTEGER),
  positive("limits.maxDuration", 36_000_000),
  positive("limits.decodeTimeout", WEEK),
];

/** Options that are lists of such numbers. */
export const LISTS = ["temperature", "suppressTokens"];

export function inside({ least, most }: OptionRange): number[] {
  return [least, most];
}

export function outside({ least, most, step }: OptionRange): number[] {
  // Beyond the last integer that a number holds exactly nothing is told apart.
  return [least - step, ...(most < Number.MAX_SAFE_INTEGER ? [most + step] : [])];
}

/** The options `{ vadOptions: { threshold: 0.5 } }` for `vadOptions.threshold` and 0.5. */
export function optionsOf(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const [option, value] of Object.entries(values)) {
    const [name = "", part] = option.split(".");
    options[name] = part === undefined ? value : { ...(options[name] as object), [part]: value };
  }
  return options;
}

/** `beam-size` for `beamSize`. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `beam_size` for `beamSize`. */
export function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The command line's name of an option: parts of `vadOptions` begin with `vad`, those of `limits` stand alone. */
export function flagOf(option: string): string {
  return `--${kebab(option.replace("limits.", "").replace("vadOptions.", "vad-"))}`;
}
