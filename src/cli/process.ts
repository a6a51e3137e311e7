import type { Api } from "./context.js";
import { EXIT, Interruption } from "./exit.js";
import { run } from "./program.js";

/** Runs this process's command line and ends the process with its exit code. */
export async function runProcess(api: Api): Promise<never> {
  const controller = new AbortController();
  onSignal("SIGINT", EXIT.interrupted, controller);
  onSignal("SIGTERM", EXIT.terminated, controller);
  // A closed pipe is reported to whoever writes; without a listener it would end the process with a stack trace.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  const { stdin, stdout, stderr } = process;
  const exitCode = await run(process.argv.slice(2), {
    api,
    stdin,
    stdout,
    stderr,
    signal: controller.signal,
  });
  await Promise.all([stdout, stderr].map((stream) => new Promise((resolve) => stream.write("", resolve))));
  // Not by running dry: an open stdin would keep the process alive.
  process.exit(exitCode);
}

/** The first signal cancels what runs, so that it ends in order; the second ends the process at once. */
function onSignal(name: "SIGINT" | "SIGTERM", exitCode: number, controller: AbortController): void {
  process.on(name, () => {
    if (controller.signal.aborted) process.exit(exitCode);
    controller.abort(new Interruption(name, exitCode));
  });
}
