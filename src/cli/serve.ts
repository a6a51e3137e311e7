import { monotonicTime, notifySupervisor } from "../addon/supervisor.js";
import { tryDecoder } from "../audio/try-decoder.js";
import { openServer, type RunningServer } from "../server/server.js";
import { loadDotenv } from "../service/dotenv.js";
import { createLog } from "../service/log.js";
import { readSettings } from "../service/read-settings.js";
import { isServiceLink, settingAdvice } from "../service/setting-advice.js";
import type { FlagValues } from "../service/settings.js";
import type { CliContext } from "./context.js";
import { EXIT } from "./exit.js";

/**
 * `agora-transcribe serve`: runs until it is interrupted, then finishes what it has begun. SIGHUP reads settings again.
 * `agora-transcribe worker` is the same without doors: it does what servers have put into the queue.
 * @param flags as they were typed
 * @returns exit code
 * @throws TranscriptionError when a setting is wrong or the model cannot be loaded
 */
export async function serve(
  flags: FlagValues,
  { signal, stderr }: CliContext,
  isWorker = false,
): Promise<number> {
  const given = { ...process.env };
  // The library's own variables may stand in the file too.
  loadDotenv();
  const write = (line: string) => void stderr.write(line);
  const read = () => {
    const variables = variablesOf(given);
    return { variables, settings: readSettings(withoutLinks(variables), flags) };
  };
  const { variables, settings } = read();
  const log = createLog(settings.loggingLevel, write, settings.logFormat)("Server");
  for (const advice of settingAdvice(variables)) log.warning(advice);
  let isReady = false;
  const reload = async (server: RunningServer) => {
    if (isReady) notifySupervisor("RELOADING=1", monotonicTime());
    try {
      await server.reload(read().settings);
    } catch (error) {
      log.error(`Settings stay as they were: ${(error as Error).message}`);
    }
    // Who counts as started while the model is loaded would be sent calls.
    if (isReady) notifySupervisor("READY=1");
  };
  let server: RunningServer | undefined;
  // Whenever it comes, it must not end the process.
  const onHangup = () => void (server && reload(server));
  process.on("SIGHUP", onHangup);
  try {
    server = await openServer(settings, { log: write, isWorker });
    const interrupted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    // Plain WAV needs no decoder, so that the server goes on without.
    const trial = tryDecoder(signal).catch((error: Error) => {
      if (!signal.aborted) log.error(`Not all recordings can be read: ${error.message}`);
    });
    const serving = server.ready.then(() => {
      isReady = true;
      notifySupervisor("READY=1", isWorker ? "STATUS=Working" : "STATUS=Serving");
    });
    await Promise.race([serving, interrupted]);
    await Promise.all([interrupted, trial]);
    return EXIT.ok;
  } finally {
    notifySupervisor("STOPPING=1", `STATUS=Finishing ${isWorker ? "jobs" : "open calls"}`);
    await server?.stop();
    process.off("SIGHUP", onHangup);
  }
}

type Variables = Record<string, string | undefined>;

/** The environment, and what the `.env` of the working folder adds to it now. */
function variablesOf(environment: Readonly<Variables>): Variables {
  const variables = { ...environment };
  loadDotenv(".env", variables);
  return variables;
}

function withoutLinks(variables: Variables): Variables {
  return Object.fromEntries(Object.entries(variables).filter(([name, value]) => !isServiceLink(name, value)));
}
