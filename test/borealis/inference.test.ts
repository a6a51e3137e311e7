import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cudaDirectory } from "../../src/addon/cuda.js";
import { createBorealisEngine } from "../../src/engine/borealis.js";
import { createTranscriber, type TranscribeOptions, transcribe } from "../../src/index.js";
import { startServer } from "../../src/server/server.js";
import { readSettings } from "../../src/service/read-settings.js";
import { concat, glide, wav } from "../support/audio.js";
import { writeRunnable } from "../support/borealis-runnable.js";
import { sharedTiny } from "../support/borealis-tiny.js";
import { startCli } from "../support/cli.js";
import { convertHere } from "../support/convert-here.js";
import { codeOf, failure } from "../support/demo.js";
import { readGguf } from "../support/gguf-reader.js";
import { describeWithGpu } from "../support/gpu.js";
import { describeWithShared } from "../support/shared.js";
import { TranscriptionClient } from "../support/transcription-client.js";
import { WINDOW_OPTIONS } from "../support/window-options.js";

let folder: string;
let model: string;
const silence = (seconds: number) => new Float32Array(16_000 * seconds);
/** Two calls with a pause between them, longer than one window. */
const recording = wav([concat([glide(20, 16_000), silence(2), glide(20, 16_000, 300)])], 16_000);
const short = { samples: glide(3, 16_000), sampleRate: 16_000 };
/** Random weights write what they like: less of it is quicker. */
const BRIEF = { maxTokens: 12, temperature: 0 } as const;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "agora-borealis-"));
  // No model that this machine has in its cache may play a part.
  process.env.AGORA_CACHE_DIR = join(folder, "cache");
  writeRunnable(join(folder, "checkpoint"), 1);
  await convertHere(join(folder, "checkpoint"), { out: join(folder, "model"), type: "q8_0" });
  model = join(folder, "model");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a converted Borealis model", () => {
  test("chooses its implementation and answers with the windows' times, in Russian", async () => {
    const transcriber = await createTranscriber({ model, vadModel: null });
    expect(transcriber.info).toMatchObject({ implementation: "borealis", maxWindow: 30 });
    expect(transcriber.info.model).toMatchObject({ name: "checkpoint-q8_0", type: "qwen2", melBands: 128 });
    const result = await transcriber.transcribe(recording, BRIEF);
    await transcriber.close();
    expect(result).toMatchObject({ language: "ru", languageProbability: 1, duration: 42 });
    expect(result.segments.length).toBeGreaterThan(1);
    for (const [i, { start, end }] of result.segments.entries()) {
      expect(end - start).toBeLessThanOrEqual(30);
      expect(start).toBeGreaterThanOrEqual(result.segments[i - 1]?.end ?? 0);
    }
  });

  test("says the same at every batch size, to many requests at once, and with a file named", async () => {
    const texts = new Set<string>();
    for (const batchSize of [1, 4, 32]) {
      const transcriber = await createTranscriber({
        model: join(model, "checkpoint-q8_0.gguf"),
        batchSize,
        vadModel: null,
      });
      const results = await Promise.all(
        Array.from({ length: 5 }, () => transcriber.transcribe(recording, BRIEF)),
      );
      for (const { text } of results) texts.add(text);
      await transcriber.close();
    }
    expect(texts.size).toBe(1);
  });

  test("takes options of generation, and another language where told so", async () => {
    const transcriber = await createTranscriber({ model, vadModel: null });
    const text = async (options: TranscribeOptions) =>
      (await transcriber.transcribe(short, { ...BRIEF, ...options })).text;
    const plain = await text({});
    expect(await text({ temperature: 1, topK: 1 })).toBe(plain);
    expect(await text({ temperature: 1.5, topK: 0, topP: 1, seed: 1 })).not.toBe(plain);
    expect(await text({ repetitionPenalty: 50 })).not.toBe(plain);
    // A prompt moves the probabilities of a random model more than its choice.
    const probability = async (options: TranscribeOptions) =>
      (await transcriber.transcribe(short, { ...BRIEF, ...options })).segments[0]!.avgLogProb;
    const usual = await probability({});
    expect(await probability({ systemPrompt: "Пиши иначе." })).not.toBe(usual);
    expect(await probability({ userPrompt: "Текст: " })).not.toBe(usual);
    expect(await transcriber.transcribe(short, { ...BRIEF, language: "uk" })).toMatchObject({
      language: "uk",
    });
    expect(await transcriber.detectLanguage(short)).toMatchObject({ language: "ru", probability: 1 });
    await transcriber.close();
  });

  test("refuses options that mean nothing to it, before it reads any audio", async () => {
    const transcriber = await createTranscriber({ model, vadModel: null });
    for (const options of [
      { task: "translate" },
      { wordTimestamps: true },
      { beamSize: 5 },
      { initialPrompt: "Агора" },
      { hotwords: "Агора" },
      { suppressTokens: [5] },
      { conditionOnPreviousText: true },
      { noSpeechThreshold: 0.1 },
    ] as TranscribeOptions[]) {
      const { code, message } = await failure(transcriber.transcribe("/nowhere.wav", options));
      expect([code, message]).toEqual([
        "INVALID_ARGUMENT",
        expect.stringMatching(/with borealis|userPrompt/),
      ]);
    }
    await transcriber.close();
  });

  test("stops at once when it is told to, and serves the others", async () => {
    const transcriber = await createTranscriber({ model, vadModel: null, batchSize: 2 });
    const expected = await transcriber.transcribe(short, BRIEF);
    const stop = new AbortController();
    const stopped = transcriber.transcribe(recording, { signal: stop.signal });
    const other = transcriber.transcribe(short, BRIEF);
    stop.abort();
    expect(await codeOf(stopped)).toBe("CANCELLED");
    expect((await other).text).toBe(expected.text);
    expect(await codeOf(transcriber.transcribe(recording, { timeout: 0.001 }))).toBe("DEADLINE_EXCEEDED");
    await transcriber.close();
    expect(await codeOf(transcriber.transcribe(short))).toBe("CANCELLED");
  });

  test("runs from the command line and in the server, where it is chosen by the model", async () => {
    const file = join(folder, "call.wav");
    writeFileSync(file, recording);
    const { text } = await transcribe(file, { model, vadFilter: false, ...BRIEF });
    const brief = ["--max-tokens", "12", "--temperature", "0", "--no-vad"];
    const { code, stdout } = await startCli([
      file,
      "--implementation",
      "borealis",
      "--model",
      model,
      ...brief,
    ]).ended;
    // Random weights write control characters, which are space on a terminal.
    const words = (said: string) => said.split(/[\s\p{Cc}]+/u).filter(Boolean);
    expect([code, words(stdout)]).toEqual([0, words(text)]);

    const lines: string[] = [];
    const settings = {
      ...readSettings({ MODEL_NAME: model, MODEL_VAD: "off" }),
      host: "localhost",
      port: 0,
      http: false,
    };
    const server = await startServer(settings, { log: (line) => lines.push(line) });
    try {
      expect(await server.ready).toMatchObject({ implementation: "borealis", model: "checkpoint-q8_0" });
      const client = new TranscriptionClient(server.port);
      const direct = await transcribe(file, { model, vadModel: null });
      const answer = await client.unary({
        audio_data: readFileSync(file),
        filename: "call.wav",
        format: "wav",
      });
      expect(answer).toMatchObject({ success: true, transcript: direct.text });
      expect(lines.join("")).toMatch(/Serving with borealis: .* device cpu /);
    } finally {
      await server.stop();
    }
  });
});

test("a model of K types has them where rows are long enough, and runs", async () => {
  const checkpoint = join(folder, "wide", "checkpoint");
  writeRunnable(checkpoint, 2, { width: 256 });
  const out = join(folder, "wide", "model");
  const { files } = await convertHere(checkpoint, { out, type: "q4_k" });
  const [language] = files.map(({ path }) => readGguf(readFileSync(path)));
  const types = Object.fromEntries(language!.tensors.map(({ name, type }) => [name, type]));
  // Rows of 256: q4_k, but q8_0 for the embeddings; rows of 64 and 96: q5_0.
  expect(types).toMatchObject({
    "token_embd.weight": 8,
    "blk.0.attn_q.weight": 12,
    "blk.0.attn_output.weight": 6,
    "blk.0.ffn_up.weight": 12,
    "blk.0.ffn_down.weight": 6,
  });
  const result = await transcribe(short, { model: out, vadModel: null, ...BRIEF });
  expect(result.model).toBe("checkpoint-q4_k");
});

describe("what is no Borealis model", () => {
  test("a folder without one is refused", async () => {
    expect(await failure(createTranscriber({ model: folder }))).toEqual({
      code: "MODEL_INVALID",
      message: expect.stringMatching(/is a folder$/),
    });
  });

  test("a Whisper model or none at all is refused by name", async () => {
    const implementation = "borealis";
    expect(await failure(createTranscriber({ implementation, model: "demo" }))).toEqual({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining("models convert"),
    });
    expect(await codeOf(createTranscriber({ model, implementation: "whisper" }))).toBe("MODEL_INVALID");
  });

  test.skipIf(cudaDirectory() !== undefined)("refuses CUDA in a build without it", async () => {
    expect(await codeOf(createTranscriber({ model, device: "cuda" }))).toBe("DEVICE_UNAVAILABLE");
  });

  test("several in one folder have to be told apart", async () => {
    for (const prefix of ["", "mmproj-"]) {
      copyFileSync(join(model, `${prefix}checkpoint-q8_0.gguf`), join(folder, `${prefix}a.gguf`));
      copyFileSync(join(model, `${prefix}checkpoint-q8_0.gguf`), join(folder, `${prefix}b.gguf`));
    }
    const { code, message } = await failure(createTranscriber({ model: folder }));
    expect([code, message]).toEqual(["INVALID_ARGUMENT", expect.stringMatching(/a\.gguf, .*b\.gguf$/)]);
  });
});

describeWithShared("the reference checkpoint", () => {
  test("writes the tokens that PyTorch wrote, alone and in batches", async () => {
    const { checkpoint, clips } = sharedTiny()!;
    const { files } = await convertHere(checkpoint, { out: join(folder, "tiny"), type: "f32" });
    const modelPath = files[0]!.path;
    for (const batchSize of [1, 32]) {
      const engine = await createBorealisEngine({
        modelPath,
        modelName: "tiny",
        maxWindow: undefined,
        device: "cpu",
        threads: 2,
        computeType: "auto",
        draftModelPath: undefined,
        cpuVariant: undefined,
        batchSize,
        maxQueue: 8,
      });
      const options = { ...WINDOW_OPTIONS, language: "ru", temperatures: [0], maxTokens: 48 };
      const results = await Promise.all(
        [...clips, ...clips].map(({ samples }) => engine.transcribeWindow(samples, options)),
      );
      await engine.close();
      expect(results.map(({ segments }) => segments[0]!.tokens)).toEqual(
        [...clips, ...clips].map(({ greedy }) => greedy),
      );
    }
  });
});

describeWithGpu("Borealis on a GPU", () => {
  test("encodes and writes many windows at once", async () => {
    const transcriber = await createTranscriber({ model, vadModel: null, device: "cuda" });
    expect(transcriber.info.device.kind).toBe("cuda");
    const results = await Promise.all([1, 2, 3].map(() => transcriber.transcribe(recording, BRIEF)));
    await transcriber.close();
    for (const { duration, segments } of results) {
      expect(duration).toBe(42);
      expect(segments.length).toBeGreaterThan(1);
    }
  });
});
