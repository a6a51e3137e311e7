import { type StatusDetails, TYPE_URL, typeNamed } from "../../src/doors/grpc/status-details.js";

interface DecodedStatus {
  code: number;
  message: string;
  details: { type_url: string; value: Buffer }[];
}

/** What `encodeStatus` was given. */
export function decodeStatus(bytes: Buffer): StatusDetails & { code: number; message: string } {
  const { code, message, details } = typeNamed("Status").deserialize(bytes) as DecodedStatus;
  const find = <T>(name: string): T | undefined => {
    const any = details.find(({ type_url }) => type_url === TYPE_URL + name);
    return any && (typeNamed(name).deserialize(any.value) as T);
  };
  const info = find<{ reason: string; metadata: Record<string, string> }>("ErrorInfo");
  const request = find<{ field_violations: { field: string }[] }>("BadRequest");
  const delay = find<{ retry_delay: { seconds: number; nanos: number } }>("RetryInfo")?.retry_delay;
  return {
    code,
    message,
    reason: info?.reason ?? "",
    metadata: info?.metadata ?? {},
    field: request?.field_violations[0]?.field,
    retryAfter: delay && delay.seconds + delay.nanos / 1e9,
  };
}
