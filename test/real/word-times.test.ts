/** Word times of a real model against recordings that are built with known pauses. Skipped without model or speech. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Transcriber } from "../../src/index.js";
import { edgeErrors, quantile } from "../support/edge-errors.js";
import { describeWithRealWhisper, realTranscriber } from "../support/real-whisper.js";
import { buildTruth, type TruthRecording } from "../support/word-time-truth.js";

describeWithRealWhisper("word times of Whisper base", () => {
  let folder: string;
  let recordings: TruthRecording[];
  let transcriber: Transcriber;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "agora-word-times-"));
    recordings = await buildTruth(folder, 14);
    transcriber = await realTranscriber({ computeType: "auto" });
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([false, true])(
    "are near the truth in every condition, VAD: %s",
    { timeout: 1_800_000 },
    async (vad) => {
      for (const { name, file, words: truth } of recordings) {
        const options = { language: "en", wordTimestamps: true, vadFilter: vad };
        const { segments } = await transcriber.transcribe(file, options);
        const words = segments.flatMap((segment) => segment.words!);
        const { starts, ends } = edgeErrors(truth, words);
        for (const errors of [starts, ends]) {
          expect(quantile(errors, 0.5), name).toBeLessThanOrEqual(0.12);
          expect(quantile(errors, 0.9), name).toBeLessThanOrEqual(0.4);
        }
      }
    },
  );
});
