/** The server as a library, for programs that bring implementations of their own. */
export {
  type RunningServer,
  type ServedModel,
  type StartServerOptions,
  startServer,
} from "./doors/server.js";
export type { LogDestination, LogFields, ServerLogger } from "./service/log.js";
export { readSettings, type ServerSettings } from "./service/settings.js";
