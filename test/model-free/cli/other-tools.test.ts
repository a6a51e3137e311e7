import { describe, expect, it } from "vitest";
import { resolveRequest, resolveTranscriberOptions } from "../../../src/config/options.js";
import { folderWith } from "../../support/folder-with.js";
import { runInProcess } from "../../support/run-cli.js";

const refusal = async (...args: string[]) => {
  const { code, stderr, api } = await runInProcess(["call.wav", ...args]);
  expect({ code, created: api.created.length }).toEqual({ code: 2, created: 0 });
  return stderr;
};

describe("an option of another tool", () => {
  it.each([
    [["-osrt"], "-f srt"],
    [["-otxt"], "-f txt"],
    [["-of", "out"], "--output-dir"],
    [["-ml", "1"], "--max-line-width"],
    [["-tr"], "--task translate"],
    [["--output_format", "srt"], "--format"],
    [["--output-srt"], "-f srt"],
    [["--vad_filter", "True"], "--vad-filter"],
    [["--vad_onset=0.5"], "--vad-threshold"],
    [["--beam_size", "5"], "--beam-size"],
    [["--compute_type", "int8"], "--compute-type"],
    [["--output_dir", "x"], "--output-dir"],
    [["--max_speakers", "2"], "--max-speakers"],
    [["-di"], "--diarize"],
    [["--diarize_model", "x"], "--diarization-model"],
    [["--prompt", "x"], "--initial-prompt"],
  ])("is refused with ours: %j", async (args, ours) => {
    expect(await refusal(...args)).toMatch(new RegExp(`${args[0]!.replace(/=.*/, "")}.*here: .*${ours}`));
  });

  it.each([
    ["diarize a.wav --cpu_threads 2", "here: --threads"],
    ["diarize a.wav --max_speakers=2", "here: --max-speakers"],
    ["diarize a.wav --log_level debug", "here: --verbose or --quiet"],
    ["diarize a.wav --output-json", "here: -f json"],
    ["diarize a.wav -oj", "here: -f json"],
    ["serve --cpu_threads 2", "here: --threads"],
    ["models list --download_root x", "here: --cache-dir"],
    ["models download base --hf_token x", "here: set HF_TOKEN"],
  ])("of a command is refused with the command's: %s", async (line, ours) => {
    const { code, stderr } = await runInProcess(line.split(" "));
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(ours) });
  });

  it.each([
    "diarize a.wav --beam_size 5",
    "diarize a.wav --logprob_threshold 0",
    "diarize a.wav --output-srt",
    "diarize a.wav --tinydiarize",
    "diarize a.wav -bs 5",
    "diarize a.wav -osrt",
    "serve --output_format srt",
    "models download base --log_level debug",
    "doctor --print-progress",
  ])("that a command has nothing like is refused without a hint: %s", async (line) => {
    const { code, stderr } = await runInProcess(line.split(" "));
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.not.stringContaining("here: ") });
    expect(stderr).toContain(line.match(/ (--?[a-z_-]+)/)![1]);
  });

  it("leaves files that are called so alone", async () => {
    const { stderr } = await runInProcess(["--", "-osrt"]);
    expect(stderr).toContain("-osrt: no such file");
  });

  it("-f with a recording is told that files need no option", async () => {
    expect(await refusal("-f", "talk.wav")).toContain("A file needs no option");
  });

  it("and each of ours that is misspelt still has its suggestion", async () => {
    expect(await refusal("--beam-sise", "5")).toContain("--beam-size");
  });
});

it.each([
  ["--vad", { vadFilter: true }],
  ["--no-vad", { vadFilter: false }],
  ["--vad-min-speech=1", { vadOptions: { minSpeechDuration: 1 } }],
  ["--vad-max-speech=9", { vadOptions: { maxSpeechDuration: 9 } }],
])("%s is another spelling", async (flag, options) => {
  const folder = await folderWith("a.wav");
  const { code, api } = await runInProcess([`${folder}/a.wav`, flag]);
  expect(code).toBe(0);
  expect(api.calls[0]!.options).toMatchObject(options);
});

describe("in the library", () => {
  const message = (check: (options: object) => unknown, options: object): string => {
    try {
      check(options);
    } catch (error) {
      return `${(error as { option?: string }).option}: ${(error as Error).message}`;
    }
    return "";
  };

  it.each([
    [{ vadParameters: {} }, "vadOptions"],
    [{ vad_parameters: {} }, "vadOptions"],
    [{ beam_size: 5 }, "did you mean beamSize?"],
    [{ word_timestamps: true }, "did you mean wordTimestamps?"],
    [{ max_new_tokens: 5 }, "maxTokens"],
    [{ vadOptions: { min_silence_duration_ms: 500 } }, "minSilenceDuration, in seconds"],
    [{ vadOptions: { max_speech_duration_s: 20 } }, "maxSpeechDuration, in seconds"],
    [{ batch_size: 8 }, "batchSize of createTranscriber"],
    [{ compute_type: "int8" }, "computeType of createTranscriber"],
    [{ min_speakers: 2 }, "diarize: { minSpeakers }"],
    [{ vad_onset: 0.4 }, "vadOptions.threshold"],
    [{ diarize: { min_speakers: 2 } }, "did you mean diarize.minSpeakers?"],
  ])("%j is refused with ours", (options, ours) => {
    const [name] = Object.keys(options);
    expect(message(resolveRequest, options)).toMatch(new RegExp(`^${name}.*${ours.replace("?", "\\?")}`));
  });

  it.each([
    [{ cpu_threads: 4 }, "threads"],
    [{ download_root: "x" }, "cacheDir"],
    [{ model_size_or_path: "base" }, "model"],
    [{ revision: "main" }, 'model: "owner/name@revision"'],
  ])("%j of a transcriber is refused with ours", (options, ours) => {
    expect(message(resolveTranscriberOptions, options)).toContain(`here it is ${ours}`);
  });

  it("those of ours with underscores are refused with ours", () => {
    expect(message(resolveTranscriberOptions, { batch_size: 8 })).toContain("did you mean batchSize?");
  });
});
