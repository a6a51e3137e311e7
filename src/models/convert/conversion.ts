/** A file that a conversion wrote. */
export interface ConvertedFile {
  /** `"model"`: all of a Whisper model or a diarization pipeline; `"language-model"` and `"audio"`: the two halves of a Borealis model. */
  role: "model" | "language-model" | "audio";
  /** Absolute. */
  path: string;
  /** Size of the file. */
  bytes: number;
}

/** What a conversion made. */
export interface Conversion {
  /** What the checkpoint was one of. */
  kind: "whisper" | "borealis" | "diarization";
  /** How the matrices are stored: `"f16"`, `"q8_0"`, … */
  type: string;
  /** All that were written. */
  files: ConvertedFile[];
}

/** {@link ConvertModelOptions} with nothing missing. */
export interface ConversionRequest {
  type: string;
  /** Absolute. */
  folder: string;
  /** What the files are named after; absent: the checkpoint's folder. */
  name?: string;
  overwrite: boolean;
  signal: AbortSignal | undefined;
  onProgress: (fraction: number) => void;
}
