import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeWhole } from "../../../src/cli/output-files.js";
import { answer, fakeApi } from "../../support/fake-api.js";
import { folderWith } from "../../support/folder-with.js";
import { segment } from "../../support/results.js";
import { runInProcess } from "../../support/run-cli.js";

describe("files in --output-dir", () => {
  it("are refused before the work where they cannot be written", async () => {
    const folder = await folderWith("a.wav", "b.wav", "file");
    await mkdir(join(folder, "out", "a.txt"), { recursive: true });
    const blocked = await runInProcess([join(folder, "*.wav"), "-o", join(folder, "out")]);
    expect(blocked.code).toBe(1);
    expect(blocked.stderr).toContain("a.txt is a folder");
    expect(blocked.api.calls.map(({ input }) => input)).toEqual([join(folder, "b.wav")]);
  });

  it.each(["file", "file/inner", "file/inner/most"])(
    "are refused where %s has a file for a folder",
    async (path) => {
      const folder = await folderWith("a.wav", "file");
      const output = join(folder, path);
      for (const command of [[], ["diarize"]]) {
        const { code, stderr, api } = await runInProcess([...command, join(folder, "a.wav"), "-o", output]);
        expect({ code, created: api.created }).toEqual({ code: 2, created: [] });
        expect(stderr).toContain(
          `Cannot use --output-dir ${output}: ${join(folder, "file")} is not a folder`,
        );
      }
    },
  );

  it("stay with --no-clobber, whose run ends before the work", async () => {
    const folder = await folderWith("a.wav", "b.wav", "out/b.srt");
    const args = [join(folder, "*.wav"), "-o", join(folder, "out"), "--no-clobber"];
    const { code, stderr, api } = await runInProcess([...args, "-f", "txt,srt"]);
    expect({ code, created: api.created }).toEqual({ code: 2, created: [] });
    expect(stderr).toContain("b.srt exists already");
    expect((await runInProcess([...args, "-f", "txt"])).code).toBe(0);
  });

  it("are not made again with --skip-existing, unless one is missing", async () => {
    const folder = await folderWith("a.wav", "b.wav", "c.wav", "out/a.txt", "out/a.srt", "out/b.srt");
    const args = [join(folder, "*.wav"), "-o", join(folder, "out"), "-f", "txt,srt", "--skip-existing"];
    const { code, stderr, api } = await runInProcess(args);
    expect(code).toBe(0);
    expect(api.calls.map(({ input }) => input)).toEqual([join(folder, "b.wav"), join(folder, "c.wav")]);
    expect(stderr).toContain("a.wav: skipped, its files are there");
    expect((await runInProcess(args)).api.created).toEqual([]);
  });

  it("are whole from the first moment on, and nothing lies beside them", async () => {
    const folder = await folderWith("a.wav", "out/a.txt");
    await writeFile(join(folder, "out/a.txt"), "before");
    const seen: string[] = [];
    const api = fakeApi(async (_input, options) => {
      seen.push(await readFile(join(folder, "out/a.txt"), "utf8"));
      return answer([segment(0, 1, "After.")], options);
    });
    await runInProcess([join(folder, "a.wav"), "-o", join(folder, "out")], { api });
    expect(seen).toEqual(["before"]);
    expect(await readFile(join(folder, "out/a.txt"), "utf8")).toBe("After.\n");
    expect(await readdir(join(folder, "out"))).toEqual(["a.txt"]);
  });

  it("that cannot be put into place leave nothing behind; links are followed", async () => {
    const folder = await folderWith("target");
    await mkdir(join(folder, "taken"));
    await expect(writeWhole(join(folder, "taken"), "text")).rejects.toThrow();
    await symlink(join(folder, "target"), join(folder, "link"));
    await writeWhole(join(folder, "link"), "text");
    expect(await readFile(join(folder, "target"), "utf8")).toBe("text");
    expect((await readdir(folder)).sort()).toEqual(["link", "taken", "target"]);
  });

  it("are what the options about them need", async () => {
    const folder = await folderWith("a.wav");
    for (const flag of ["--no-clobber", "--skip-existing"]) {
      const { code, stderr } = await runInProcess([join(folder, "a.wav"), flag]);
      expect(code).toBe(2);
      expect(stderr).toContain("--output-dir");
    }
  });
});
