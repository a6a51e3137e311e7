import type { TestProject } from "vitest/node";
import { prepareRealWhisper, type RealWhisperOutcome } from "./real-whisper-models.js";

declare module "vitest" {
  export interface ProvidedContext {
    realWhisper: RealWhisperOutcome;
  }
}

/** Makes the models once, before the test files of test/real are read. */
export default function setup(project: TestProject): void {
  const outcome = prepareRealWhisper(false);
  if ("missing" in outcome)
    console.warn(`No real Whisper models, so their tests are skipped: ${outcome.missing}`);
  project.provide("realWhisper", outcome);
}
