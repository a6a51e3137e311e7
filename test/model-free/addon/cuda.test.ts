import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { cudaLibraryFolders, withCudaAdvice } from "../../../src/addon/cuda.js";
import { VERSION } from "../../../src/version.js";
import { runProgram } from "../../support/program.js";
import { temporaryFolder } from "../../support/temporary-folder.js";

describe("NVIDIA's libraries", () => {
  it("are looked for where AGORA_CUDA_LIBRARIES says, then in the Python environment that is active", async () => {
    const environment = await temporaryFolder();
    const nvidia = path.join(environment, "lib", "python3.12", "site-packages", "nvidia");
    const folders = ["cu13", "cublas"].map((name) => path.join(nvidia, name, "lib"));
    for (const folder of folders) await mkdir(folder, { recursive: true });
    const given = { AGORA_CUDA_LIBRARIES: "/opt/a:/opt/b", VIRTUAL_ENV: environment };
    expect(cudaLibraryFolders(given, "/nonexistent")).toEqual(["/opt/a", "/opt/b", ...folders.sort()]);
  });

  it("are looked for in toolkits last: the one that is named, and those of NVIDIA's installer", async () => {
    const usual = await temporaryFolder();
    const folders = ["named", "cuda", "cuda-13.1"].map((name) => path.join(usual, name, "lib64"));
    for (const folder of [...folders, path.join(usual, "cudnn", "lib64")])
      await mkdir(folder, { recursive: true });
    const given = { AGORA_CUDA_LIBRARIES: "/opt/a", CUDA_HOME: path.join(usual, "named") };
    expect(cudaLibraryFolders(given, usual)).toEqual(["/opt/a", ...folders]);
  });

  it("are looked for nowhere else where nothing says so", () => {
    expect(
      cudaLibraryFolders({ VIRTUAL_ENV: "/nonexistent", CUDA_PATH: "/nonexistent" }, "/nonexistent"),
    ).toEqual([]);
  });

  it.each([
    [
      "libcublas.so.13: cannot open shared object file",
      /CUDA 13: .*`pip install nvidia-cublas`.*AGORA_CUDA_LIBRARIES/,
    ],
    ["libcublasLt.so.12: cannot open shared object file", /CUDA 12: .*`pip install nvidia-cublas-cu12`/],
    ["libcuda.so.1: cannot open shared object file", /NVIDIA's driver is not installed/],
  ])("that are missing are named, with how to get them: %s", (problem, advice) => {
    const told = withCudaAdvice(`The CUDA backend could not be loaded: ${problem}`);
    expect(told).toContain(problem);
    expect(told).toMatch(advice);
  });

  it("another problem is told as it is", () => {
    expect(withCudaAdvice("The CUDA backend found no usable GPU")).toBe(
      "The CUDA backend found no usable GPU",
    );
  });
});

describe("the package with the CUDA backend", () => {
  it.each([
    [VERSION, /^The CUDA backend could not be loaded/],
    [
      "0.0.9",
      new RegExp(
        `is of version 0\\.0\\.9, this package of ${VERSION}: \`npm install agora-transcribe-linux-x64-cuda@`,
      ),
    ],
  ])("is used where it is of this version: %s", async (version, expected) => {
    const modules = path.join(await temporaryFolder(), "node_modules");
    const folder = path.join(modules, "agora-transcribe-linux-x64-cuda");
    await mkdir(path.join(folder, "prebuilds", "linux-x64"), { recursive: true });
    await writeFile(path.join(folder, "package.json"), JSON.stringify({ version }));
    await writeFile(path.join(folder, "prebuilds", "linux-x64", "libagora-ggml-cuda.so"), "no library");
    const { stdout, stderr } = await runProgram(`
      import { Module } from "node:module";
      process.env.NODE_PATH = ${JSON.stringify(modules)};
      Module._initPaths();
      const { devices } = await getSystemInfo();
      console.log(devices.find(({ kind }) => kind === "cuda").reason);
    `);
    expect(stdout, stderr).toMatch(expected);
  });
});
