import { expect, test } from "vitest";
import { PRELUDE, runProgram } from "../support/program.js";

/** Source that starts a worker thread with the given program, which has what every program has. */
const worker = (source: string): string =>
  `new Worker(new URL("data:text/javascript,${encodeURIComponent(
    `import { parentPort } from "node:worker_threads";${PRELUDE}${source}`,
  )}"))`;

const WORKERS = `
import { once } from "node:events";
import { Worker } from "node:worker_threads";
const clip = sampleAudio("sales-call-en", 0, 6);
const textOf = async (transcriber) => (await transcriber.transcribe(clip)).text;
`;

/** Says that the work runs, and goes on with it. */
const BUSY = `
const transcriber = await createTranscriber(DEMO);
transcriber.transcribe(LONG, { onSegment: () => parentPort.postMessage("busy") });
`;

/** Says a text, closes the model and ends. */
const READ = `
const transcriber = await createTranscriber(DEMO);
parentPort.postMessage((await transcriber.transcribe(sampleAudio("sales-call-en", 0, 6))).text);
`;

const SAID = "My phone number is two eight nine two six. Hi there, how can I help you?";

async function run(source: string): Promise<string[]> {
  const { stdout, stderr, code, signal } = await runProgram(WORKERS + source);
  expect({ stderr, code, signal }).toEqual({ stderr: "", code: 0, signal: null });
  return stdout.trim().split("\n");
}

test("a worker thread transcribes, and ends without closing its model", async () => {
  const output = await run(`
    const worker = ${worker(READ)};
    console.log((await once(worker, "message"))[0]);
    console.log(...(await once(worker, "exit")));
  `);
  expect(output).toEqual([SAID, "0"]);
});

test("two worker threads and the main thread transcribe at once", async () => {
  const output = await run(`
    const workers = [${worker(READ)}, ${worker(READ)}];
    const texts = workers.map(async (worker) => (await once(worker, "message"))[0]);
    const ends = workers.map((worker) => once(worker, "exit"));
    const main = await createTranscriber(DEMO);
    for (const text of await Promise.all([...texts, textOf(main)])) console.log(text);
    await Promise.all(ends);
    // The model of the main thread has nothing to do with theirs.
    console.log(await textOf(main));
  `);
  expect(output).toEqual([SAID, SAID, SAID, SAID]);
});

test("a worker thread that is terminated in the middle of its work is gone, and harms nobody", async () => {
  const output = await run(`
    const main = await createTranscriber(DEMO);
    const worker = ${worker(BUSY)};
    await once(worker, "message");
    console.log(await worker.terminate());
    console.log(await textOf(main));
    const next = ${worker(READ)};
    console.log((await once(next, "message"))[0]);
  `);
  expect(output).toEqual(["1", SAID, SAID]);
});

test("worker threads may be terminated at any time", async () => {
  const output = await run(`
    for (const delay of [1, 200, 400, 600, 800, 1000]) {
      const worker = ${worker(BUSY)};
      worker.on("error", (error) => console.log(error));
      await new Promise((resolve) => setTimeout(resolve, delay));
      await worker.terminate();
    }
    console.log(await textOf(await createTranscriber(DEMO)));
  `);
  expect(output).toEqual([SAID]);
});

test("process.exit() in a worker thread ends the thread only", async () => {
  const output = await run(`
    const worker = ${worker(`
      const transcriber = await createTranscriber(DEMO);
      transcriber.transcribe(LONG, { onSegment: () => process.exit(3) });
    `)};
    console.log(...(await once(worker, "exit")));
    console.log(await textOf(await createTranscriber(DEMO)));
  `);
  expect(output).toEqual(["3", SAID]);
});

test("the end of the process with a worker thread in the middle of its work", async () => {
  const { stderr, code, signal } = await runProgram(`
    ${WORKERS}
    const worker = ${worker(BUSY)};
    await once(worker, "message");
    process.exit(7);
  `);
  expect({ stderr, code, signal }).toEqual({ stderr: "", code: 7, signal: null });
});
