import { expect, test } from "vitest";
import { startCli } from "../support/cli.js";
import { runProgram } from "../support/program.js";
import { samplePath } from "../support/samples.js";

const SAID = "My phone number is two eight nine two six. Hi there, how can I help you?";

test("an exception in a callback ends its request, not the process", async () => {
  const { stdout, stderr, code } = await runProgram(`
    const transcriber = await createTranscriber(DEMO);
    for (const name of ["onSegment", "onProgress"]) {
      const options = { [name]: () => { throw new Error("oh no"); } };
      await transcriber.transcribe(LONG, options).catch((error) => console.log(error.code, error.message));
      const later = { [name]: async () => { throw new Error("oh no, later"); } };
      await transcriber.transcribe(LONG, later).catch((error) => console.log(error.code, error.message));
    }
    console.log((await transcriber.transcribe(sampleAudio("sales-call-en", 0, 6))).text);
    await transcriber.close();
  `);
  expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
  const lines = stdout.trim().split("\n");
  expect(lines).toEqual([
    "INVALID_ARGUMENT The onSegment callback failed: oh no",
    "INVALID_ARGUMENT The onSegment callback failed: oh no, later",
    "INVALID_ARGUMENT The onProgress callback failed: oh no",
    "INVALID_ARGUMENT The onProgress callback failed: oh no, later",
    SAID,
  ]);
});

test("an exception elsewhere ends the process as it always does, in the middle of the work", async () => {
  const { stderr, code, signal } = await runProgram(`
    const transcriber = await createTranscriber(DEMO);
    transcriber.transcribe(LONG, { onSegment: () => setImmediate(() => { throw new Error("elsewhere"); }) });
  `);
  expect({ code, signal }).toEqual({ code: 1, signal: null });
  expect(stderr).toContain("Error: elsewhere");
});

test("so does a rejection that nobody handles", async () => {
  const { stderr, code, signal } = await runProgram(`
    const transcriber = await createTranscriber(DEMO);
    transcriber.transcribe(LONG, { onSegment: () => void Promise.reject(new Error("unhandled")) });
  `);
  expect({ code, signal }).toEqual({ code: 1, signal: null });
  expect(stderr).toContain("Error: unhandled");
});

test("a failed request that nobody handles is an unhandled rejection with its code", async () => {
  const { stderr, code } = await runProgram(`
    const transcriber = await createTranscriber(DEMO);
    transcriber.transcribe("/nowhere/at/all.wav");
  `);
  expect(code).toBe(1);
  expect(stderr).toContain("TranscriptionError");
});

test("a model that is closed while jobs run is freed after them", async () => {
  const { stdout, stderr, code } = await runProgram(`
    for (let round = 0; round < 3; round++) {
      const transcriber = await createTranscriber(DEMO);
      const work = [0, 1, 2].map(() => transcriber.transcribe(sampleAudio("sales-call-en", 0, 6)));
      await transcriber.close();
      for (const { text } of await Promise.all(work)) console.log(text);
    }
  `);
  expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
  expect(stdout.trim().split("\n")).toEqual(Array(9).fill(SAID));
});

test("a transcriber that was lost without being closed does not take the process with it", async () => {
  const program = `
    for (let round = 0; round < 5; round++) {
      // Another queue each time: none shares the model of another.
      await (await createTranscriber({ ...DEMO, maxQueue: round + 100 })).transcribe(sampleAudio("sales-call-en", 0, 3));
      gc();
      await new Promise((resolve) => setImmediate(resolve));
    }
    console.log("done");
  `;
  const { stdout, stderr, code } = await runProgram(program, ["--expose-gc"]);
  expect({ stdout, stderr, code }).toEqual({ stdout: "done\n", stderr: "", code: 0 });
});

test.each([
  ["SIGTERM", 143],
  ["SIGINT", 130],
] as const)("the command line ends in order on %s in the middle of its work", async (name, expected) => {
  const args = [samplePath("long-call-en.flac"), "--model", "demo", "--no-vad", "--verbose"];
  const { child, ended, stderrHas } = startCli(args);
  child.stdin!.end();
  // Written once the model is loaded; the recording takes seconds from there.
  await stderrHas("Model demo");
  child.kill(name);
  expect(await ended).toMatchObject({ code: expected, signal: null, stdout: "" });
});
