import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { makeFolder } from "../../../src/models/make-folder.js";
import { folderWith } from "../../support/folder-with.js";

it("makes a folder with all that it is in, and leaves one that is there", async () => {
  const folder = join(await folderWith(), "a/b/c");
  await makeFolder(folder);
  await writeFile(join(folder, "file"), "");
  await makeFolder(folder);
  expect((await stat(join(folder, "file"))).isFile()).toBe(true);
});

it("fails where none can be made, and does not try for ever", async () => {
  await expect(makeFolder("/proc/none/inside")).rejects.toThrow("ENOENT");
  await expect(makeFolder(join(await folderWith("file"), "file/inside"))).rejects.toThrow("ENOTDIR");
});
