import { readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { createTranscriber } from "../../src/index.js";
import { convertHere } from "../support/convert-here.js";
import { DEMO } from "../support/demo.js";
import { FileServer } from "../support/file-server.js";
import { folderOf } from "../support/folder-of.js";
import { publishOnHub } from "../support/hub-server.js";
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

// Its thread could not read TypeScript here.
vi.mock("../../src/models/convert/in-worker.js", async () => ({
  convertInWorker: (await import("../../src/models/convert/convert-checkpoint.js")).convertCheckpoint,
}));

function demoCheckpoint(): Promise<string> {
  const demo = readWhisperFile(readFileSync(F16_MODEL));
  return folderOf({
    "config.json": huggingFaceConfig(demo),
    "vocab.json": huggingFaceVocabulary(demo),
    "model.safetensors": safetensors(huggingFaceTensors(demo)),
  });
}

async function errorRate(model: string, download = false): Promise<number> {
  const transcriber = await createTranscriber({ ...DEMO, model, download });
  try {
    expect(transcriber.info.model.weightType).toBe("q8_0");
    const { text } = await transcriber.transcribe(samplePath("sales-call-en.wav"), { chunkLength: 20 });
    return wordErrorRate(sampleText("sales-call-en"), text).rate;
  } finally {
    await transcriber.close();
  }
}

test("a model converted from Hugging Face's layout and quantised transcribes", async () => {
  const out = await temporaryFolder();
  const { files } = await convertHere(await demoCheckpoint(), { out, type: "q8_0" });
  expect(await errorRate(files[0]!.path)).toBeLessThanOrEqual(0.05);
});

test("a fine-tune on the Hugging Face Hub transcribes by its name", async () => {
  const hub = await FileServer.start();
  publishOnHub(hub, "someone/fine-tune", await demoCheckpoint());
  vi.stubEnv("AGORA_CACHE_DIR", await temporaryFolder());
  vi.stubEnv("AGORA_MODEL_MIRROR", hub.url);
  try {
    expect(await errorRate("someone/fine-tune", true)).toBeLessThanOrEqual(0.05);
  } finally {
    vi.unstubAllEnvs();
    await hub.close();
  }
});
