import { expect, it } from "vitest";
import * as api from "../../src/index.js";

it("the public API is exactly this", () => {
  expect(Object.keys(api).sort()).toEqual(
    [
      "COMPUTE_TYPES",
      "COMPUTE_TYPE_NAMES",
      "DEFAULT_LIMITS",
      "DEVICES",
      "DIARIZATION_ENGINES",
      "ERROR_CODES",
      "LANGUAGES",
      "OUTPUT_FORMATS",
      "PRIORITIES",
      "SPEAKER_ROLES",
      "TASKS",
      "TranscriptionError",
      "VERSION",
      "convertModel",
      "createTranscriber",
      "detectSpeech",
      "diarizationEngines",
      "diarize",
      "downloadModel",
      "extensionOf",
      "formatResult",
      "formatSegments",
      "formatTurns",
      "getSystemInfo",
      "implementationNames",
      "inspectModel",
      "listModels",
      "parseLanguage",
      "quantizeModel",
      "registerImplementation",
      "releaseMemory",
      "suggestLanguage",
      "removeModel",
      "transcribe",
      "voiceOf",
    ].sort(),
  );
});
