import { resolveRequest } from "../../src/config/options.js";
import type { WindowOptions } from "../../src/types/engine.js";

/** The options of a window where a request gives none. */
export const WINDOW_OPTIONS: WindowOptions = {
  ...resolveRequest({}).window,
  language: "en",
  previousText: "",
  speech: [],
  request: 0,
  maxTokens: 224,
};
