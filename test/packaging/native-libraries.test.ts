import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { addonPath } from "../../src/addon/addon.js";

// What lets this package live in one process with another addon's ggml: the dynamic linker takes a library that is
// already loaded under the same name for ours, and gives unique symbols to whoever came first.

const directory = path.dirname(addonPath());
const addon = path.basename(addonPath());
const files = readdirSync(directory).filter((name) => name.endsWith(".so") || name.endsWith(".node"));
const SYSTEM_LIBRARY =
  /^(lib(stdc\+\+|m|gcc_s|c|pthread|dl)\.so\.\d+|ld-linux[\w-]*\.so\.\d+|lib(cudart|cublas|cuda)\.so\.\d+)$/;

function readelf(file: string, ...options: string[]): string {
  return execFileSync("readelf", ["--wide", ...options, path.join(directory, file)], { encoding: "utf8" });
}

function dynamicEntries(file: string, tag: string): string[] {
  const pattern = new RegExp(`\\(${tag}\\).*\\[(.*)\\]`, "g");
  return [...readelf(file, "--dynamic").matchAll(pattern)].map((match) => match[1] ?? "");
}

/** Rows of the dynamic symbol table as `{ binding, defined, name }`. */
function dynamicSymbols(file: string) {
  return readelf(file, "--dyn-syms")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => /^\d+:$/.test(columns[0] ?? "") && columns.length >= 8)
    .map((columns) => ({ binding: columns[4], defined: columns[6] !== "UND", name: columns[7] }));
}

describe("the native libraries", () => {
  it("include the addon, ggml and at least one CPU backend", () => {
    expect(files).toContain(addon);
    expect(files).toContain("libagora-ggml.so");
    expect(files).toContain("libagora-ggml-base.so");
    expect(files.filter((name) => name.startsWith("libagora-ggml-cpu-"))).not.toHaveLength(0);
  });

  it.each(files)("%s has a name of its own and needs only its neighbours and the system", (file) => {
    expect(file === addon || file.startsWith("libagora-")).toBe(true);
    for (const soname of dynamicEntries(file, "SONAME"))
      expect(soname).toMatch(/^(libagora-|agora_transcribe\.node$)/);
    const foreign = dynamicEntries(file, "NEEDED").filter(
      (name) => !files.includes(name) && !SYSTEM_LIBRARY.test(name),
    );
    expect(foreign).toEqual([]);
  });

  it.each(files)("%s looks for its neighbours in its own folder first", (file) => {
    expect(dynamicEntries(file, "RUNPATH")[0]?.split(":")[0]).toBe("$ORIGIN");
  });

  it.each(files)("%s has no process-wide unique symbols", (file) => {
    expect(dynamicSymbols(file).filter(({ binding }) => binding === "UNIQUE")).toEqual([]);
  });

  it("export from the addon nothing but Node-API's entry points", () => {
    const exported = dynamicSymbols(addon).filter(({ binding, defined }) => defined && binding !== "LOCAL");
    expect(exported.map(({ name }) => name).sort()).toEqual([
      "napi_register_module_v1",
      "node_api_module_get_api_version_v1",
    ]);
  });
});
