import { createHash, timingSafeEqual } from "node:crypto";
import { type Metadata, ServerInterceptingCall, type ServerInterceptor, status } from "@grpc/grpc-js";

/**
 * Refuses calls without `authorization: Bearer <token>` before anything else is read of them.
 * @param prefix paths that begin like this need the token; health checks, for one, do not
 */
export function requireToken(token: string, prefix: string): ServerInterceptor {
  const expected = digest(token);
  const isAuthorized = (metadata: Metadata): boolean => {
    const [, given] = /^Bearer (\S+)$/i.exec(String(metadata.get("authorization")[0] ?? "")) ?? [];
    return given !== undefined && timingSafeEqual(digest(given), expected);
  };
  return (method, channel) =>
    new ServerInterceptingCall(channel, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, deliver) => {
            if (!method.path.startsWith(prefix) || isAuthorized(metadata)) deliver(metadata);
            else channel.sendStatus({ code: status.UNAUTHENTICATED, details: "Expected the API token" });
          },
        }),
    });
}

/** Of one length whatever was given, so that comparing takes the same time. */
function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
