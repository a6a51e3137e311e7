/** The server as a library, for programs that bring implementations of their own. */
export { type RunningServer, type ServedModel, startServer } from "./server.js";
export { readSettings, type ServerSettings } from "./settings.js";
