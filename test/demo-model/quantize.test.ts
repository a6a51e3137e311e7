import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { createTranscriber, inspectModel, quantizeModel } from "../../src/index.js";
import { runCli } from "../support/cli.js";
import { codeOf, DEMO, failure } from "../support/demo.js";
import { DEMO_MODEL, F16_MODEL, sampleAudio } from "../support/samples.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { wordErrorRate } from "../support/word-error-rate.js";

const SAID =
  "My phone number is two eight nine two six. Hi there, how can I help you? Six routers, please. " +
  "I would like to compare a black tablet.";

const target = async (): Promise<string> => join(await temporaryFolder(), "small.bin");

test.each([
  ["q8_0", 0.05],
  ["q5_1", 0.1],
  ["q5_0", 0.1],
  ["q4_1", 0.3],
  ["q4_0", 0.3],
])("a %s copy is smaller and still reads", async (type, mostErrors) => {
  const path = await target();
  const fractions: number[] = [];
  const onProgress = (fraction: number): void => void fractions.push(fraction);
  expect(await quantizeModel(F16_MODEL, path, type, { onProgress })).toEqual({ name: "small.bin", path });
  expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
  expect(fractions.at(-1)).toBe(1);

  const [small, whole] = [await inspectModel(path), await inspectModel(F16_MODEL)];
  expect(small).toMatchObject({
    kind: "whisper",
    weightType: type,
    encoderLayers: 4,
    languages: whole.kind === "whisper" && whole.languages,
  });
  expect(small.fileBytes).toBeLessThan(0.65 * whole.fileBytes);

  const transcriber = await createTranscriber({ ...DEMO, model: path });
  const { text } = await transcriber.transcribe(sampleAudio("sales-call-en", 0, 10.6), { language: "en" });
  expect(wordErrorRate(SAID, text).rate).toBeLessThanOrEqual(mostErrors);
  await transcriber.close();
});

test("the 8-bit copy is what whisper.cpp's own tool makes of the model", async () => {
  const path = await target();
  await quantizeModel(F16_MODEL, path, "q8_0");
  expect((await readFile(path)).equals(await readFile(DEMO_MODEL))).toBe(true);
});

describe("nothing is written", () => {
  test("over the source, by whatever path", async () => {
    const before = await stat(F16_MODEL);
    const same = join(dirname(F16_MODEL), "..", "fixtures", "agora-demo-f16.bin");
    expect(await codeOf(quantizeModel(F16_MODEL, same, "q5_0"))).toBe("INVALID_ARGUMENT");
    expect((await stat(F16_MODEL)).mtimeMs).toBe(before.mtimeMs);
  });

  test.each([
    ["an unknown type", F16_MODEL, "q9_9", "INVALID_ARGUMENT", "q5_0"],
    ["a type whose blocks do not fit the model's width", F16_MODEL, "q4_k", "INVALID_ARGUMENT", "q4_k"],
    ["a model that is quantised already", "demo", "q5_0", "INVALID_ARGUMENT", "q8_0"],
    ["no model at all", "/nowhere/model.bin", "q5_0", "MODEL_NOT_FOUND", "/nowhere/model.bin"],
  ])("for %s", async (_, source, type, code, mentioned) => {
    const path = await target();
    const refused = await failure(quantizeModel(source, path, type));
    expect(refused.code).toBe(code);
    expect(refused.message).toContain(mentioned);
    expect(await readdir(dirname(path))).toEqual([]);
  });

  test("when it is cancelled", async () => {
    const path = await target();
    const controller = new AbortController();
    const onProgress = (): void => controller.abort();
    expect(
      await codeOf(quantizeModel(F16_MODEL, path, "q5_0", { signal: controller.signal, onProgress })),
    ).toBe("CANCELLED");
    expect(await readdir(dirname(path))).toEqual([]);
  });
});

test("the command line quantises, and asks before it replaces", async () => {
  const path = await target();
  const done = await runCli(["models", "quantize", F16_MODEL, "q5_0", path]);
  expect(done).toMatchObject({ code: 0, stdout: `${path}\n` });
  expect(await inspectModel(path)).toMatchObject({ weightType: "q5_0" });
  await writeFile(path, "something of value");
  const refused = await runCli(["models", "quantize", F16_MODEL, "q5_0", path]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("--force");
  expect(await readFile(path, "utf8")).toBe("something of value");
});
