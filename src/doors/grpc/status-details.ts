import type { MessageTypeDefinition } from "@grpc/proto-loader";
import { loadDefinitions } from "./definitions.js";

/**
 * What a status says beyond its code, in the error model of https://google.aip.dev/193: numbers of fields are those
 * of google.rpc.Status, ErrorInfo, BadRequest and RetryInfo.
 */
export interface StatusDetails {
  /** Stable name of the error, such as `QUEUE_FULL`. */
  reason: string;
  metadata: Record<string, string>;
  /** Field of the request that is wrong, such as `config.options.beam_size`. */
  field?: string | undefined;
  /** Seconds after which the same request may succeed. */
  retryAfter?: number | undefined;
}

/** Metadata that gRPC's libraries read details from. */
export const DETAILS_KEY = "grpc-status-details-bin";
const ERROR_DOMAIN = "agora-transcribe";

/** A google.rpc.Status, encoded. */
export function encodeStatus(
  code: number,
  message: string,
  { reason, metadata, field, retryAfter }: StatusDetails,
): Buffer {
  const details = [packed("ErrorInfo", { reason, domain: ERROR_DOMAIN, metadata })];
  if (field !== undefined)
    details.push(packed("BadRequest", { field_violations: [{ field, description: message }] }));
  if (retryAfter !== undefined) {
    const seconds = Math.floor(retryAfter);
    const nanos = Math.round((retryAfter - seconds) * 1e9);
    details.push(packed("RetryInfo", { retry_delay: { seconds, nanos } }));
  }
  return typeNamed("Status").serialize({ code, message, details });
}

export const TYPE_URL = "type.googleapis.com/google.rpc.";

/** A type of `google.rpc`. */
export function typeNamed(name: string): MessageTypeDefinition<object, object> {
  return loadDefinitions()[`google.rpc.${name}`] as MessageTypeDefinition<object, object>;
}

function packed(name: string, value: object): object {
  return { type_url: TYPE_URL + name, value: typeNamed(name).serialize(value) };
}
