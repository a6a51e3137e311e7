import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { Interruption } from "../../../src/cli/exit.js";
import { TranscriptionError } from "../../../src/errors.js";
import type { DiarizationResult, DiarizeOptions, ErrorCode } from "../../../src/index.js";
import { Capture } from "../../support/capture.js";
import { fakeApi } from "../../support/fake-api.js";
import { folderWith } from "../../support/folder-with.js";
import { type CliRunOptions, runInProcess } from "../../support/run-cli.js";

const ONE_TURN: DiarizationResult = {
  turns: [{ start: 0.5, end: 2, speaker: "SPEAKER_00", confidence: 1 }],
  speakers: [],
  duration: 4,
  processingTime: 1,
  warnings: [],
};

type Answer = (name: string) => Partial<DiarizationResult> | Promise<never>;

/** The command on files of a folder, by default with one turn of one speaker in each; what was asked of the library. */
async function diarize(
  files: readonly string[],
  args: readonly string[],
  answer: Answer = () => ({}),
  options: CliRunOptions = {},
) {
  const folder = await folderWith(...files);
  const heard: string[] = [];
  const asked: DiarizeOptions[] = [];
  const api = fakeApi(undefined, {
    diarize: async (input, given = {}) => {
      heard.push(typeof input === "string" ? input.replace(`${folder}/`, "") : "stdin");
      asked.push(given);
      return { ...ONE_TURN, ...(await answer(heard.at(-1)!)) };
    },
  });
  const paths = args.map((arg) => (/\.wav$|\*/.test(arg) ? join(folder, arg) : arg));
  const run = await runInProcess(["diarize", ...paths], { ...options, api });
  return { ...run, folder, heard, asked };
}

const failing = (code: ErrorCode, message = "What went wrong"): Promise<never> =>
  Promise.reject(new TranscriptionError(code, message));

const turnOf = (id: string) => `SPEAKER ${id} 1 0.500 1.500 <NA> <NA> SPEAKER_00 <NA> <NA>\n`;

it("prints the turns of every file, each under its name", async () => {
  const { code, stdout, stderr } = await diarize(["a.wav", "b.wav"], ["*.wav"]);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: turnOf("a") + turnOf("b"), stderr: "" });
});

it("asks the library for what the flags say", async () => {
  const flags = ["--num-speakers", "3", "--diarization-model", "voices.bin", "--seller-channel", "1"];
  const engine = ["--diarization-engine", "community"];
  const models = ["--cache-dir", "models", "--offline"];
  const { asked } = await diarize(["a.wav"], ["a.wav", ...flags, ...engine, ...models, "-t", "2"]);
  expect(asked).toEqual([
    {
      numSpeakers: 3,
      engine: "community",
      model: "voices.bin",
      roles: { sellerChannel: 1 },
      threads: 2,
      cacheDir: "models",
      download: false,
      signal: expect.any(AbortSignal),
      onDownload: expect.any(Function),
    },
  ]);
});

it("says that a model is downloaded, and under which licence", async () => {
  const progress = {
    model: "nemotron-3-diarization",
    received: 0,
    total: 107_012_128,
    licence: "OpenMDW-1.1",
  };
  const folder = await folderWith("a.wav");
  const api = fakeApi(undefined, {
    diarize: async (_, given = {}) => {
      for (const received of [0, 1000]) given.onDownload?.({ ...progress, received });
      return ONE_TURN;
    },
  });
  const { stderr } = await runInProcess(["diarize", join(folder, "a.wav")], { api });
  expect(stderr).toBe("Downloading model nemotron-3-diarization (107 MB; licence: OpenMDW-1.1)\n");
});

it("hears what the options say", async () => {
  const heard = ["--channels", "mix", "--track", "1", "--timeout", "9"];
  const limits = ["--max-duration", "60", "--max-bytes", "1000", "--decode-timeout", "5"];
  const { asked } = await diarize(["a.wav"], ["a.wav", ...heard, ...limits]);
  const signal = expect.any(AbortSignal);
  const given = { maxDuration: 60, maxBytes: 1000, decodeTimeout: 5 };
  expect(asked).toEqual([
    { channels: "mix", track: 1, timeout: 9, limits: given, signal, onDownload: expect.any(Function) },
  ]);
});

it.each([
  [["-f", "srt"], "rttm, json, or all"],
  [["-f", "rttm,json"], "--output-dir"],
  [["--channels", "each"], "mix or the number"],
  [["--skip-existing"], "--output-dir"],
  [["--no-clobber"], "--output-dir"],
  [["-t", "0"], "for --threads but received 0"],
  [["--min-speakers", "3", "--max-speakers", "2"], "at most --max-speakers, which is 2, for --min-speakers"],
  [["--num-speakers", "2", "--max-speakers", "3"], "no --min-speakers or --max-speakers beside"],
])("refuses %j before it reads", async (args, about) => {
  const { code, stderr, heard } = await diarize(["a.wav"], ["a.wav", ...args]);
  expect({ code, heard }).toEqual({ code: 2, heard: [] });
  expect(stderr).toContain(about);
});

it.each([
  [
    ["x/call.wav", "y/call.wav"],
    ["call.wav", "call.wav-2"],
  ],
  [
    ["call.mp3.wav", "call.wav"],
    ["call.mp3", "call"],
  ],
  [
    ["a call.wav", "a_call.wav"],
    ["a_call.wav", "a_call.wav-2"],
  ],
])("tells recordings apart whose files are called alike: %j", async (files, ids) => {
  const { stdout } = await diarize(files, files);
  expect(stdout).toBe(ids.map(turnOf).join(""));
});

it("writes one JSON document a line where several files were asked for, whichever can be read", async () => {
  const single = await diarize(["a.wav"], ["a.wav", "-f", "json"]);
  expect(single.stdout).toBe(`${JSON.stringify(ONE_TURN, undefined, 2)}\n`);
  const two = await diarize(["a.wav"], ["a.wav", "missing.wav", "-f", "json"]);
  expect(two.stdout).toBe(`${JSON.stringify({ file: join(two.folder, "a.wav"), ...ONE_TURN })}\n`);
  expect(two.code).toBe(1);
});

it.each([
  ["EPIPE", 0, ""],
  ["ENOSPC", 1, "error: Cannot write to standard output: ENOSPC\n"],
])("ends with the first text that nobody takes because of %s", async (errorCode, exitCode, message) => {
  const stdout = new Capture();
  stdout._write = (_chunk, _encoding, done) => done(Object.assign(new Error(errorCode), { code: errorCode }));
  stdout.on("error", () => {});
  const files = ["a.wav", "b.wav"];
  const { code, stderr, heard } = await diarize(files, files, undefined, { stdout });
  expect({ code, stderr, heard }).toEqual({ code: exitCode, stderr: message, heard: ["a.wav"] });
});

it("goes on after a file that fails, and says which", async () => {
  const { code, stdout, stderr, folder } = await diarize(["bad.wav", "good.wav"], ["*.wav"], (name) =>
    name === "bad.wav" ? failing("DECODE_FAILED", "The file is damaged") : {},
  );
  expect({ code, stdout }).toEqual({ code: 1, stdout: turnOf("good") });
  expect(stderr).toBe(`${folder}/bad.wav: The file is damaged\n`);
});

it.each([
  ["MODEL_NOT_FOUND", 3],
  ["INVALID_ARGUMENT", 2],
  ["DECODE_FAILED", 1],
] as const)("exits as %s does where every file fails with it", async (errorCode, exitCode) => {
  const one = await diarize(["a.wav"], ["a.wav"], () => failing(errorCode));
  const several = await diarize(["a.wav", "b.wav"], ["*.wav"], () => failing(errorCode));
  expect([one.code, several.code]).toEqual([exitCode, exitCode]);
  expect(several.heard).toEqual(["a.wav", "b.wav"]);
});

it("exits with 1 where files fail for different reasons, in any order", async () => {
  const answer: Answer = (name) => failing(name === "a.wav" ? "MODEL_NOT_FOUND" : "DECODE_FAILED");
  const codes = [
    ["a.wav", "b.wav"],
    ["b.wav", "a.wav"],
  ].map(async (files) => (await diarize(files, files, answer)).code);
  expect(await Promise.all(codes)).toEqual([1, 1]);
});

it("reads standard input, which must be piped in", async () => {
  const piped = await diarize([], ["-"], undefined, { stdin: Readable.from([]) });
  expect({ stdout: piped.stdout, heard: piped.heard }).toEqual({ stdout: turnOf("stdin"), heard: ["stdin"] });
  const stdin = Object.assign(Readable.from([]), { isTTY: true });
  expect(await diarize([], ["-"], undefined, { stdin })).toMatchObject({ code: 2, heard: [] });
});

it("shows warnings on standard error, unless quiet", async () => {
  const warned: Answer = () => ({ warnings: ["The file is cut off"] });
  const { stderr, folder } = await diarize(["a.wav"], ["a.wav"], warned);
  expect(stderr).toBe(`${folder}/a.wav: warning: The file is cut off\n`);
  expect((await diarize(["a.wav"], ["a.wav", "-q"], warned)).stderr).toBe("");
});

it("ends with an interrupt's code and leaves the other files", async () => {
  const controller = new AbortController();
  const files = ["a.wav", "b.wav"];
  const interrupted: Answer = () => {
    controller.abort(new Interruption("SIGINT", 130));
    return failing("CANCELLED");
  };
  const { code, stderr, heard } = await diarize(files, files, interrupted, { signal: controller.signal });
  expect({ code, stderr, heard }).toEqual({ code: 130, stderr: "", heard: ["a.wav"] });
});

it("writes files that lie beside those of a transcript, under the names that RTTM has on standard output", async () => {
  const folder = await folderWith("out/a.json");
  const out = join(folder, "out");
  const run = await diarize(["x/a.wav", "y/a.wav"], ["x/a.wav", "y/a.wav", "-f", "all", "-o", out]);
  expect(run).toMatchObject({ code: 0, stdout: "", stderr: "" });
  const files = ["a.wav-2.diarization.json", "a.wav-2.rttm", "a.wav.diarization.json", "a.wav.rttm"];
  expect((await readdir(out)).sort()).toEqual(["a.json", ...files].sort());
  expect(await readFile(join(out, "a.wav-2.rttm"), "utf8")).toBe(turnOf("a.wav-2"));
  const json = await readFile(join(out, "a.wav.diarization.json"), "utf8");
  expect(json).toBe(`${JSON.stringify(ONE_TURN, undefined, 2)}\n`);
});

it("keeps and skips files as a transcription does", async () => {
  const folder = await folderWith("out/a.rttm");
  const args = ["*.wav", "-o", join(folder, "out")];
  const kept = await diarize(["a.wav", "b.wav"], [...args, "--no-clobber"]);
  expect(kept).toMatchObject({ code: 2, heard: [] });
  expect(kept.stderr).toContain("a.rttm exists already");
  const skipped = await diarize(["a.wav", "b.wav"], [...args, "--skip-existing"]);
  expect(skipped).toMatchObject({ code: 0, heard: ["b.wav"] });
  expect(skipped.stderr).toBe(`${skipped.folder}/a.wav: skipped, its files are there\n`);
  expect(await readFile(join(folder, "out/a.rttm"), "utf8")).toBe("");
});
