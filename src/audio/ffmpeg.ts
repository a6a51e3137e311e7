import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import { promisify } from "node:util";
import { TranscriptionError } from "../errors.js";

/** The FFmpeg program that decodes what is not plain WAV. */
export interface Ffmpeg {
  /** Absolute path. */
  path: string;
  /** As it states it, e.g. `"5.1.9-0+deb12u1"`. */
  version: string;
  /** Whether it was built with the SoX resampler. */
  soxr: boolean;
}

const PROBE_TIMEOUT_MS = 30_000;
const found = new Map<string, Ffmpeg>();

/**
 * Finds FFmpeg: `AGORA_FFMPEG` if it is set, else the first `ffmpeg` in `PATH`. Each program is asked once.
 * @throws TranscriptionError DECODER_UNAVAILABLE when there is none, or it is not a working FFmpeg
 */
export async function findFfmpeg(): Promise<Ffmpeg> {
  const chosen = process.env.AGORA_FFMPEG;
  const path = chosen ? resolve(chosen) : await searchPath();
  if (!path) {
    throw new TranscriptionError(
      "DECODER_UNAVAILABLE",
      "FFmpeg is needed to decode anything but plain WAV and was not found in PATH: " +
        "install it (Debian and Ubuntu: apt-get install ffmpeg) or set AGORA_FFMPEG to the program's path",
    );
  }
  const known = found.get(path);
  if (known) return known;
  try {
    const ffmpeg = await ask(path);
    found.set(path, ffmpeg);
    return ffmpeg;
  } catch (cause) {
    const source = chosen ? "AGORA_FFMPEG" : "PATH";
    throw new TranscriptionError(
      "DECODER_UNAVAILABLE",
      `Expected a working FFmpeg in ${source} but ${JSON.stringify(path)} failed: ${(cause as Error).message.trim()}`,
      { cause },
    );
  }
}

/** What a child gets to see of our environment: no more than it takes to start. */
export function ffmpegEnvironment(): NodeJS.ProcessEnv {
  const { LD_LIBRARY_PATH } = process.env;
  return { LC_ALL: "C", AV_LOG_FORCE_NOCOLOR: "1", ...(LD_LIBRARY_PATH && { LD_LIBRARY_PATH }) };
}

async function searchPath(): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    if (!isAbsolute(folder)) continue;
    const path = join(folder, "ffmpeg");
    const executable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable) return path;
  }
  return undefined;
}

async function ask(path: string): Promise<Ffmpeg> {
  const { stdout } = await promisify(execFile)(path, ["-version"], {
    env: ffmpegEnvironment(),
    timeout: PROBE_TIMEOUT_MS,
  });
  const version = /^ffmpeg version (\S+)/.exec(stdout)?.[1];
  if (!version) throw new Error("it does not state FFmpeg's version");
  return { path, version, soxr: stdout.includes("--enable-libsoxr") };
}
