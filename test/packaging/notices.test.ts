import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { VERSION } from "../../src/version.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const notices = readFileSync(path.join(root, "THIRD_PARTY_LICENSES.md"), "utf8");
const whisperCpp = path.join(root, "node_modules/nodejs-whisper/cpp/whisper.cpp");
const SOURCE = /\.(c|cpp|h|hpp|cu|cuh)$/;

/** Files in a folder of whisper.cpp; `deep`: in the folders below, too. */
function sourcesIn(folder: string, deep = false): string[] {
  const full = path.join(whisperCpp, folder);
  return readdirSync(full, { recursive: deep, encoding: "utf8" })
    .filter((file) => SOURCE.test(file) && !/ggml-(sycl|openvino)/.test(file))
    .map((file) => path.join(full, file));
}

/** What is compiled: the CPU and CUDA backends, without what other processors and systems have of their own. */
const compiled = [
  ...sourcesIn("ggml/src"),
  ...["", "/arch/x86", "/arch/arm", "/amx", "/llamafile"].flatMap((folder) =>
    sourcesIn(`ggml/src/ggml-cpu${folder}`),
  ),
  ...sourcesIn("ggml/src/ggml-cuda", true),
  ...sourcesIn("ggml/include"),
  ...sourcesIn("include"),
  ...sourcesIn("src"),
  ...sourcesIn("examples/talk-llama"),
];

describe("the notices of third parties", () => {
  it("name everybody whom a source that is compiled says the copyright of", () => {
    const holders = compiled.flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(/copyright(?: \(c\))? [\d-]+ ([^\n*]+?)\.?$/gim)].map((match) =>
        match[1]!.replace(/ and\/or its affiliates.*/, ""),
      ),
    );
    expect(holders).toContain("Mozilla Foundation");
    expect(holders.filter((holder) => !notices.includes(holder))).toEqual([]);
  });

  it("name every package whose code is in the page", () => {
    const imported = readdirSync(path.join(root, "web/src"), { recursive: true, encoding: "utf8" })
      .filter((file) => /\.tsx?$/.test(file) && !file.endsWith(".d.ts"))
      .flatMap((file) => [
        ...readFileSync(path.join(root, "web/src", file), "utf8").matchAll(
          /(?:from |import\()"([^".][^"]*)"/g,
        ),
      ])
      .map((match) => match[1]!.split("/")[0]!);
    const all = new Set<string>();
    const add = (name: string) => {
      if (all.has(name) || name.startsWith("@types")) return;
      all.add(name);
      const manifest = readFileSync(path.join(root, "node_modules", name, "package.json"), "utf8");
      Object.keys(JSON.parse(manifest).dependencies ?? {}).forEach(add);
    };
    imported.forEach(add);
    expect(all).toContain("preact");
    const named = [...notices.matchAll(/^## (.*)$/gm)].map((match) => match[1]!.toLowerCase());
    expect([...all].filter((name) => !named.includes(name))).toEqual([]);
  });

  it("have the whole text of every licence that they name", () => {
    expect(notices).not.toMatch(/text of the licence is the one/i);
    const sections = notices
      .split(/^## /m)
      .slice(1)
      .filter((text) => !/^(Programs and data|GCC's C\+\+ library|NVIDIA's CUDA runtime)/.test(text));
    for (const section of sections) expect(section).toMatch(/Permission is hereby granted[\s\S]*SOFTWARE\./);
  });
});

it("the version in the sources is that of the package", () => {
  expect(VERSION).toBe(JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")).version);
});
