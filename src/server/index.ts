/** The server as a library, for programs that bring implementations of their own. */

/// <reference types="node" preserve="true" />

export type { Sent } from "../doors/grpc/sent.js";
export type * as v1 from "../doors/grpc/v1/messages.js";
export type * as v2 from "../doors/grpc/v2/messages.js";
export type { LogDestination, LogFields, ServerLogger } from "../service/log.js";
export { readSettings } from "../service/read-settings.js";
export type { ServerSettings } from "../service/settings.js";
export {
  type LivePorts,
  type RunningServer,
  type ServedModel,
  type StartServerOptions,
  startServer,
} from "./server.js";
