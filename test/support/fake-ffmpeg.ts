import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished, vi } from "vitest";
import { temporaryFolder } from "./temporary-folder.js";

/** Has AGORA_FFMPEG name a shell script that answers `-version` like FFmpeg and otherwise runs `script`. */
export async function useFfmpeg(script: string): Promise<string> {
  const path = join(await temporaryFolder(), "ffmpeg");
  await writeFile(path, `#!/bin/sh\n[ "$1" = -version ] && echo "ffmpeg version 9.9" && exit\n${script}\n`, {
    mode: 0o755,
  });
  vi.stubEnv("AGORA_FFMPEG", path);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  return path;
}
