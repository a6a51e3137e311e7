import { loadDotenv } from "../server/dotenv.js";
import { startServer } from "../server/server.js";
import { type FlagValues, readSettings } from "../server/settings.js";
import type { CliContext } from "./context.js";
import { EXIT } from "./exit.js";

/**
 * `agora-transcribe serve`: runs until it is interrupted, then finishes what it has begun.
 * @param flags as they were typed
 * @returns exit code
 * @throws TranscriptionError when a setting is wrong or the model cannot be loaded
 */
export async function serve(flags: FlagValues, { signal, stderr }: CliContext): Promise<number> {
  loadDotenv();
  const settings = readSettings(process.env, flags);
  const server = await startServer(settings, (line) => stderr.write(line));
  const interrupted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  try {
    await Promise.race([server.ready, interrupted]);
    await interrupted;
    return EXIT.ok;
  } finally {
    await server.stop();
  }
}
