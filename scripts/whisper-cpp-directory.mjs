import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

/**
 * The checkout of whisper.cpp to build: AGORA_WHISPER_CPP_DIR, else the one in the npm package nodejs-whisper,
 * which npm may have placed beside this package instead of inside it.
 */
export function whisperCppDirectory() {
  const directory = process.env.AGORA_WHISPER_CPP_DIR
    ? path.resolve(process.env.AGORA_WHISPER_CPP_DIR)
    : path.join(
        path.dirname(createRequire(import.meta.url).resolve("nodejs-whisper/package.json")),
        "cpp",
        "whisper.cpp",
      );
  if (!existsSync(path.join(directory, "src", "whisper.cpp"))) {
    console.error(
      `agora-transcribe: no whisper.cpp in ${directory} (AGORA_WHISPER_CPP_DIR names a checkout of it)`,
    );
    process.exit(1);
  }
  return directory;
}
