import type { Metadata } from "@grpc/grpc-js";
import { REQUEST_ID, requestIdFrom } from "../../service/request-id.js";

/** The caller's own id, or a new one where there is none that can be used. */
export function requestIdOf(metadata: Metadata): string {
  return requestIdFrom(String(metadata.get(REQUEST_ID)[0] ?? ""));
}
