import { join } from "node:path";
import { expect, it } from "vitest";
import { fakeApi } from "../../support/fake-api.js";
import { folderWith } from "../../support/folder-with.js";
import { runInProcess } from "../../support/run-cli.js";

/** An API that hears Russian, in files named `silent` nothing. */
function hearing() {
  const api = fakeApi();
  const heard: unknown[] = [];
  const { createTranscriber } = api;
  api.createTranscriber = async (options) =>
    ({
      ...(await createTranscriber(options)),
      detectLanguage: async (input: unknown, given: object) => {
        heard.push(given);
        if (String(input).includes("silent")) return { language: "", probability: 0, probabilities: [] };
        const probabilities = [{ language: "ru", probability: 0.987 }];
        return { language: "ru", probability: 0.987, probabilities };
      },
    }) as never;
  return { api, heard };
}

it("prints the language and its probability", async () => {
  const folder = await folderWith("a.wav");
  const { api, heard } = hearing();
  const run = await runInProcess([join(folder, "a.wav"), "--detect-language", "--channels", "1"], { api });
  expect(run).toMatchObject({ code: 0, stdout: "ru\t0.99\n", stderr: "" });
  expect(heard).toEqual([{ channels: 1, signal: expect.any(AbortSignal) }]);
  expect(api.calls).toEqual([]);
});

it("hears what the options say, and as much of it", async () => {
  const folder = await folderWith("a.wav", "b.wav");
  const { api, heard } = hearing();
  const detection = ["--language-detection-segments", "2", "--language-detection-threshold", "0.9"];
  const where = ["--clip-timestamps", "10,20", "--channels", "0", "--track", "1", "--chunk-length", "20"];
  const speech = ["--no-vad-filter", "--vad-threshold", "0.6", "--vad-speech-pad", "0.2"];
  const limits = [
    "--timeout",
    "60",
    "--max-duration",
    "3600",
    "--max-bytes",
    "1000",
    "--decode-timeout",
    "30",
  ];
  const args = ["--detect-language", ...detection, ...where, ...speech, ...limits];
  const asked = {
    languageDetectionSegments: 2,
    languageDetectionThreshold: 0.9,
    clipTimestamps: [10, 20],
    channels: 0,
    track: 1,
    chunkLength: 20,
    vadFilter: false,
    vadOptions: { threshold: 0.6, speechPad: 0.2 },
    timeout: 60,
    limits: { maxDuration: 3600, maxBytes: 1000, decodeTimeout: 30 },
    signal: expect.any(AbortSignal),
  };
  await runInProcess([join(folder, "a.wav"), ...args, "--priority", "interactive"], { api });
  // Of several nobody waits for the first.
  await runInProcess([join(folder, "a.wav"), join(folder, "missing.wav"), ...args], { api });
  expect(heard).toEqual([
    { ...asked, priority: "interactive" },
    { ...asked, priority: "bulk" },
  ]);
});

it("of several files after their names", async () => {
  const folder = await folderWith("a.wav", "silent.wav");
  const { stdout } = await runInProcess([join(folder, "*.wav"), "--detect-language"], { api: hearing().api });
  expect(stdout).toBe(`${folder}/a.wav\tru\t0.99\n${folder}/silent.wav\tnone\t0.00\n`);
});

it("as JSON with all languages", async () => {
  const folder = await folderWith("a.wav");
  const args = [join(folder, "a.wav"), "--detect-language", "-f", "json"];
  const { stdout } = await runInProcess(args, { api: hearing().api });
  expect(JSON.parse(stdout)).toEqual({
    language: "ru",
    probability: 0.987,
    probabilities: [{ language: "ru", probability: 0.987 }],
  });
});

it.each([
  [["-f", "srt"], "txt or json"],
  [["-o", "out"], "--output-dir"],
  [["-f", "all"], "txt or json"],
  [["-l", "ru"], "--language"],
  [["--channels", "each"], "--channels mix"],
  [["--beam-size", "5"], "--beam-size"],
  [["--temperature", "0", "--task", "translate"], "--task, --temperature"],
  [["--no-suppress-blank"], "--no-suppress-blank"],
  [["--multilingual"], "--multilingual"],
  [["--num-speakers", "2"], "--num-speakers"],
  [["--roles"], "--roles"],
  [["--max-line-width", "40"], "--max-line-width"],
  [["--draft-model", "tiny"], "--draft-model"],
])("refuses %j, which has nothing to do with it", async (args, about) => {
  const folder = await folderWith("a.wav");
  const { code, stderr, api } = await runInProcess([join(folder, "a.wav"), "--detect-language", ...args]);
  expect({ code, created: api.created.length }).toEqual({ code: 2, created: 0 });
  expect(stderr).toContain(about);
});
