import { expect, test } from "vitest";
import { type Segment, spacedWords, type TranscriptionResult, type Word } from "../../src/index.js";
import { median, sharedTranscriber, timeErrors } from "../support/demo.js";
import { sampleAudio, samplePath, sampleTurns } from "../support/samples.js";
import { normalisedWords } from "../support/word-error-rate.js";

const transcriber = sharedTranscriber();
const CALLS = ["sales-call-en", "sales-call-ru"];

const results = new Map<string, Promise<TranscriptionResult>>();

/** The result of a call, transcribed once for all tests. */
function transcribe(call: string): Promise<TranscriptionResult> {
  const result =
    results.get(call) ?? transcriber().transcribe(samplePath(`${call}.wav`), { wordTimestamps: true });
  results.set(call, result);
  return result;
}

const wordsOf = (segments: readonly Segment[]): Word[] => segments.flatMap(({ words }) => words!);

/** Each stretch of time is in order in itself and starts no earlier than the one before it ends. */
function expectInOrder(spans: readonly { start: number; end: number }[], from: number, to: number): void {
  let low = from;
  for (const { start, end } of spans) {
    expect(start).toBeGreaterThanOrEqual(low);
    expect(end).toBeGreaterThanOrEqual(start);
    low = end;
  }
  expect(low).toBeLessThanOrEqual(to);
}

test.each(CALLS)("%s: times run forward, words inside their segments, all inside the file", async (call) => {
  const { segments, duration } = await transcribe(call);
  expectInOrder(segments, 0, duration);
  for (const { start, end, words } of segments) expectInOrder(words!, start, end);
});

test.each(CALLS)("%s: words make the text again", async (call) => {
  for (const segment of (await transcribe(call)).segments)
    expect(spacedWords(segment).join("")).toBe(segment.text);
});

test.each(CALLS)("%s: segments begin and end with the turns", async (call) => {
  const { segments } = await transcribe(call);
  // Measured: 10 to 15 ms.
  expect(median(timeErrors(sampleTurns(call), segments))).toBeLessThan(0.1);
});

test.each(CALLS)("%s: the first and last words of turns begin and end with them", async (call) => {
  const { segments } = await transcribe(call);
  const sentences = segments.map(({ words }) => ({ ...words![0]!, end: words!.at(-1)!.end }));
  expect(median(timeErrors(sampleTurns(call), sentences))).toBeLessThan(0.1);
});

test.each(CALLS)("%s: words are spoken within their turns", async (call) => {
  const { segments } = await transcribe(call);
  const turns = sampleTurns(call);
  const astray = wordsOf(segments).filter(({ start, end }) => {
    const middle = (start + end) / 2;
    return !turns.some((turn) => turn.start - 0.2 <= middle && middle <= turn.end + 0.2);
  });
  expect(astray).toEqual([]);
});

test.each(CALLS)("%s: the text is its segments', and a segment's text its words'", async (call) => {
  const { text, segments } = await transcribe(call);
  expect(segments.map((segment) => segment.text).join(" ")).toBe(text);
  for (const { text: spoken, words } of segments)
    expect(words!.map((word) => word.text).join(" ")).toBe(spoken);
});

test("confidences are probabilities, and high for what the model knows", async () => {
  const { segments } = await transcribe("sales-call-en");
  const confidences = [...segments, ...wordsOf(segments)].map(({ confidence }) => confidence);
  for (const confidence of confidences) {
    expect(confidence).toBeGreaterThan(0);
    expect(confidence).toBeLessThanOrEqual(1);
  }
  expect(median(confidences)).toBeGreaterThan(0.8);
  for (const { avgLogProb, noSpeechProb, temperature, compressionRatio } of segments) {
    expect(avgLogProb).toBeLessThanOrEqual(0);
    expect(noSpeechProb).toBeGreaterThanOrEqual(0);
    expect(noSpeechProb).toBeLessThan(0.5);
    expect(temperature).toBe(0);
    expect(compressionRatio).toBeGreaterThan(0.3);
    expect(compressionRatio).toBeLessThan(2.4);
  }
});

test("a result survives JSON", async () => {
  const result = await transcribe("sales-call-en");
  expect(JSON.parse(JSON.stringify(result))).toEqual(result);
});

test("statistics describe the result", async () => {
  const { text, duration, stats, warnings } = await transcribe("sales-call-en");
  expect(duration).toBeCloseTo(48.0805625, 6);
  expect(stats.wordCount).toBe(text.split(/\s+/).length);
  expect(stats.charCount).toBe([...text].length);
  expect(stats.windowCount).toBe(3);
  expect(stats.speechDuration).toBeGreaterThan(40);
  expect(stats.speechDuration).toBeLessThanOrEqual(duration);
  expect(stats.processingTime).toBeGreaterThan(0);
  expect(stats.speedFactor).toBeCloseTo(duration / stats.processingTime, 6);
  expect(warnings).toEqual([]);
});

test("a result says what it came from", async () => {
  const { model, implementation, device, format } = await transcribe("sales-call-en");
  expect({ model, implementation }).toEqual({ model: "demo", implementation: "whisper" });
  expect(device).toEqual(transcriber().info.device);
  expect(device.kind).toBe("cpu");
  expect(device.threads).toBeGreaterThan(0);
  expect(format).toMatchObject({ container: "wav", codec: "pcm_s16le", sampleRate: 16_000, channels: 1 });
});

test("times are on the recording's clock behind a long silence", async () => {
  const clip = sampleAudio("sales-call-en", 0, 5.5);
  const samples = new Int16Array(60 * 16_000);
  samples.set(clip.samples as Int16Array, 45 * 16_000);
  const { segments, stats } = await transcriber().transcribe({ samples, sampleRate: 16_000 });
  const [phone, greeting] = sampleTurns("sales-call-en");
  expect(segments.map(({ text }) => normalisedWords(text))).toEqual(
    [phone!, greeting!].map(({ text }) => normalisedWords(text)),
  );
  expect(segments[0]!.start).toBeCloseTo(45 + phone!.start, 0);
  expect(segments.at(-1)!.end).toBeCloseTo(45 + greeting!.end, 0);
  // The silence did not go through the model.
  expect(stats.windowCount).toBe(1);
});
