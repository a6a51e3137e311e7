import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createTranscriber } from "../../src/index.js";
import { convertHere } from "../support/convert-here.js";
import { DEMO } from "../support/demo.js";
import { folderOf } from "../support/folder-of.js";
import {
  huggingFaceConfig,
  huggingFaceTensors,
  huggingFaceVocabulary,
} from "../support/hugging-face-whisper.js";
import { safetensors } from "../support/safetensors-writer.js";
import { F16_MODEL, samplePath, sampleText } from "../support/samples.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { readWhisperFile } from "../support/whisper-file-reader.js";
import { wordErrorRate } from "../support/word-error-rate.js";

test("a model converted from Hugging Face's layout and quantised transcribes", async () => {
  const demo = readWhisperFile(readFileSync(F16_MODEL));
  const checkpoint = await folderOf({
    "config.json": huggingFaceConfig(demo),
    "vocab.json": huggingFaceVocabulary(demo),
    "model.safetensors": safetensors(huggingFaceTensors(demo)),
  });
  const { files } = await convertHere(checkpoint, { out: await temporaryFolder(), type: "q8_0" });
  const transcriber = await createTranscriber({ ...DEMO, model: files[0]!.path });
  try {
    const { text } = await transcriber.transcribe(samplePath("sales-call-en.wav"), { chunkLength: 20 });
    expect(wordErrorRate(sampleText("sales-call-en"), text).rate).toBeLessThanOrEqual(0.05);
  } finally {
    await transcriber.close();
  }
});
