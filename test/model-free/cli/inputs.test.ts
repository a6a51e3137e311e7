import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { expandInputs, outputNames } from "../../../src/cli/inputs.js";
import { folderWith } from "../../support/folder-with.js";

async function names(args: string[]): Promise<string[]> {
  const { inputs, failures } = await expandInputs(args);
  expect(failures).toEqual([]);
  return inputs.map((input) => input.name);
}

describe("input arguments", () => {
  it("name files, in the order given", async () => {
    const folder = await folderWith("b.wav", "a b.wav");
    const paths = [join(folder, "b.wav"), join(folder, "a b.wav")];
    expect(await names(paths)).toEqual(paths);
  });

  it("may be patterns, whose matches come sorted and are files only", async () => {
    const folder = await folderWith("c.wav", "a.wav", "sub/b.wav", "d.mp3", "x.wav/y");
    expect(await names([join(folder, "*.wav")])).toEqual([join(folder, "a.wav"), join(folder, "c.wav")]);
    expect(await names([join(folder, "**/b.{wav,mp3}")])).toEqual([join(folder, "sub/b.wav")]);
  });

  it("are files before they are patterns", async () => {
    const folder = await folderWith("call [1].wav", "call 1.wav");
    expect(await names([join(folder, "call [1].wav")])).toEqual([join(folder, "call [1].wav")]);
  });

  it("count once however often they are named", async () => {
    const folder = await folderWith("a.wav", "b.wav");
    const args = [join(folder, "b.wav"), join(folder, "*.wav"), "-", "-"];
    expect(await names(args)).toEqual([join(folder, "b.wav"), join(folder, "a.wav"), "stdin"]);
  });

  it("may be file addresses", async () => {
    const path = join(await folderWith("ä b.wav"), "ä b.wav");
    expect(await names([pathToFileURL(path).href])).toEqual([path]);
  });

  it("are no commands, which other tools have", async () => {
    const { failures } = await expandInputs(["help", "version", "transcribe"]);
    expect(failures).toEqual([
      "help: no such file; try: agora-transcribe --help",
      "version: no such file; try: agora-transcribe --version",
      "transcribe: no such file; files need no command before them",
    ]);
  });

  it("are refused one by one, each with a reason", async () => {
    const folder = await folderWith("a.wav");
    const { inputs, failures } = await expandInputs([
      join(folder, "a.wav"),
      join(folder, "missing.wav"),
      join(folder, "*.flac"),
      `${folder}/`,
      join(folder, "a.wav", "b"),
      "https://example.com/a.mp3",
      "file://host/a.mp3",
      "n".repeat(5000),
      "a\0b",
    ]);
    expect(inputs).toHaveLength(1);
    expect(failures).toHaveLength(8);
    expect(failures[0]).toMatch(/missing\.wav: no such file$/);
    expect(failures[1]).toMatch(/\*\.flac: no file matches this pattern$/);
    expect(failures[2]).toContain(`is a directory; name its files, for instance '${folder}/*.mp3'`);
    expect(failures[3]).toMatch(/no such file$/);
    expect(failures[4]).toContain("curl -L https://example.com/a.mp3 | agora-transcribe -");
    expect(failures[7]).toContain("null bytes");
  });
});

describe("output names", () => {
  const named = (paths: string[], extensions = ["txt"]) =>
    outputNames(
      paths.map((path) => (path === "-" ? { name: "stdin" } : { name: path, path })),
      "/out",
      extensions,
    );

  it("are the base names of the inputs", () => {
    expect(named(["calls/a.mp3", "/x/b.c.wav", "-"])).toEqual(["a", "b.c", "stdin"]);
  });

  it("keep the extension of inputs with one base name", () => {
    expect(named(["call.mp3", "call.wav", "other.wav"])).toEqual(["call.mp3", "call.wav", "other"]);
  });

  it("are numbered where the extension does not tell them apart", () => {
    expect(named(["x/call.wav", "y/call.wav", "z/call.wav"])).toEqual([
      "call.wav",
      "call.wav-2",
      "call.wav-3",
    ]);
  });

  it("never collide, whatever the inputs are called", () => {
    const all = named(["a/c.wav", "b/c.wav", "c.wav-2.mp3", "d/c.wav.ogg", "c.wav.wav"]);
    expect(new Set(all).size).toBe(5);
  });

  it.each([
    ["of different names", (index: number) => `in/f${index}.wav`],
    ["of one name", (index: number) => `in${index}/call.wav`],
  ])("take no time to speak of for 100 000 inputs %s", { timeout: 30_000 }, (_, name) => {
    // Counting every name among all the others took minutes.
    const all = named(Array.from({ length: 100_000 }, (_, index) => name(index)));
    expect(new Set(all).size).toBe(100_000);
  });

  it("never overwrite an input", () => {
    expect(named(["/out/a.txt", "/out/b.wav"], ["srt", "txt"])).toEqual(["a.txt", "b"]);
    expect(named(["/out/a", "/out/a.txt", "/out/a.txt.txt"])).not.toContain("a");
  });
});
