import { TranscriptionError } from "../../index.js";
import { S3Objects } from "../objects/s3-objects.js";
import { type ServerSettings, variableOf } from "../settings.js";
import { DirectoryStore } from "./directory-store.js";
import { HttpSource } from "./http-source.js";
import { S3Store } from "./s3-store.js";
import type { RecordingSource } from "./store.js";
import { parseStoreAddress } from "./store-address.js";

/**
 * Where recordings are kept for longer than a call; undefined: none are.
 * @throws TranscriptionError INVALID_ARGUMENT where a package is missing, or a client cannot be made
 */
export async function openRecordings({
  idleTimeout,
  recordingsAuthorization,
  recordingsMaxBytes,
  recordingsStore,
  recordingsTtl,
}: ServerSettings): Promise<RecordingSource | undefined> {
  if (recordingsStore === undefined) return undefined;
  const address = parseStoreAddress(recordingsStore);
  switch (address?.kind) {
    case "folder":
      return new DirectoryStore(address.path, recordingsMaxBytes, recordingsTtl);
    case "s3": {
      const objects = await S3Objects.open({ ...address, idleTimeout }, variableOf("recordingsStore"));
      return new S3Store(objects, address.prefix, recordingsMaxBytes, recordingsTtl);
    }
    case "http":
      return new HttpSource(address.template, { authorization: recordingsAuthorization, idleTimeout });
    default:
      throw new TranscriptionError("INVALID_ARGUMENT", `${variableOf("recordingsStore")} names no store`);
  }
}
