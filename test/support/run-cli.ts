import { Readable } from "node:stream";
import { run } from "../../src/cli/program.js";
import { Capture } from "./capture.js";
import { type FakeApi, fakeApi } from "./fake-api.js";

export interface CliRun {
  code: number;
  stdout: string;
  stderr: string;
  api: FakeApi;
}

export interface CliRunOptions {
  api?: FakeApi;
  stdin?: Readable & { isTTY?: boolean };
  stdoutIsTTY?: boolean;
  stderrIsTTY?: boolean;
  signal?: AbortSignal;
  stdout?: Capture;
}

/** Runs a command line in this process, against a fake of the public API. */
export async function runInProcess(args: readonly string[], options: CliRunOptions = {}): Promise<CliRun> {
  const api = options.api ?? fakeApi();
  const stdout = options.stdout ?? new Capture({ isTTY: options.stdoutIsTTY ?? false });
  const stderr = new Capture({ isTTY: options.stderrIsTTY ?? false });
  const stdin = options.stdin ?? Readable.from([]);
  const signal = options.signal ?? new AbortController().signal;
  const code = await run(args, { api, stdin, stdout, stderr, signal });
  return { code, stdout: stdout.text, stderr: stderr.text, api };
}
