import { describe, expect, test } from "vitest";
import { addonPath, backendDirectory, loadAddon } from "../../src/addon/addon.js";
import { cudaDirectory } from "../../src/addon/cuda.js";
import { createTranscriber, getSystemInfo } from "../../src/index.js";
import { DEMO, failure } from "../support/demo.js";
import { runProgram } from "../support/program.js";
import { wordErrorRate } from "../support/word-error-rate.js";

const variants = await loadAddon().cpuVariants(backendDirectory());
const usable = variants.filter(({ score }) => score > 0).map(({ name }) => name);
if (usable.length < 2) {
  console.log(
    `Only the CPU variant ${usable[0]} can be tested: build with AGORA_CPU_VARIANTS=all for the others`,
  );
}
const SAID =
  "My phone number is two eight nine two six. Hi there, how can I help you? Six routers, please. " +
  "I would like to compare a black tablet.";

test.each(usable)("CPU variant %s reads 8-bit weights correctly", async (variant) => {
  const { stdout, code } = await runProgram(`
    const transcriber = await createTranscriber({ ...DEMO, cpuVariant: "${variant}" });
    const { text } = await transcriber.transcribe(sampleAudio("sales-call-en", 0, 10.6), { language: "en" });
    console.log(JSON.stringify({ text, device: transcriber.info.device.name }));
    await transcriber.close();
  `);
  expect(code).toBe(0);
  const { text, device } = JSON.parse(stdout);
  expect(wordErrorRate(SAID, text).rate).toBeLessThanOrEqual(0.05);
  expect(device).toContain(`(${variant})`);
});

test("the best variant for this processor is the default", async () => {
  const transcriber = await createTranscriber(DEMO);
  expect(transcriber.info.device).toMatchObject({ kind: "cpu" });
  expect(transcriber.info.device.name).toContain(`(${usable[0]})`);
  await transcriber.close();
});

test("a variant that there is not is refused, with those that there are", async () => {
  const { stdout, code } = await runProgram(`
    const error = await createTranscriber({ ...DEMO, cpuVariant: "pdp11" }).catch((error) => error);
    console.log(JSON.stringify({ code: error.code, message: error.message }));
  `);
  expect(code).toBe(0);
  const error = JSON.parse(stdout);
  expect(error.code).toBe("DEVICE_UNAVAILABLE");
  expect(error.message).toContain('"pdp11"');
  for (const { name } of variants) expect(error.message).toContain(name);
});

test("one process has one variant: another one is refused, not ignored", async () => {
  const transcriber = await createTranscriber(DEMO);
  const { code, message } = await failure(createTranscriber({ ...DEMO, cpuVariant: "pdp11" }));
  expect(code).toBe("DEVICE_UNAVAILABLE");
  expect(message).toContain(`"${usable[0]}"`);
  await transcriber.close();
});

test("the addon refuses models while no backend is loaded", async () => {
  const { stdout, code } = await runProgram(`
    import { createRequire } from "node:module";
    const addon = createRequire(import.meta.url)(${JSON.stringify(addonPath())});
    const batched = { gpu: false, threads: 1, batchSize: 1, computeType: "auto", draftPath: null };
    const refused = await Promise.allSettled([
      addon.loadWhisperModel(DEMO_MODEL, { gpu: false, threads: 1 }),
      addon.loadBatchedModel(DEMO_MODEL, batched),
    ]);
    console.log(JSON.stringify(refused.map(({ reason }) => [reason?.code, reason?.message])));
  `);
  expect(code).toBe(0);
  const refusal = ["DEVICE_UNAVAILABLE", "No CPU backend is loaded: loadBackends() has to come first"];
  expect(JSON.parse(stdout)).toEqual([refusal, refusal]);
});

describe.skipIf(cudaDirectory() !== undefined)("without a CUDA backend", () => {
  test("cuda is refused, with the reason", async () => {
    const { code, message } = await failure(createTranscriber({ ...DEMO, device: "cuda" }));
    expect(code).toBe("DEVICE_UNAVAILABLE");
    expect(message).toMatch(/"cuda" cannot be used: .*no CUDA backend.*agora-transcribe build --cuda/);
  });

  test("auto is the CPU", async () => {
    const transcriber = await createTranscriber({ ...DEMO, device: "auto" });
    expect(transcriber.info.device.kind).toBe("cpu");
    await transcriber.close();
  });
});

test("the system's description has what transcribers use", async () => {
  const info = await getSystemInfo();
  expect(info.addon).toEqual({ path: addonPath() });
  expect(info.variants.map(({ name }) => name)).toEqual(variants.map(({ name }) => name));
  expect(info.variants.filter(({ chosen }) => chosen).map(({ name }) => name)).toEqual([usable[0]]);
  expect(info.devices[0]).toMatchObject({ kind: "cpu", usable: true });
  const gpu = info.devices.find(({ kind }) => kind === "cuda");
  if (!gpu?.usable) expect(gpu?.reason).toEqual(expect.any(String));
});
