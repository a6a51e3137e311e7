/** The command line in a process of its own, with the implementation that answers at once. */
import { runProcess } from "../../src/cli/process.js";
import * as api from "../../src/index.js";
import { registerInstant } from "./instant-engine.js";

registerInstant();
await runProcess(api);
