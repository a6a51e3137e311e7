import type { Readable, Writable } from "node:stream";
import type * as publicApi from "../index.js";

/** What the commands use of the public API; tests put a fake in its place. */
export type Api = Pick<
  typeof publicApi,
  | "VERSION"
  | "convertModel"
  | "createTranscriber"
  | "diarize"
  | "downloadModel"
  | "extensionOf"
  | "formatResult"
  | "formatSegments"
  | "formatTurns"
  | "getSystemInfo"
  | "implementationNames"
  | "inspectModel"
  | "listModels"
  | "quantizeModel"
  | "removeModel"
  | "renameSpeakers"
  | "voiceOf"
>;

export type OutputStream = Writable & { isTTY?: boolean; columns?: number };

/** Everything a command touches outside itself. */
export interface CliContext {
  api: Api;
  stdin: Readable & { isTTY?: boolean };
  stdout: OutputStream;
  stderr: OutputStream;
  /** Fires on the first interrupt; its reason is an {@link Interruption}. */
  signal: AbortSignal;
}
