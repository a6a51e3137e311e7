import { join } from "node:path";
import { beforeEach, expect, it, vi } from "vitest";
import { writeRandomNemotron } from "../../../bench/support/random-nemotron.js";
import { acquireDiarizer, diarizationEngines } from "../../../src/engine/loading.js";
import { convertHere } from "../../support/convert-here.js";
import { folderWith } from "../../support/folder-with.js";
import { temporaryFolder } from "../../support/temporary-folder.js";

const NOTHING = { engine: undefined, model: undefined } as const;

let cacheDir: string;
beforeEach(async () => {
  cacheDir = await temporaryFolder();
  vi.stubEnv("AGORA_OFFLINE", "1");
  vi.stubEnv("AGORA_DIARIZATION_MODEL", "");
});

/** A small model of the nemotron engine. */
async function nemotron(): Promise<string> {
  const folder = join(await temporaryFolder(), "nemotron");
  writeRandomNemotron(folder, { hiddenSize: 64, intermediateSize: 64, layers: 1, headSize: 32 });
  const { files } = await convertHere(folder, { out: await temporaryFolder() });
  return files[0]!.path;
}

it("tells what becomes a diarization model from what is one", async () => {
  const parts = await folderWith("segmentation/model.safetensors", "ge2e/model.safetensors");
  await expect(acquireDiarizer({ ...NOTHING, model: parts }, {})).rejects.toMatchObject({
    code: "MODEL_INVALID",
    message: expect.stringContaining("agora-transcribe models convert"),
  });
  const model = await folderWith("a.txt");
  await expect(acquireDiarizer({ ...NOTHING, model }, {})).rejects.toThrow("is a folder");
});

it("names the ways on where no diarization model is at hand or can be fetched", async () => {
  await expect(acquireDiarizer(NOTHING, { cacheDir })).rejects.toMatchObject({
    code: "MODEL_NOT_FOUND",
    option: "diarize.model",
    message: expect.stringMatching(/models download nemotron-3-diarization .*\n.*--diarization-model/),
  });
  await expect(acquireDiarizer({ ...NOTHING, engine: "community" }, { cacheDir })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    option: "diarize.model",
    message: expect.stringContaining("community"),
  });
  expect(await diarizationEngines({ cacheDir })).toEqual([]);
});

it("takes the environment's diarization model, but none of another engine than the one asked for", async () => {
  const model = await nemotron();
  vi.stubEnv("AGORA_DIARIZATION_MODEL", model);
  expect(await diarizationEngines({ cacheDir })).toEqual(["nemotron"]);
  for (const request of [NOTHING, { ...NOTHING, engine: "nemotron" } as const]) {
    const lease = await acquireDiarizer(request, { cacheDir, threads: 1 });
    expect(lease.value).toMatchObject({ engine: "nemotron", mostSpeakers: 8 });
    await lease.release(0);
  }
  for (const request of [
    { ...NOTHING, engine: "community" } as const,
    { engine: "community", model } as const,
  ])
    await expect(acquireDiarizer(request, { cacheDir })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      option: "diarize.engine",
      message: expect.stringContaining("nemotron"),
    });
});
