import { afterAll, beforeAll, expect, test } from "vitest";
import { createTranscriber, type Transcriber } from "../../src/index.js";
import { codeOf, DEMO } from "../support/demo.js";
import { seededRandom } from "../support/random.js";
import { sampleAudio } from "../support/samples.js";

const OPERATIONS = 200;
const CLIPS = [
  { audio: sampleAudio("sales-call-en", 3, 5.6), options: { language: "en" } },
  { audio: sampleAudio("sales-call-ru", 0, 3.2), options: { language: "ru" } },
  { audio: { samples: new Float32Array(16_000), sampleRate: 16_000 }, options: { language: "en" } },
];

const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
beforeAll(() => void process.on("unhandledRejection", onUnhandled));
afterAll(() => void process.off("unhandledRejection", onUnhandled));

test("requests that come, are cancelled and lose their transcriber at random end as they must", async () => {
  const random = seededRandom(20);
  const pick = (count: number): number => Math.floor(random() * count);
  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, pick(30)));

  const reference = await createTranscriber(DEMO);
  const texts: string[] = [];
  for (const { audio, options } of CLIPS) texts.push((await reference.transcribe(audio, options)).text);
  expect(texts[0]).toContain("how can I help you");
  await reference.close();

  /** What each request ends in, and what it may end in. */
  const ends: Promise<{ outcome: unknown; allowed: unknown[] }>[] = [];
  const outcome = (work: Promise<{ text: string }>): Promise<unknown> =>
    work.then(
      ({ text }) => text,
      (error) => error.code ?? error,
    );
  const expectEnd = (work: Promise<unknown>, ...allowed: unknown[]): void =>
    void ends.push(work.then((outcome) => ({ outcome, allowed })));

  const open: { transcriber: Transcriber; closed: boolean }[] = [];
  const closings: Promise<void>[] = [];
  for (let i = 0; i < OPERATIONS; i++) {
    const clip = pick(CLIPS.length);
    const { audio, options } = CLIPS[clip]!;
    const chosen = open[pick(open.length)];
    const operation = pick(10);
    if (!chosen || (operation === 0 && open.length < 4)) {
      open.push({ transcriber: await createTranscriber({ ...DEMO, threads: 1 + pick(2) }), closed: false });
    } else if (operation === 1) {
      chosen.closed = true;
      closings.push(chosen.transcriber.close());
      // Every other one stays among those that requests go to.
      if (pick(2) === 0) open.splice(open.indexOf(chosen), 1);
    } else if (chosen.closed) {
      expectEnd(codeOf(chosen.transcriber.transcribe(audio, options)), "CANCELLED");
      open.splice(open.indexOf(chosen), 1);
    } else if (operation < 5) {
      expectEnd(outcome(chosen.transcriber.transcribe(audio, options)), texts[clip]);
    } else if (operation < 8) {
      const controller = new AbortController();
      const work = chosen.transcriber.transcribe(audio, { ...options, signal: controller.signal });
      expectEnd(outcome(work), texts[clip], "CANCELLED");
      setTimeout(() => controller.abort(), pick(200));
    } else if (operation === 8) {
      const work = chosen.transcriber.transcribe(audio, { ...options, timeout: 0.001 + random() / 10 });
      expectEnd(outcome(work), texts[clip], "DEADLINE_EXCEEDED");
    } else {
      const stream = chosen.transcriber.stream(audio, options);
      expectEnd(
        stream.next().then(async () => {
          await stream.return?.();
          return "left";
        }),
        "left",
      );
    }
    await pause();
  }
  await Promise.all(open.map(({ transcriber }) => transcriber.close()));
  await Promise.all(closings);

  for (const { outcome, allowed } of await Promise.all(ends)) expect(allowed).toContain(outcome);
  expect(ends.length).toBeGreaterThan(OPERATIONS / 2);
  await new Promise((resolve) => setImmediate(resolve));
  expect(unhandled).toEqual([]);
});
