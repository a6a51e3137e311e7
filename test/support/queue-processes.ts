import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { ServerSettings } from "../../src/service/settings.js";
import { type RunningChild, startCli } from "./cli.js";
import { SOME_FILE } from "./server.js";

const SCRIPT = fileURLToPath(new URL("./fake-server-process.ts", import.meta.url));

export interface WorkerProcess {
  child: RunningChild;
  /** As though its memory had run out. */
  kill(): Promise<void>;
}

/** A worker of a queue in a process of its own, ready. @param place where the jobs are @param variables others of its environment */
export async function startWorkerProcess(
  { queueLock, queueStore, queueUrl }: Partial<ServerSettings>,
  variables: Record<string, string> = {},
): Promise<WorkerProcess> {
  const child = startCli(["worker", "--implementation", "fake"], {
    script: SCRIPT,
    cwd: join(queueStore!, ".."),
    env: {
      MODEL_NAME: SOME_FILE,
      MODEL_VAD: "off",
      AGORA_CACHE_DIR: join(queueStore!, ".."),
      QUEUE_URL: queueUrl!,
      QUEUE_STORE: queueStore!,
      QUEUE_LOCK_DURATION: String(queueLock),
      ...variables,
    },
  });
  const kill = async () => {
    child.child.kill("SIGKILL");
    await child.ended;
  };
  onTestFinished(kill);
  await child.stderrHas("Serving with");
  return { child, kill };
}
