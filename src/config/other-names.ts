/** What faster-whisper, WhisperX and whisper.cpp call options, without case and marks, and what is meant here. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  batchsize: "batchSize of createTranscriber()",
  chunksize: "chunkLength",
  computetype: "computeType of createTranscriber()",
  cputhreads: "threads",
  detectlanguage: "detectLanguage() of a transcriber",
  device: "device of createTranscriber()",
  deviceindex: "CUDA_VISIBLE_DEVICES in the environment",
  diarizemodel: "diarize: { model }",
  downloadroot: "cacheDir",
  entropythold: "compressionRatioThreshold",
  files: "model, the path of a file or folder",
  fp: "computeType of createTranscriber()",
  hftoken: "HF_TOKEN in the environment",
  implementation: "implementation of createTranscriber()",
  localfilesonly: "download: false",
  logprobthold: "logProbThreshold",
  logprogress: "onProgress",
  maxcontext: "conditionOnPreviousText",
  maxlen: "maxLineWidth of formatResult",
  maxlinewidth: "maxLineWidth of formatResult",
  maxnewtokens: "maxTokens",
  maxspeakers: "diarize: { maxSpeakers }",
  maxspeechdurations: "maxSpeechDuration, in seconds",
  minsilencedurationms: "minSilenceDuration, in seconds",
  minspeakers: "diarize: { minSpeakers }",
  minspeechdurationms: "minSpeechDuration, in seconds",
  model: "model of createTranscriber()",
  modelcacheonly: "download: false",
  modeldir: "cacheDir",
  modelsizeorpath: "model",
  noalign: "wordTimestamps",
  nofallback: "temperature: 0",
  nospeechthold: "noSpeechThreshold",
  numspeakers: "diarize: { numSpeakers }",
  numworkers: "any number of requests at once; batchSize decodes them together",
  offset: "negThreshold",
  offsett: "clipTimestamps: [START, END], in seconds",
  onset: "threshold",
  outputformat: "formatResult(result, format)",
  printprogress: "onProgress",
  prompt: "initialPrompt",
  revision: 'model: "owner/name@revision"',
  speakerembeddings: "diarize: { embeddings: true }",
  speechpadms: "speechPad, in seconds",
  temperatureinc: "temperature: [0, 0.2, 0.4], a list of what is tried",
  temperatureincrementonfallback: "temperature: [0, 0.2, 0.4], a list of what is tried",
  threads: "threads of createTranscriber()",
  translate: 'task: "translate"',
  useauthtoken: "HF_TOKEN in the environment",
  vad: "vadFilter",
  vadmethod: "vadModel of createTranscriber()",
  vadoffset: "vadOptions.negThreshold",
  vadonset: "vadOptions.threshold",
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
