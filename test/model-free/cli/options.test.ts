import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { nameFlags } from "../../../src/cli/settings.js";
import { fakeApi } from "../../support/fake-api.js";
import { folderWith } from "../../support/folder-with.js";
import { runInProcess } from "../../support/run-cli.js";

/** What the library is asked for by a command line. */
async function asked(...flags: string[]) {
  const folder = await folderWith("a.wav");
  const { code, stderr, api } = await runInProcess([join(folder, "a.wav"), ...flags]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  const { onDownload, ...transcriber } = api.created[0]!;
  const { signal, onProgress, onSegment, ...transcribe } = api.calls[0]!.options;
  return { transcriber, transcribe };
}

describe("options", () => {
  it("that are not given are left to the library", async () => {
    expect(await asked()).toEqual({ transcriber: {}, transcribe: { suppressBlank: true } });
  });

  it("choose the model and where it runs", async () => {
    const { transcriber } = await asked(
      ...["-m", "demo", "--device", "cpu", "-t", "3", "--implementation", "whisper"],
      ...["--batch-size", "8", "--compute-type", "int8_float16", "--draft-model", "tiny"],
      ...["--cpu-variant", "haswell", "--vad-model", "silero-v6.2.0", "--offline"],
    );
    expect(transcriber).toEqual({
      model: "demo",
      device: "cpu",
      threads: 3,
      implementation: "whisper",
      batchSize: 8,
      computeType: "int8_float16",
      draftModel: "tiny",
      cpuVariant: "haswell",
      vadModel: "silero-v6.2.0",
      download: false,
    });
    expect((await asked("--no-download")).transcriber).toEqual({ download: false });
  });

  it("reach the request under the library's names", async () => {
    const { transcribe } = await asked(
      ...["-l", "ru", "--task", "translate", "--beam-size", "5", "--best-of", "2", "--patience", "1"],
      ...["--length-penalty", "0.5", "--compression-ratio-threshold", "2", "--log-prob-threshold=-0.5"],
      ...[
        "--no-speech-threshold",
        "0.4",
        "--initial-prompt",
        "Hi, there",
        "--carry-initial-prompt",
        "--prefix",
        "So",
        "--hotwords",
        "Agora,Borealis",
      ],
      ...["--condition-on-previous-text", "--no-suppress-blank", "--suppress-tokens", "-1,50257"],
      ...["--without-timestamps", "--word-timestamps", "--max-tokens", "100", "--chunk-length", "20"],
      ...["--repetition-penalty", "1.2", "--no-repeat-ngram-size", "3", "--max-initial-timestamp", "2"],
      ...["--hallucination-silence-threshold", "2", "--prompt-reset-on-temperature", "0.3"],
      ...["--language-detection-threshold", "0.7", "--language-detection-segments", "2"],
      ...["--clip-timestamps", "1,2.5,7", "--prepend-punctuations", "(", "--append-punctuations", ")."],
      ...["--seed", "7", "--timeout", "1.5", "--temperature", "0"],
    );
    expect(transcribe).toEqual({
      language: "ru",
      task: "translate",
      beamSize: 5,
      bestOf: 2,
      patience: 1,
      lengthPenalty: 0.5,
      compressionRatioThreshold: 2,
      logProbThreshold: -0.5,
      noSpeechThreshold: 0.4,
      initialPrompt: "Hi, there",
      carryInitialPrompt: true,
      prefix: "So",
      hotwords: "Agora,Borealis",
      conditionOnPreviousText: true,
      suppressBlank: false,
      suppressTokens: [-1, 50257],
      withoutTimestamps: true,
      wordTimestamps: true,
      maxTokens: 100,
      chunkLength: 20,
      seed: 7,
      timeout: 1.5,
      temperature: 0,
      repetitionPenalty: 1.2,
      noRepeatNgramSize: 3,
      maxInitialTimestamp: 2,
      hallucinationSilenceThreshold: 2,
      promptResetOnTemperature: 0.3,
      languageDetectionThreshold: 0.7,
      languageDetectionSegments: 2,
      clipTimestamps: [1, 2.5, 7],
      prependPunctuations: "(",
      appendPunctuations: ").",
    });
  });

  it("have a language, or one for each window", async () => {
    expect((await asked("--multilingual")).transcribe).toMatchObject({ multilingual: true });
  });

  it("read lists, none and channels", async () => {
    const flags = ["--temperature", "0,0.4", "--suppress-tokens", "", "--no-speech-threshold", "none"];
    expect((await asked(...flags)).transcribe).toMatchObject({
      temperature: [0, 0.4],
      suppressTokens: [],
      noSpeechThreshold: null,
    });
    expect((await asked("--channels", "each")).transcribe.channels).toBe("each");
    expect((await asked("--channels", "1")).transcribe.channels).toBe(1);
  });

  it("switch VAD on, off, or leave it alone, and tune it", async () => {
    expect((await asked("--vad-filter")).transcribe.vadFilter).toBe(true);
    expect((await asked("--no-vad-filter")).transcribe.vadFilter).toBe(false);
    expect((await asked()).transcribe).not.toHaveProperty("vadFilter");
    const tuned = await asked(
      ...["--vad-threshold", "0.6", "--vad-min-speech-duration", "0.1", "--vad-min-silence-duration", "0.3"],
      ...["--vad-speech-pad", "0.05", "--vad-neg-threshold", "0.4", "--vad-max-speech-duration", "20"],
    );
    expect(tuned.transcribe.vadOptions).toEqual({
      threshold: 0.6,
      negThreshold: 0.4,
      minSpeechDuration: 0.1,
      minSilenceDuration: 0.3,
      speechPad: 0.05,
      maxSpeechDuration: 20,
    });
  });

  it("set limits", async () => {
    const flags = ["--max-bytes", "1000", "--max-duration", "60", "--decode-timeout", "5"];
    expect((await asked(...flags)).transcribe.limits).toEqual({
      maxBytes: 1000,
      maxDuration: 60,
      decodeTimeout: 5,
    });
  });

  it("for highlighted words ask for words", async () => {
    const folder = await folderWith("a.wav");
    const { api } = await runInProcess([join(folder, "a.wav"), "--highlight-words"]);
    expect(api.calls[0]!.options.wordTimestamps).toBe(true);
  });
});

describe("WhisperX's JSON", () => {
  /** What a transcriber that does or does not time words is asked for. */
  async function words(timesWords: boolean, ...flags: string[]) {
    const folder = await folderWith("a.wav");
    const api = fakeApi(undefined, {}, timesWords);
    const { code, stderr } = await runInProcess([join(folder, "a.wav"), ...flags, "-o", folder], { api });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(await readdir(folder)).toContain("a.whisperx.json");
    return api.calls[0]!.options.wordTimestamps;
  }

  it.each([["whisperx"], ["srt,whisperx"], ["all,whisperx"]])("as -f %s asks for words", async (format) => {
    expect(await words(true, "-f", format)).toBe(true);
  });

  it("among all formats leaves the times of the others as they are", async () => {
    expect(await words(true, "-f", "all")).toBeUndefined();
    expect(await words(true, "-f", "all", "--word-timestamps")).toBe(true);
  });

  it.each([["whisperx"], ["all"]])("as -f %s is written without words by what times none", async (format) => {
    expect(await words(false, "-f", format)).toBeUndefined();
  });
});

it("words that are to be highlighted are refused by their own flag where none are timed", async () => {
  const folder = await folderWith("a.wav");
  const api = fakeApi(undefined, {}, false);
  const run = await runInProcess([join(folder, "a.wav"), "-f", "srt", "--highlight-words"], { api });
  expect(run).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("--highlight-words") });
  expect(run.stderr).not.toContain("--word-timestamps");
  expect({ calls: api.calls, closed: api.closed }).toEqual({ calls: [], closed: 1 });
});

describe("wrong options", () => {
  it.each([
    [["--thread", "2"], "--threads"],
    [["--threads", "two"], "Expected a whole number"],
    [["--threads", "1.5"], "Expected a whole number"],
    [["--patience", ""], "Expected a number"],
    [["--patience", "Infinity"], "Expected a number"],
    [["--temperature", ","], "Expected a number"],
    [["--device", "tpu"], "cuda"],
    [["--task", "summarize"], "translate"],
    [["--format", "txt,doc"], "Expected a comma list of txt, json"],
    [["--format", ""], "Expected a comma list"],
    [["--channels", "left"], "Expected mix, each or the number of a channel"],
    [["--channels=-1"], "Expected mix, each or the number of a channel"],
    [["--no-speech-threshold"], "argument missing"],
    [["--model"], "argument missing"],
  ])("%j exit with 2 and say what was expected", async (flags, message) => {
    const { code, stdout, stderr, api } = await runInProcess(["a.wav", ...flags]);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(message);
    expect(stderr).toContain("--help");
    expect(api.created).toHaveLength(0);
  });

  it("include no input at all", async () => {
    const { code, stderr } = await runInProcess([]);
    expect(code).toBe(2);
    expect(stderr).toContain("No input");
  });
});

describe("help", () => {
  it("goes to stdout and tells of every group, the exit codes and the environment", async () => {
    const { code, stdout, stderr } = await runInProcess(["--help"]);
    expect(code).toBe(0);
    expect(stderr).toBe("");
    for (const part of [
      ...["Usage:", "Model:", "Speech:", "Output:", "Decoding:", "Limits:", "Commands:", "Examples:"],
      ...[
        "Exit codes:",
        "130",
        "AGORA_MODEL",
        "AGORA_CACHE_DIR",
        "--no-speech-threshold",
        "doctor",
        "models",
      ],
    ]) {
      expect(stdout).toContain(part);
    }
  });

  it("fits a terminal of 80 columns", async () => {
    const { stdout } = await runInProcess(["--help"], { stdoutIsTTY: true });
    const examplesOn = stdout.slice(0, stdout.indexOf("Examples:"));
    for (const line of examplesOn.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  it("exists for commands", async () => {
    expect((await runInProcess(["models", "--help"])).stdout).toContain("quantize");
    expect((await runInProcess(["models", "download", "--help"])).stdout).toContain("name");
  });

  it("is what a lone “models” prints, as a usage error", async () => {
    const { code, stderr } = await runInProcess(["models"]);
    expect(code).toBe(2);
    expect(stderr).toContain("download");
  });

  it("leaves the version to --version", async () => {
    const { code, stdout, api } = await runInProcess(["--version"]);
    expect(code).toBe(0);
    expect(stdout).toBe(`${api.VERSION}\n`);
  });
});

describe("messages of the library", () => {
  it.each([
    ["Expected 1 to 8 for beamSize but received 9", "Expected 1 to 8 for --beam-size but received 9"],
    ["for vadOptions.minSpeechDuration but", "for --vad-min-speech-duration but"],
    ["for limits.maxBytes but", "for --max-bytes but"],
    ["at most diarize.maxSpeakers, which is 2,", "at most --max-speakers, which is 2,"],
    ["for threads but", "for --threads but"],
    ["vadFilter needs a model", "--vad-filter needs a model"],
    ["the model of the device", "the model of the device"],
  ])("speak of flags: %s", (message, named) => {
    expect(nameFlags(message)).toBe(named);
  });
});

it.each([
  [["a.wav", "--nope"], "agora-transcribe --help"],
  [["diarize"], "agora-transcribe diarize --help"],
  [["diarize", "a.wav", "--skip-existing"], "agora-transcribe diarize --help"],
  [["models", "inspect"], "agora-transcribe models inspect --help"],
  [["models", "convert", "folder", "--nope"], "agora-transcribe models convert --help"],
  [["serve", "--nope"], "agora-transcribe serve --help"],
])("an error of %j names the help of its command", async (args, help) => {
  const { code, stderr } = await runInProcess(args);
  expect(code).toBe(2);
  expect(stderr).toContain(`\nTry '${help}'.\n`);
});

it.each([
  [["a.wav", "--beam-size", "99"], "an integer from 1 to 8 for --beam-size"],
  [["a.wav", "-l", "klingon"], "for --language but received"],
  [["a.wav", "-l", "ru", "--multilingual"], "for --language"],
  [["a.wav", "--vad-threshold", "2"], "a number from 0.01 to 1 for --vad-threshold"],
  [["a.wav", "-f", "srt", "--max-line-width", "0"], "for --max-line-width"],
  [["a.wav", "--detect-language", "--chunk-length", "60"], "a number from 1 to 30 for --chunk-length"],
  [["diarize", "a.wav", "--num-speakers", "0"], "for --num-speakers"],
  [["diarize", "a.wav", "--track", "-1"], "for --track"],
])("%j is refused once, before any model is loaded", async (args, about) => {
  const folder = await folderWith("a.wav", "b.wav");
  const paths = args.flatMap((arg) => (arg === "a.wav" ? [join(folder, arg), join(folder, "b.wav")] : arg));
  const asked: unknown[] = [];
  const diarize = async (input: unknown) => {
    asked.push(input);
    throw new Error("Not to be called");
  };
  const { code, stderr, api } = await runInProcess(paths, { api: fakeApi(undefined, { diarize }) });
  expect({ code, created: api.created, asked }).toEqual({ code: 2, created: [], asked: [] });
  expect(stderr.match(/Expected /g)).toHaveLength(1);
  expect(stderr).toContain(about);
});
