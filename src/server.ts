/** The server as a library, for programs that bring implementations of their own. */
export { type RunningServer, type ServedModel, startServer } from "./doors/server.js";
export { readSettings, type ServerSettings } from "./service/settings.js";
