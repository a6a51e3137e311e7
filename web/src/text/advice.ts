import type { Refused } from "../server/request.js";
import type { Sentence } from "./dictionary.js";

/** What can be done about failures, by the server's codes. */
const BY_CODE: Readonly<Record<string, Sentence>> = {
  RECORDINGS_FULL: "adviceRecordingsFull",
  QUEUE_FULL: "adviceBusy",
  UNAVAILABLE: "adviceSoon",
  STORAGE_FAILED: "adviceDisk",
  AUDIO_TOO_LARGE: "adviceLarge",
  REQUEST_TOO_LARGE: "adviceLarge",
  AUDIO_TOO_LONG: "adviceLong",
  DEADLINE_EXCEEDED: "adviceSlow",
  UNSUPPORTED_FORMAT: "adviceFormat",
  DECODE_FAILED: "adviceDamaged",
  DECODER_UNAVAILABLE: "adviceDecoder",
  FILE_NOT_FOUND: "adviceMissing",
  MODEL_NOT_FOUND: "adviceModel",
  MODEL_INVALID: "adviceModel",
  OUT_OF_MEMORY: "adviceMemory",
  DEVICE_UNAVAILABLE: "adviceMemory",
  CRASHED: "adviceCrashed",
  INTERNAL: "adviceDefect",
};

/** Of answers that say nothing more, as proxies give them. */
const BY_STATUS: Readonly<Record<number, string>> = {
  413: "REQUEST_TOO_LARGE",
  429: "QUEUE_FULL",
  502: "UNAVAILABLE",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
  507: "RECORDINGS_FULL",
};

/** What can be done about a failure of a code; undefined: its own words say all. */
export function adviceOn(code: string | undefined): Sentence | undefined {
  return code !== undefined && Object.hasOwn(BY_CODE, code) ? BY_CODE[code] : undefined;
}

/** The same for a request that was refused. */
export function adviceOnRefusal({ code, status }: Refused): Sentence | undefined {
  return adviceOn(code) ?? adviceOn(BY_STATUS[status]);
}
