import { expect, test } from "vitest";
import { runProgram } from "../support/program.js";

const RANDOM_MODEL = new URL("../../bench/support/random-model.ts", import.meta.url).href;

// whisper.cpp asserts that convolutions are in half precision, which ends the process.
test.each(["whisper-cpp", "whisper"])(
  "%s refuses a model in single precision or reads it",
  async (implementation) => {
    const { stdout, code, signal } = await runProgram(`
    import { mkdtempSync, rmSync } from "node:fs";
    import { tmpdir } from "node:os";
    import { join } from "node:path";
    import { writeRandomModel } from "${RANDOM_MODEL}";
    const folder = mkdtempSync(join(tmpdir(), "agora-test-"));
    process.on("exit", () => rmSync(folder, { recursive: true }));
    const model = join(folder, "f32.bin");
    const sizes = { audioState: 64, audioHead: 1, audioLayer: 1, textState: 64, textHead: 1, textLayer: 1 };
    await writeRandomModel(model, { melBands: 80, vocabulary: 51_865, ...sizes, type: "f32", seed: 1 });
    try {
      const transcriber = await createTranscriber({ ...DEMO, model, implementation: "${implementation}" });
      await transcriber.transcribe(sampleAudio("sales-call-en", 0, 3), { language: "en" });
      await transcriber.close();
      console.log("read");
    } catch (error) {
      console.log(error.code);
    }
  `);
    expect({ code, signal }).toEqual({ code: 0, signal: null });
    expect(["read", "INVALID_ARGUMENT", "MODEL_INVALID"]).toContain(stdout.trim());
  },
);
