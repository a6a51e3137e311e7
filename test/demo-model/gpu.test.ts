import { expect, test } from "vitest";
import { createTranscriber } from "../../src/index.js";
import { DEMO } from "../support/demo.js";
import { describeWithGpu } from "../support/gpu.js";
import { F16_MODEL, samplePath, sampleText } from "../support/samples.js";
import { wordErrorRate } from "../support/word-error-rate.js";

describeWithGpu("on a GPU", () => {
  const cases = ["whisper", "whisper-cpp"].flatMap((implementation) =>
    ["demo", F16_MODEL].map((model) => ({ implementation, model })),
  );
  test.each(cases)("$implementation reads many calls at once with $model", async (options) => {
    const transcriber = await createTranscriber({ ...DEMO, ...options, device: "cuda" });
    expect(transcriber.info.device.kind).toBe("cuda");
    const calls = ["sales-call-en", "sales-call-ru", "sales-call-en", "sales-call-ru"];
    const results = await Promise.all(
      calls.map((call) => transcriber.transcribe(samplePath(`${call}.wav`), { wordTimestamps: true })),
    );
    await transcriber.close();
    for (const [i, { text }] of results.entries()) {
      expect(wordErrorRate(sampleText(calls[i]!), text).rate).toBeLessThanOrEqual(0.05);
    }
  });

  test("whisper-cpp's text and whisper's are the same", async () => {
    const texts = [];
    for (const implementation of ["whisper", "whisper-cpp"]) {
      const transcriber = await createTranscriber({ ...DEMO, implementation, device: "cuda" });
      texts.push((await transcriber.transcribe(samplePath("sales-call-en.wav"))).text);
      await transcriber.close();
    }
    expect(wordErrorRate(texts[1]!, texts[0]!).rate).toBeLessThanOrEqual(0.02);
  });
});
