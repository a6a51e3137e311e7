import { execFileSync } from "node:child_process";
import { existsSync, symlinkSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { missing, sharedProject, toolFile } from "./support/project.js";

/** What a new project has: nothing is set but what `tsc` itself sets. */
const DEFAULTS = { noEmit: true };
const TSC = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));
const TYPES = fileURLToPath(new URL("../../node_modules/@types", import.meta.url));

const PROGRAM = `
import { createTranscriber, transcribe, type TranscriptionResult } from "agora-transcribe";
import { type RunningServer, startServer } from "agora-transcribe/server";

export async function text(file: string): Promise<string> {
  const result: TranscriptionResult = await transcribe(file, { model: "demo", language: "en" });
  return result.text;
}
export async function serve(): Promise<RunningServer> {
  const transcriber = await createTranscriber({ model: "demo" });
  return startServer({ port: 0 }, { transcriber });
}
`;

describe.skipIf(missing !== undefined)("a program in TypeScript", () => {
  const project = sharedProject();

  it.each([
    ["node16", { module: "node16", moduleResolution: "node16" }, "main.mts"],
    ["nodenext", { module: "nodenext", moduleResolution: "nodenext" }, "main.mts"],
    ["a bundler's rules", { module: "esnext", moduleResolution: "bundler" }, "main.ts"],
    ["node10's rules", { module: "commonjs", moduleResolution: "node10" }, "main.ts"],
    ["nodenext, as CommonJS", { module: "nodenext", moduleResolution: "nodenext" }, "main.cts"],
    [
      "an old target",
      { module: "esnext", moduleResolution: "bundler", target: "es2017", lib: ["es2018"] },
      "main.ts",
    ],
  ])("compiles under %s", (name, compilerOptions, file) => {
    const folder = name.replaceAll(/\W/g, "-");
    project().write(path.join(folder, file), PROGRAM);
    const common = {
      target: "es2022",
      strict: true,
      skipLibCheck: false,
      noEmit: true,
      typeRoots: [TYPES],
      types: ["node"],
    };
    project().write(
      path.join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions: { ...common, ...compilerOptions }, files: [file] }),
    );
    expect(project().run(process.execPath, TSC, "-p", folder)).toEqual({ code: 0, stdout: "", stderr: "" });
  });
});

describe.skipIf(missing !== undefined)("a program in TypeScript 7", () => {
  const project = sharedProject();
  const compile = (folder: string, compilerOptions: object, text: string) => {
    project().write(`${folder}/main.mts`, text);
    project().write(`${folder}/tsconfig.json`, JSON.stringify({ compilerOptions, files: ["main.mts"] }));
    // It is found by what the package's types refer to, as in a project that has it.
    const types = path.join(project().folder, "node_modules/@types");
    if (!existsSync(types)) symlinkSync(TYPES, types);
    return project().run(process.execPath, toolFile("typescript/bin/tsc"), "-p", folder);
  };

  it("compiles with nothing set", () => {
    expect(compile("ts7", DEFAULTS, PROGRAM)).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("takes names that are not known, and refuses what is of another type", () => {
    const text = `
      import { createTranscriber } from "agora-transcribe";
      const transcriber = await createTranscriber({ model: "my/own", implementation: "mine" });
      await transcriber.transcribe("a.wav", { language: "Old Norse" });
      await transcriber.transcribe("a.wav", { language: 5 });
    `;
    const { code, stdout } = compile("ts7-names", DEFAULTS, text);
    expect(code).not.toBe(0);
    expect(stdout.match(/main\.mts\(\d+|error TS\d+/g)).toEqual(["main.mts(5", "error TS2322"]);
  });
});

describe.skipIf(missing !== undefined)("a program in JavaScript", () => {
  const project = sharedProject();

  it.each([
    [
      "require",
      "main.cjs",
      'const { VERSION } = require("agora-transcribe"); const { startServer } = require("agora-transcribe/server");',
    ],
    [
      "import",
      "main.mjs",
      'import { VERSION } from "agora-transcribe"; import { startServer } from "agora-transcribe/server";',
    ],
  ])("gets both entries by %s", (_, file, text) => {
    project().write(file, `${text}\nconsole.log(VERSION, typeof startServer);`);
    const { version } = JSON.parse(
      execFileSync("cat", [path.join(project().folder, "node_modules/agora-transcribe/package.json")], {
        encoding: "utf8",
      }),
    );
    expect(project().run(process.execPath, file)).toEqual({
      code: 0,
      stdout: `${version} function\n`,
      stderr: "",
    });
  });
});
