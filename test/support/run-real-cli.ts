import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { Readable } from "node:stream";
import type { Api } from "../../src/cli/context.js";
import { run } from "../../src/cli/program.js";
import * as publicApi from "../../src/index.js";
import { borrowed } from "./borrowed-transcriber.js";
import { Capture } from "./capture.js";
import { realTranscriber } from "./real-whisper.js";

export interface RealRun {
  /** Exit code. */
  code: number;
  stderr: string;
  /** Of a recording that was transcribed. */
  result: publicApi.TranscriptionResult | undefined;
  /** Of one that was not. */
  error: publicApi.TranscriptionError | undefined;
  /** What was written, by format. */
  outputs: Record<string, string>;
}

/**
 * Runs the command line in this process on one recording, with the real API but for transcribers, which are shared:
 * loading the model anew for each of a hundred recordings would take most of the time.
 */
export async function runRealCli(args: readonly string[]): Promise<RealRun> {
  let result: publicApi.TranscriptionResult | undefined;
  let error: publicApi.TranscriptionError | undefined;
  const createTranscriber: Api["createTranscriber"] = async ({ onDownload: _, ...options } = {}) => {
    const transcriber = await realTranscriber({ computeType: "auto", ...options });
    return borrowed(transcriber, {
      transcribe: async (input, request) => {
        try {
          result = await transcriber.transcribe(input, request);
          return result;
        } catch (thrown) {
          error = publicApi.TranscriptionError.from(thrown);
          throw thrown;
        }
      },
    });
  };
  const folder = await mkdtemp(join(tmpdir(), "agora-test-"));
  try {
    const stdout = new Capture();
    const stderr = new Capture();
    const context = { stdin: Readable.from([]), stdout, stderr, signal: new AbortController().signal };
    const api = { ...publicApi, createTranscriber };
    const code = await run([...args, "-o", folder], { ...context, api });
    const outputs: Record<string, string> = {};
    for (const name of await readdir(folder))
      outputs[extname(name).slice(1)] = await readFile(join(folder, name), "utf8");
    return { code, stderr: stderr.text, result, error, outputs };
  } finally {
    await rm(folder, { recursive: true });
  }
}
