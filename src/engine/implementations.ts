import { TranscriptionError } from "../errors.js";
import type { EngineFactory } from "../types/engine.js";
import { createBorealisEngine } from "./borealis.js";
import { createWhisperEngine } from "./whisper.js";
import { createWhisperCppEngine } from "./whisper-cpp.js";

/** Used where `implementation` is not given. */
export const DEFAULT_IMPLEMENTATION = "whisper";

const factories = new Map<string, EngineFactory>([
  ["whisper-cpp", createWhisperCppEngine],
  ["whisper", createWhisperEngine],
  ["borealis", createBorealisEngine],
]);

/**
 * Makes an implementation available under `name`, for the `implementation` option.
 * @throws TranscriptionError INVALID_ARGUMENT when the name is empty or taken
 */
export function registerImplementation(name: string, factory: EngineFactory): void {
  if (typeof name !== "string" || name === "" || typeof factory !== "function") {
    throw new TranscriptionError(
      "INVALID_ARGUMENT",
      "registerImplementation expects a non-empty name and a function that loads a model",
      { option: typeof factory === "function" ? "name" : "factory" },
    );
  }
  if (factories.has(name)) {
    throw new TranscriptionError("INVALID_ARGUMENT", `There is an implementation named "${name}" already`, {
      option: "name",
    });
  }
  factories.set(name, factory);
}

/** Names of the implementations, in order of registration. */
export function implementationNames(): string[] {
  return [...factories.keys()];
}

/** The factory registered under `name`. @throws TranscriptionError INVALID_ARGUMENT that lists the known names */
export function findImplementation(name: string): EngineFactory {
  const factory = factories.get(name);
  if (factory) return factory;
  throw new TranscriptionError(
    "INVALID_ARGUMENT",
    `Unknown implementation "${name}": known are ${implementationNames().join(", ")}`,
    { option: "implementation" },
  );
}
