import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ChildResult } from "../support/cli.js";
import { runProgram } from "../support/program.js";
import { temporaryFolder } from "../support/temporary-folder.js";

/** Ended by itself, with `code`, and without a word on stderr. */
function expectEnd(result: ChildResult, code: number): void {
  expect(result).toMatchObject({ stderr: "", signal: null, code });
}

test("a process with a loaded model that is not closed ends by itself", async () => {
  expectEnd(await runProgram(`await createTranscriber(DEMO);`), 0);
});

test("a process that has transcribed ends by itself", async () => {
  const result = await runProgram(`
    const transcriber = await createTranscriber(DEMO);
    console.log((await transcriber.transcribe(sampleAudio("sales-call-en", 0, 6))).text);
  `);
  expectEnd(result, 0);
  expect(result.stdout).toContain("My phone number");
});

test("a one-shot transcription keeps the process no longer than it takes", async () => {
  const result = await runProgram(`
    const { text } = await transcribe(sampleAudio("sales-call-en", 0, 6), DEMO);
    const finishedAt = Date.now();
    console.log(text);
    process.on("exit", () => console.log(Date.now() - finishedAt));
  `);
  expectEnd(result, 0);
  const [text, lingered] = result.stdout.trim().split("\n");
  expect(text).toContain("My phone number");
  // The model is kept for 30 s for the next call, but not by keeping the process.
  expect(Number(lingered)).toBeLessThan(20_000);
});

test("process.exit() with a loaded model", async () => {
  expectEnd(await runProgram(`await createTranscriber(DEMO); process.exit(7);`), 7);
});

test("process.exit() while a model is being loaded", async () => {
  expectEnd(await runProgram(`createTranscriber(DEMO); setTimeout(() => process.exit(7), 20);`), 7);
});

test("process.exit() right after a model was closed", async () => {
  expectEnd(await runProgram(`await (await createTranscriber(DEMO)).close(); process.exit(7);`), 7);
});

test("process.exit() inside a segment callback, with work running", async () => {
  const result = await runProgram(`
    const transcriber = await createTranscriber(DEMO);
    transcriber.transcribe(LONG, { onSegment: (segment) => { console.log(segment.text); process.exit(7); } });
  `);
  expectEnd(result, 7);
  expect(result.stdout.trim().split("\n")).toHaveLength(1);
});

test("process.exit() inside a progress callback, with several requests running", async () => {
  const result = await runProgram(`
    const transcriber = await createTranscriber(DEMO);
    for (let i = 0; i < 4; i++) transcriber.transcribe(LONG, { onProgress: () => process.exit(7) });
  `);
  expectEnd(result, 7);
});

test("process.exit() after a promise, with other work running", async () => {
  const result = await runProgram(`
    const transcriber = await createTranscriber(DEMO);
    transcriber.transcribe(LONG);
    transcriber.transcribe(sampleAudio("sales-call-en", 0, 3)).then(() => process.exit(7));
  `);
  expectEnd(result, 7);
});

test.each([1, 20, 60, 250])("process.exit() %i ms into the work", async (delay) => {
  const result = await runProgram(`
    const transcriber = await createTranscriber(DEMO);
    transcriber.transcribe(sampleAudio("sales-call-en")).catch(() => {});
    setTimeout(() => process.exit(7), ${delay});
  `);
  expectEnd(result, 7);
});

test("process.exit() while a model is being quantised", async () => {
  const folder = await temporaryFolder();
  const result = await runProgram(`
    quantizeModel(F16_MODEL, "${join(folder, "small.bin")}", "q5_0", { onProgress: () => process.exit(7) });
  `);
  expectEnd(result, 7);
  expect(await readdir(folder)).toEqual([]);
});
