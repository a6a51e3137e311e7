import { TranscriptionError } from "../index.js";

/** Exit codes, as `--help` documents them. */
export const EXIT = {
  ok: 0,
  /** Some input failed; the others are done. */
  failed: 1,
  /** Wrong options or arguments; nothing was done. */
  usage: 2,
  /** The model, the device, the decoder or the temporary folder could not be used: another recording would fail alike. */
  model: 3,
  /** By Ctrl-C; 128 + the number of the signal, as shells count. */
  interrupted: 130,
  terminated: 143,
} as const;

/** The command line itself is wrong. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Standard output takes no more; going on would be for nothing. */
export class OutputFailed extends Error {
  override readonly name: string = "OutputFailed";
}

/** The reader of standard output has gone, as `head` does when it has seen enough. */
export class OutputClosed extends OutputFailed {
  override readonly name = "OutputClosed";
}

/** Why a run was aborted, and the exit code that says so. */
export class Interruption extends Error {
  override readonly name = "Interruption";

  constructor(
    readonly signalName: "SIGINT" | "SIGTERM",
    readonly exitCode: number,
  ) {
    super(`Interrupted by ${signalName}`);
  }
}

/** The code of an error that ends the whole run. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof OutputClosed) return EXIT.ok;
  if (error instanceof UsageError) return EXIT.usage;
  switch (TranscriptionError.from(error).code) {
    case "INVALID_ARGUMENT":
      return EXIT.usage;
    case "MODEL_NOT_FOUND":
    case "MODEL_INVALID":
    case "DEVICE_UNAVAILABLE":
    case "DECODER_UNAVAILABLE":
    case "STORAGE_FAILED":
      return EXIT.model;
    default:
      return EXIT.failed;
  }
}
