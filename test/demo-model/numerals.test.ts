import { expect, it } from "vitest";
import { createTranscriber } from "../../src/index.js";
import { samplePath } from "../support/samples.js";

it("suppressNumerals writes no digit, and text nonetheless", async () => {
  const transcriber = await createTranscriber({ model: "demo", implementation: "whisper" });
  try {
    const [digits, words] = await Promise.all(
      [false, true].map((suppressNumerals) =>
        transcriber.transcribe(samplePath("sales-call-en.wav"), { language: "en", suppressNumerals }),
      ),
    );
    expect(words!.text).not.toMatch(/[0-9%$£]/);
    expect(words!.text.split(" ").length).toBeGreaterThan(digits!.text.split(" ").length / 2);
  } finally {
    await transcriber.close();
  }
});

it("whisper-cpp, which has no such rule, refuses it by name", async () => {
  const transcriber = await createTranscriber({ model: "demo", implementation: "whisper-cpp" });
  try {
    await expect(
      transcriber.transcribe(samplePath("sales-call-en.wav"), { suppressNumerals: true }),
    ).rejects.toMatchObject({ code: "INVALID_ARGUMENT", option: "suppressNumerals" });
  } finally {
    await transcriber.close();
  }
});
