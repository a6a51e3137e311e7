import type { ServerSettings } from "../settings.js";
import { isRecordingId } from "./store.js";
import { PLACE, parseStoreAddress } from "./store-address.js";

/** Where this server answers with a recording that it keeps. */
const OURS = /^\/api\/recordings\/([A-Za-z0-9_-]+)(?:\/audio)?$/;

/**
 * The recording that an address means: one of another system's, as the operator has named it, or one of this server's own. It
 * is found by its id in the store, so that nothing is asked which a client has named.
 * @param host that the client calls this server by
 * @returns its id; undefined for any other address
 */
export function recordingNamedBy(
  url: string,
  { recordingsStore }: Pick<ServerSettings, "recordingsStore">,
  host: string | undefined,
): string | undefined {
  if (recordingsStore === undefined) return undefined;
  const address = parseStoreAddress(recordingsStore);
  if (address?.kind === "http") {
    const id = idIn(url, address.template);
    if (id !== undefined) return id;
  }
  if (!URL.canParse(url)) return undefined;
  const { host: named, pathname, protocol } = new URL(url);
  const id = /^https?:$/.test(protocol) && named === host ? OURS.exec(pathname)?.[1] : undefined;
  return id !== undefined && isRecordingId(id) ? id : undefined;
}

/** What stands in the place of the id. */
function idIn(url: string, template: string): string | undefined {
  const places = template.split(PLACE).length - 1;
  const length = (url.length - template.length) / places + PLACE.length;
  const start = template.indexOf(PLACE);
  const id = Number.isInteger(length) && length > 0 ? url.slice(start, start + length) : "";
  return isRecordingId(id) && template.replaceAll(PLACE, id) === url ? id : undefined;
}
