import { expect, it } from "vitest";
import { acquireDiarizer } from "../../../src/engine/loading.js";
import { folderWith } from "../../support/folder-with.js";

it("tells what becomes a diarization model from what is one", async () => {
  const parts = await folderWith("segmentation/model.safetensors", "ge2e/model.safetensors");
  await expect(acquireDiarizer(parts, {})).rejects.toMatchObject({
    code: "MODEL_INVALID",
    message: expect.stringContaining("agora-transcribe models convert"),
  });
  await expect(acquireDiarizer(await folderWith("a.txt"), {})).rejects.toThrow("is a folder");
  await expect(acquireDiarizer(undefined, {})).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    option: "diarize.model",
  });
});
