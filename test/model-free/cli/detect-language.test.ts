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
  [["-l", "ru"], "--language"],
])("refuses %j, which has nothing to do with it", async (args, about) => {
  const folder = await folderWith("a.wav");
  const { code, stderr, api } = await runInProcess([join(folder, "a.wav"), "--detect-language", ...args]);
  expect({ code, created: api.created.length }).toEqual({ code: 2, created: 0 });
  expect(stderr).toContain(about);
});
