import { expect, test } from "vitest";
import { runProgram } from "../support/program.js";

test("repeated work and repeated loading do not pile up memory", async () => {
  const { stdout, code } = await runProgram(
    `
    const clip = sampleAudio("sales-call-en", 0, 3);
    const resident = () => { gc(); return process.memoryUsage.rss() / 2 ** 20; };
    const repeat = async (times, work) => { for (let i = 0; i < times; i++) await work(); };

    const transcriber = await createTranscriber(DEMO);
    const read = () => transcriber.transcribe(clip, { language: "en", wordTimestamps: true });
    await repeat(10, read);
    const before = resident();
    await repeat(30, read);
    const transcribed = resident();
    await transcriber.close();

    const load = async () => (await createTranscriber(DEMO)).close();
    await repeat(5, load);
    const closed = resident();
    await repeat(30, load);
    console.log(JSON.stringify({ transcribing: transcribed - before, loading: resident() - closed }));
  `,
    ["--expose-gc"],
  );
  expect(code).toBe(0);
  const grown = JSON.parse(stdout);
  // MiB. One decoder state kept for each transcription would be 100 and more a time, one model for each load 17.
  expect(grown.transcribing).toBeLessThan(120);
  expect(grown.loading).toBeLessThan(120);
});
