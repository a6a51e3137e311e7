import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { GENERATION_DEFAULTS } from "../../src/config/generation.js";
import { resolveRequest, resolveTranscriberOptions } from "../../src/config/options.js";
import { WINDOW_DEFAULTS } from "../../src/config/window-defaults.js";
import { COMPUTE_TYPES, DEVICES, ERROR_CODES, implementationNames, OUTPUT_FORMATS } from "../../src/index.js";
import { runInProcess } from "../support/run-cli.js";

const file = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");
const library = file("docs/library.md");
const pages = [
  ...["README.md", "README.ru.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"],
  ...["deploy/README.md", "examples/README.md", "samples/README.md", "models/demo.md"],
  ...readdirSync(new URL("../../docs", import.meta.url))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

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

const REQUEST = optionsOf(resolveRequest);
const TRANSCRIBER = optionsOf(resolveTranscriberOptions);

/** What is marked as code in a part of a page, between two texts. */
function code(page: string, from: string, to: string): string[] {
  const start = page.indexOf(from);
  const end = page.indexOf(to, start);
  expect(start).toBeGreaterThan(0);
  expect(end).toBeGreaterThan(start);
  return [...page.slice(start + from.length, end).matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
}

describe("the page about the library", () => {
  it("has every option of a request in its table, and no other", () => {
    const table = code(library, "| of a request | options |", "\n\n");
    expect(table.filter((name) => name !== "borealis").sort()).toEqual([...REQUEST].sort());
  });

  it("has every option of a transcriber", () => {
    expect(code(library, "A transcriber takes", "`computeType` is what").sort()).toEqual(
      [...TRANSCRIBER].sort(),
    );
  });

  it("has the compute types, formats, implementations and error codes", () => {
    expect(code(library, "`computeType` is what", "the result says")).toEqual(
      COMPUTE_TYPES.map((type) => JSON.stringify(type)),
    );
    const [, formats] = /`formatResult\(result, "srt"\)` writes (.*)\.\n/.exec(library)!;
    expect(formats!.split(/, | and /).sort()).toEqual([...OUTPUT_FORMATS].sort());
    const rows = (table: string[]) => table.filter((name) => implementationNames().includes(name));
    expect(new Set(rows(code(library, "| name | is | device |", "\n\n")))).toEqual(
      new Set(implementationNames()),
    );
    const errors = code(library, "They are `TranscriptionError`s with a `code`:", "## Implementations");
    expect(errors.filter((name) => /^[A-Z_]+$/.test(name)).sort()).toEqual([...ERROR_CODES].sort());
  });
});

describe("the pages", () => {
  it("name scripts that there are", () => {
    const { scripts } = JSON.parse(file("package.json"));
    const named = pages.flatMap((page) => [...file(page).matchAll(/npm run ([a-z][\w:-]*)/g)]);
    expect(named.length).toBeGreaterThan(40);
    for (const [, name] of named) expect(scripts).toHaveProperty([name!]);
  });

  it("name settings of the server that there are", () => {
    const settings = [...file(".env.example").matchAll(/^#? ?([A-Z][A-Z0-9_]+)=/gm)].map(([, name]) => name!);
    const codes: readonly string[] = [...ERROR_CODES, "RECORDINGS_FULL"];
    const named = pages.flatMap((page) => [
      ...file(page).matchAll(/`((?:SERVER|HTTP|GRPC|LIVE|MODELS?|RECORDINGS|JOBS|WEBHOOK)_[A-Z0-9_]+)/g),
    ]);
    expect(named.length).toBeGreaterThan(100);
    const unknown = named.map(([, name]) => name!).filter((name) => !settings.concat(codes).includes(name));
    expect([...new Set(unknown)]).toEqual([]);
  });

  it("have the variables of the environment that --help has", async () => {
    const { stdout } = await runInProcess(["--help"]);
    const [, ours] = stdout.split("Environment:");
    const variables = [...ours!.matchAll(/^ {2}((?:AGORA|HF)_\w+)/gm)].map(([, name]) => name!);
    expect(variables).toHaveLength(8);
    expect(
      code(file("docs/models.md"), "| variable             | meaning", "\n\n").map(
        (name) => name.split("=")[0],
      ),
    ).toEqual(expect.arrayContaining(variables));
  });
});

const listed = (names: readonly string[]): string => `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
const flagOf = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

it(".env.example has the devices and compute types that can be set", () => {
  const comments = file(".env.example").replace(/\n# /g, " ");
  expect(comments).toContain(
    `${listed(DEVICES).replace("auto", "auto (CUDA where it works, else the CPU)")}.`,
  );
  const types = listed(COMPUTE_TYPES).replace("auto", "auto (what this machine computes fastest)");
  expect(comments).toContain(`multiplied in: ${types}.`);
});

describe("--help", () => {
  /** Options whose flags are called otherwise, and those that only a program can use. */
  const OTHERS = ["vadFilter", "vadOptions", "limits", "signal", "onSegment", "onProgress"];
  const TRANSCRIBER_OTHERS = ["download", "limits", "onDownload", "maxQueue", "signal"];

  it("has a flag for every option", async () => {
    const { stdout } = await runInProcess(["--help"]);
    const names = [
      ...REQUEST.filter((name) => !OTHERS.includes(name)),
      ...TRANSCRIBER.filter((name) => !TRANSCRIBER_OTHERS.includes(name)),
    ];
    for (const name of names) expect(stdout).toMatch(new RegExp(`--(no-)?${flagOf(name)}\\b`));
  });

  it("tells the defaults that hold", async () => {
    const { stdout } = await runInProcess(["--help"]);
    const told = Object.entries({ ...WINDOW_DEFAULTS, ...GENERATION_DEFAULTS }).flatMap(([name, value]) => {
      const [text = ""] = new RegExp(`--${flagOf(name)} <.*?(?=\\n +-|\\n\\n)`, "s").exec(stdout) ?? [];
      if (typeof value !== "number") return [];
      const [, shown] = /\(default: ([\d.-]+)/.exec(text) ?? [];
      return shown === undefined ? [] : [{ name, value, shown: Number(shown) }];
    });
    expect(told.length).toBeGreaterThan(10);
    for (const { name, value, shown } of told) expect({ [name]: shown }).toEqual({ [name]: value });
  });
});
