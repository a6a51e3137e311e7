import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { addonPath, backendDirectory } from "../../src/addon/addon.js";
import { runProgram } from "../support/program.js";
import { temporaryFolder } from "../support/temporary-folder.js";

const hasCompiler = spawnSync("cc", ["--version"]).status === 0;

/** A library without anything in it that needs others by their names. */
function library(folder: string, name: string, needed: readonly string[] = []): void {
  const source = path.join(folder, "empty.c");
  writeFileSync(source, "");
  const others = needed.map((one) => `-l:${one}`);
  const options = [
    "-shared",
    "-fPIC",
    "-nostdlib",
    `-Wl,-soname,${name}`,
    "-Wl,--no-as-needed",
    `-L${folder}`,
  ];
  execFileSync("cc", [...options, source, ...others, "-o", path.join(folder, name)]);
}

it.skipIf(!hasCompiler)(
  "what the CUDA backend needs is found in the folders that are given, and what that needs (needs cc)",
  async () => {
    const folder = await temporaryFolder();
    library(folder, "libcublasLt.so.13");
    library(folder, "libcublas.so.13", ["libcublasLt.so.13"]);
    library(folder, "libagora-ggml-cuda.so", ["libcublas.so.13"]);
    const backend = await temporaryFolder();
    execFileSync("mv", [path.join(folder, "libagora-ggml-cuda.so"), backend]);
    const attempt = async (folders: string[]) => {
      const { stdout } = await runProgram(`
        import { createRequire } from "node:module";
        const addon = createRequire(import.meta.url)(${JSON.stringify(addonPath())});
        await addon.loadBackends(${JSON.stringify(backendDirectory())}, null, false);
        await addon
          .loadBackends(${JSON.stringify(backend)}, null, true, ${JSON.stringify(folders)})
          .catch(({ message }) => console.log(message));
      `);
      return stdout.trim();
    };
    expect(await attempt([])).toBe(
      "The CUDA backend could not be loaded: libcublas.so.13: cannot open shared object file: No such file or directory",
    );
    // It has nothing in it of a backend, which is found out when it has been opened.
    expect(await attempt(["/nonexistent", folder])).toBe(
      "The CUDA backend could not be loaded: is the NVIDIA driver installed, and new enough?",
    );
  },
);
