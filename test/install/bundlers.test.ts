import { copyFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { missing, Project, sharedProject, toolFile } from "./support/project.js";

const ESBUILD = fileURLToPath(new URL("../../node_modules/esbuild/bin/esbuild", import.meta.url));

const PROGRAM = `
import { transcribe } from "agora-transcribe";

transcribe(process.argv[2], { model: "demo" }).then(
  ({ text }) => console.log(text.slice(0, 15)),
  (error) => console.log(error.name, error.code, error.message),
);
`;
/** Programs that write \`bundle\` from \`main.mjs\` with the package's code in it. */
const BUNDLERS: Record<string, { bundle: string; run(project: Project): ReturnType<Project["run"]> }> = {
  "esbuild, ES modules": {
    bundle: "bundle.mjs",
    run: (project) => esbuild(project, "--format=esm", "--outfile=bundle.mjs"),
  },
  "esbuild, CommonJS": {
    bundle: "bundle.cjs",
    run: (project) =>
      esbuild(project, "--format=cjs", "--outfile=bundle.cjs", "--log-override:empty-import-meta=silent"),
  },
  rollup: {
    bundle: "bundle.mjs",
    run: (project) => {
      const plugin = (name: string) => JSON.stringify(toolFile(`@rollup/plugin-${name}/dist/es/index.js`));
      project.write(
        "build.mjs",
        `import { rollup } from ${JSON.stringify(toolFile("rollup/dist/es/rollup.js"))};
         import resolve from ${plugin("node-resolve")};
         import commonjs from ${plugin("commonjs")};
         import json from ${plugin("json")};
         const build = await rollup({
           input: "main.mjs",
           plugins: [resolve({ preferBuiltins: true }), commonjs({ ignore: ["node:sqlite"] }), json()],
           onwarn() {},
         });
         await build.write({ file: "bundle.mjs", format: "es", inlineDynamicImports: true });`,
      );
      return project.run(process.execPath, "build.mjs");
    },
  },
  webpack: {
    bundle: "bundle.cjs",
    run: (project) => {
      project.write(
        "build.cjs",
        `require(${JSON.stringify(toolFile("webpack"))})(
           {
             mode: "production",
             target: "node20",
             entry: "./main.mjs",
             output: { path: __dirname, filename: "bundle.cjs" },
             optimization: { minimize: false },
             plugins: [new (require(${JSON.stringify(toolFile("webpack"))}).optimize.LimitChunkCountPlugin)({ maxChunks: 1 })],
           },
           (error, stats) => {
             if (error || stats.hasErrors()) {
               console.error(error ?? stats.toString({ all: false, errors: true }));
               process.exitCode = 1;
             }
           },
         );`,
      );
      return project.run(process.execPath, "build.cjs");
    },
  },
};

function esbuild(project: Project, ...options: string[]) {
  const banner =
    "--banner:js=import { createRequire as bundled } from 'node:module'; const require = bundled(import.meta.url);";
  const more = options.includes("--format=esm") ? [banner] : [];
  return project.run(
    ESBUILD,
    "main.mjs",
    "--bundle",
    "--platform=node",
    "--log-level=error",
    ...more,
    ...options,
  );
}

describe.skipIf(missing !== undefined)("a bundle that holds the package's code", () => {
  const project = sharedProject();

  function bundled(name: string): string {
    const { bundle, run } = BUNDLERS[name]!;
    project().write("main.mjs", PROGRAM);
    expect(run(project())).toMatchObject({ code: 0 });
    return path.join(project().folder, bundle);
  }

  it.each(Object.keys(BUNDLERS))(
    "by %s works beside node_modules, and elsewhere where it is told the place",
    (name) => {
      const bundle = bundled(name);
      const modules = path.join(project().folder, "node_modules");
      const sample = path.join(modules, "agora-transcribe-demo/samples/sales-call-en.wav");
      const works = { code: 0, stdout: "My phone number\n", stderr: "" };
      expect(project().run(process.execPath, bundle, sample)).toEqual(works);

      const elsewhere = new Project("elsewhere");
      copyFileSync(bundle, path.join(elsewhere.folder, path.basename(bundle)));
      const directory = `AGORA_PACKAGE_DIR=${path.join(modules, "agora-transcribe")}`;
      expect(elsewhere.run("env", directory, process.execPath, path.basename(bundle), sample)).toEqual(works);
    },
  );

  // webpack writes the place where it found the package into the bundle.
  it.each(Object.keys(BUNDLERS).filter((name) => name !== "webpack"))(
    "by %s says what is wrong where the package is not installed",
    (name) => {
      const bundle = bundled(name);
      const elsewhere = new Project("elsewhere");
      copyFileSync(bundle, path.join(elsewhere.folder, path.basename(bundle)));
      expect(elsewhere.run(process.execPath, path.basename(bundle), "x.wav").stdout).toMatch(
        /^TranscriptionError DEVICE_UNAVAILABLE The files of agora-transcribe were not found: a bundler .*Leave the package out/,
      );
    },
  );
});
