import type { Readable } from "node:stream";
import { TranscriptionError } from "../../../index.js";
import type { Call } from "../../../service/call/call.js";
import type { Upload } from "../../../service/upload.js";
import { incoming } from "../incoming.js";
import type { TranscriptionConfig, UploadRequest } from "./messages.js";

export interface ReceiveOptions {
  /** Gets the configuration as soon as it is here; what it throws ends the upload. */
  onConfig(config: TranscriptionConfig): Promise<void>;
  /** Called when the configuration is accepted, then at most once a second, and when the upload is complete. */
  onProgress(progress: { bytes_received: number; complete: boolean }): void;
}

/** Milliseconds between two reports of progress. */
const REPORT_EVERY = 1000;

/**
 * Writes an upload of contract v2 into `upload`: one message of configuration, then data.
 * @throws TranscriptionError INVALID_ARGUMENT for messages in another order, and whatever {@link incoming} and
 * {@link Upload} throw
 */
export async function receive(
  stream: Readable,
  call: Call,
  upload: Upload,
  { onConfig, onProgress }: ReceiveOptions,
): Promise<void> {
  let configured = false;
  let reportedAt = 0;
  const report = (complete: boolean): void => {
    reportedAt = performance.now();
    onProgress({ bytes_received: upload.bytes, complete });
  };
  for await (const { payload, config, data } of incoming<UploadRequest>(stream, call)) {
    if (payload === "config" && config) {
      if (configured) throw misplaced("config", "data after the configuration", "a second configuration");
      configured = true;
      await onConfig(config);
      report(false);
    } else if (payload === "data" && data) {
      if (!configured) throw misplaced("config", "the configuration in the first message", "data");
      await upload.write(data);
      if (performance.now() - reportedAt >= REPORT_EVERY) report(false);
    } else {
      throw misplaced("payload", configured ? "data" : "the configuration", "a message with neither");
    }
  }
  if (!configured) throw misplaced("config", "the configuration in the first message", "no message");
  if (upload.bytes === 0) throw misplaced("data", "the bytes of a recording after the configuration", "none");
  report(true);
}

function misplaced(field: string, expected: string, received: string): TranscriptionError {
  const message = `Expected ${expected} but received ${received}`;
  return new TranscriptionError("INVALID_ARGUMENT", message, { option: field });
}
