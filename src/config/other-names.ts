/** What faster-whisper, WhisperX and whisper.cpp call options, without case and marks, and what is meant here. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  cputhreads: "threads",
  deviceindex: "CUDA_VISIBLE_DEVICES in the environment",
  downloadroot: "cacheDir",
  entropythold: "compressionRatioThreshold",
  hftoken: "HF_TOKEN in the environment",
  localfilesonly: "download: false",
  logprobthold: "logProbThreshold",
  logprogress: "onProgress",
  maxlen: "maxLineWidth of formatResult",
  maxnewtokens: "maxTokens",
  maxspeechdurations: "maxSpeechDuration, in seconds",
  minsilencedurationms: "minSilenceDuration, in seconds",
  minspeechdurationms: "minSpeechDuration, in seconds",
  modeldir: "cacheDir",
  modelsizeorpath: "model",
  nospeechthold: "noSpeechThreshold",
  numworkers: "any number of requests at once; batchSize decodes them together",
  offset: "negThreshold",
  onset: "threshold",
  outputformat: "formatResult(result, format)",
  prompt: "initialPrompt",
  speechpadms: "speechPad, in seconds",
  translate: 'task: "translate"',
  useauthtoken: "HF_TOKEN in the environment",
  vad: "vadFilter",
  vadparameters: "vadOptions, with times in seconds",
};

/** A name without case and marks. */
export function bareName(name: string): string {
  return name.toLowerCase().replace(/[^a-z]/g, "");
}

/** What an option of another tool is called here, in words; undefined for what no other tool has. */
export function otherName(name: string): string | undefined {
  const bare = bareName(name);
  return Object.hasOwn(OTHER_NAMES, bare) ? OTHER_NAMES[bare] : undefined;
}
