import { fromJSON, type MessageTypeDefinition } from "@grpc/proto-loader";

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

/** google.protobuf's Any and Duration are the same on the wire wherever they are declared. */
const TYPES = fromJSON(
  {
    nested: {
      google: {
        nested: {
          rpc: {
            nested: {
              Status: fields({ code: "int32", message: "string", details: "repeated Any" }),
              Any: fields({ type_url: "string", value: "bytes" }),
              ErrorInfo: fields({ reason: "string", domain: "string", metadata: "map" }),
              BadRequest: fields({ field_violations: "repeated FieldViolation" }),
              FieldViolation: fields({ field: "string", description: "string" }),
              RetryInfo: fields({ retry_delay: "Duration" }),
              Duration: fields({ seconds: "int64", nanos: "int32" }),
            },
          },
        },
      },
    },
  } as Parameters<typeof fromJSON>[0],
  { keepCase: true, defaults: true, longs: Number },
);

/** Fields numbered from 1 in the order given. */
function fields(types: Record<string, string>): object {
  const entries = Object.entries(types).map(([name, type], i) => {
    const [last, rule] = type.split(" ").reverse();
    const field =
      last === "map" ? { keyType: "string", type: "string" } : { type: last, ...(rule && { rule }) };
    return [name, { ...field, id: i + 1 }];
  });
  return { fields: Object.fromEntries(entries) };
}

/** A type of `google.rpc`. */
export function typeNamed(name: string): MessageTypeDefinition<object, object> {
  return TYPES[`google.rpc.${name}`] as MessageTypeDefinition<object, object>;
}

function packed(name: string, value: object): object {
  return { type_url: TYPE_URL + name, value: typeNamed(name).serialize(value) };
}
