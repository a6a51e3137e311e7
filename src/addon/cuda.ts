import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { companionFolder, packageRequire } from "../package-files.js";
import { VERSION } from "../version.js";
import { backendDirectory } from "./addon.js";

/** The package with a prebuilt CUDA backend, which users add themselves. */
const PACKAGE = "agora-transcribe-linux-x64-cuda";
const LIBRARY = "libagora-ggml-cuda.so";

/**
 * Folder of the CUDA backend: beside the addon, where it was built with it, else in the package for it.
 * @returns undefined where there is none
 * @throws TranscriptionError DEVICE_UNAVAILABLE where there is no addon
 */
export function cudaDirectory(): string | undefined {
  const installed = companionFolder(PACKAGE);
  const folders = [
    backendDirectory(),
    ...(installed ? [path.join(installed, "prebuilds", "linux-x64")] : []),
  ];
  return folders.find((folder) => existsSync(path.join(folder, LIBRARY)));
}

/** Why the CUDA backend is not to be tried, and what to do; undefined where it is. */
export function cudaProblem(): string | undefined {
  const { platform, arch } = process;
  const folder = cudaDirectory();
  if (folder === undefined) {
    const prebuilt =
      platform === "linux" && arch === "x64" ? `\`npm install ${PACKAGE}@${VERSION}\` adds one, ` : "";
    return `this build has no CUDA backend (${prebuilt}\`npx agora-transcribe build --cuda\` makes one)`;
  }
  if (folder === backendDirectory()) return undefined;
  const { version } = packageRequire()(`${PACKAGE}/package.json`) as { version: string };
  // It works on the addon's own ggml, which has to be the one that it was built with.
  if (version === VERSION) return undefined;
  return `${PACKAGE} is of version ${version}, this package of ${VERSION}: \`npm install ${PACKAGE}@${VERSION}\``;
}

/**
 * Folders in which NVIDIA's libraries are looked for when the system does not find them: those that
 * `AGORA_CUDA_LIBRARIES` names, then those of NVIDIA's packages in the Python environment that is active, then those of
 * a toolkit: the one that `CUDA_HOME` or `CUDA_PATH` names, and where NVIDIA's installer puts them.
 * @param usual folder that the installer puts toolkits into
 */
export function cudaLibraryFolders(
  environment: NodeJS.ProcessEnv = process.env,
  usual = "/usr/local",
): string[] {
  const { AGORA_CUDA_LIBRARIES = "", VIRTUAL_ENV, CONDA_PREFIX, CUDA_HOME, CUDA_PATH } = environment;
  const given = AGORA_CUDA_LIBRARIES.split(":").filter((folder) => folder !== "");
  const environments = [VIRTUAL_ENV, CONDA_PREFIX].filter((folder) => folder !== undefined);
  const installed = foldersIn(usual).filter((name) => /^cuda(-\d.*)?$/.test(name));
  const toolkits = [CUDA_HOME, CUDA_PATH, ...installed.map((name) => path.join(usual, name))];
  return [
    ...given.map((folder) => path.resolve(folder)),
    ...environments.flatMap(pythonLibraries),
    ...toolkits.flatMap((folder) => (folder ? [path.join(folder, "lib64")] : [])).filter(existsSync),
  ];
}

/** `nvidia/cu13/lib` since CUDA 13, before that `nvidia/cublas/lib` and so on. */
function pythonLibraries(environment: string): string[] {
  const lib = path.join(environment, "lib");
  return foldersIn(lib)
    .filter((name) => name.startsWith("python3"))
    .map((name) => path.join(lib, name, "site-packages", "nvidia"))
    .flatMap((nvidia) => foldersIn(nvidia).map((name) => path.join(nvidia, name, "lib")))
    .filter((folder) => existsSync(folder));
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

/** @param reason why the CUDA backend could not be loaded @returns the same with what to do about it, if that is known */
export function withCudaAdvice(reason: string): string {
  if (/libcuda\.so/.test(reason)) {
    return `${reason}. NVIDIA's driver is not installed, or not seen here: in a container, start it with NVIDIA's container toolkit`;
  }
  const [, library, major] = /(lib(?:cublas|cublasLt|cudart))\.so\.(\d+): cannot open/.exec(reason) ?? [];
  if (!library) return reason;
  return (
    `${reason}. It is part of CUDA ${major}: install it from NVIDIA's repository, or by \`pip install ` +
    `nvidia-cublas${major === "12" ? "-cu12" : ""}\` in a Python environment that is active, or set ` +
    "AGORA_CUDA_LIBRARIES to the folder that it lies in"
  );
}
