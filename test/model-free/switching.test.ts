import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { FOREIGN_OPTIONS } from "../../src/cli/other-tools.js";
import { resolveRequest, resolveTranscriberOptions } from "../../src/config/options.js";
import * as api from "../../src/index.js";
import { formatResult } from "../../src/index.js";
import { realWhisperFolder } from "../support/real-whisper-models.js";
import { runInProcess } from "../support/run-cli.js";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const page = readFileSync(here("../../docs/switching.md"), "utf8");
const [, table] = /## Every option\n(.*?)\n## /s.exec(page)!;
const [header, , ...rows] = table!
  .split("\n")
  .filter((line) => line.startsWith("|"))
  .map((line) => line.split("|").slice(1, -1));
const column = (name: string) => rows.map((row) => row[header!.findIndex((cell) => cell.trim() === name)]!);
/** What is marked as code in a column. */
const names = (name: string) =>
  column(name).flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code!));

const peers = JSON.parse(readFileSync(here("../fixtures/peer-options.json"), "utf8")) as {
  "faster-whisper 1.2.1": Record<string, string[]>;
  "WhisperX 3.8.6": string[];
};
const missing = (theirs: readonly string[], listed: readonly string[]) =>
  theirs.filter((name) => !listed.includes(name));

describe("the table of other programs' options", () => {
  it("has every option of faster-whisper, and no other", () => {
    const theirs = Object.values(peers["faster-whisper 1.2.1"]).flat();
    expect(theirs.length).toBeGreaterThan(80);
    expect(missing(theirs, names("faster-whisper"))).toEqual([]);
    expect(missing(names("faster-whisper"), [...theirs, "detect_language()"])).toEqual([]);
  });

  const folder = join(realWhisperFolder(), "venv/lib");
  const source = directories(folder)
    .map((version) => join(folder, version, "site-packages/faster_whisper"))
    .find((path) => directories(path).length > 0);
  const isThere = source !== undefined && spawnSync("python3", ["--version"]).status === 0;
  it.skipIf(!isThere)("is of the options that faster-whisper has (needs its source)", () => {
    const script = here("../support/faster_whisper_options.py");
    const found = JSON.parse(execFileSync("python3", [script, source!], { encoding: "utf8" }));
    expect(peers["faster-whisper 1.2.1"]).toEqual(found);
  });

  it("has every option of WhisperX, and no other", () => {
    const theirs = peers["WhisperX 3.8.6"];
    expect(theirs.length).toBeGreaterThan(45);
    expect(missing(theirs, names("WhisperX"))).toEqual([]);
    expect(missing(names("WhisperX"), theirs)).toEqual([]);
  });

  it("has every option of whisper-cli, and no other", () => {
    const folder = createRequire(import.meta.url).resolve("nodejs-whisper/package.json");
    const cli = readFileSync(join(folder, "../cpp/whisper.cpp/examples/cli/cli.cpp"), "utf8");
    const theirs = [...cli.matchAll(/arg == "(--?[a-z][^"]*)"/g)].map(([, name]) => name!);
    expect(theirs.length).toBeGreaterThan(100);
    expect(missing(theirs, names("whisper-cli"))).toEqual([]);
    expect(missing(names("whisper-cli"), theirs)).toEqual([]);
    const several = theirs.filter((name) => /^-[a-z]{2}/.test(name));
    expect(missing(several, FOREIGN_OPTIONS)).toEqual([]);
  });

  it("says of each what it is here, or why there is nothing", () => {
    const silent = rows.filter(
      ([first, , , library, line]) => !/\*\*/.test(first!) && library!.trim() + line!.trim() === "––",
    );
    expect(silent).toEqual([]);
  });

  it("names options of the library that there are", () => {
    const known = new Set([
      ...optionsOf(resolveRequest),
      ...optionsOf(resolveTranscriberOptions),
      ...optionsOf((options) => formatResult({ segments: [] } as never, "srt", options)),
      ...Object.keys(api),
      // Methods of a transcriber, and fields of what comes back.
      ...["detectLanguage", "confidence", "avgLogProb", "tokens"],
    ]);
    const named = names("library")
      .map((code) => /^[A-Za-z]+/.exec(code)?.[0])
      .filter((name) => name !== undefined && !["None", "null", "int", "HF", "CUDA", "en"].includes(name));
    expect(named.length).toBeGreaterThan(60);
    expect(missing([...new Set(named)] as string[], [...known])).toEqual([]);
    const inside = (outer: string, code: RegExp) =>
      names("library").flatMap((name) => [...name.matchAll(code)].map(([, inner]) => ({ outer, inner })));
    for (const { outer, inner } of [
      ...inside("vadOptions", /^vadOptions\.(\w+)/g),
      ...inside("diarize", /(?<=^diarize: \{ .*?)(\w+)(?=[ ,:])/g),
    ]) {
      const known = optionsOf((options) => resolveRequest({ [outer]: options }));
      if (inner !== "true") expect(known).toContain(inner);
    }
  });

  it("names flags of the command line that there are", async () => {
    const { stdout } = await runInProcess(["--help"]);
    const flags = names("command line")
      .flatMap((code) => code.split(" "))
      .filter((word) => word.startsWith("-") && word !== "-");
    expect(flags.length).toBeGreaterThan(60);
    for (const flag of new Set(flags)) expect(stdout).toMatch(new RegExp(`(^|[\\s,])${flag}(?![\\w-])`, "m"));
  });

  it("has every name that the command line knows to be another's", () => {
    const bare = (name: string) => name.replace(/^--?/, "").replaceAll("-", "_");
    const listed = ["faster-whisper", "WhisperX", "whisper-cli"].flatMap(names).map(bare);
    /** Those of faster-whisper's own command-line relatives, and of older versions of WhisperX. */
    const relatives = ["output", "timestamp_sanitize"];
    expect(missing(FOREIGN_OPTIONS.map(bare), [...listed, ...relatives])).toEqual([]);
  });
});

/** Names of options, as the error about one that does not exist lists them. */
function optionsOf(check: (options: object) => unknown): string[] {
  try {
    check({ "no option is called so": 1 });
  } catch (error) {
    const [, known] = / known are (.*)$/.exec((error as Error).message)!;
    return known!.split(", ");
  }
  throw new Error("Expected an error");
}

function directories(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
