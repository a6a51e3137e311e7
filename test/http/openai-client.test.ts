import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI, { toFile } from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatResult, type TranscriptionResult, transcribe } from "../../src/index.js";
import { type RunningServer, startServer } from "../../src/server/server.js";
import { DEMO_WITH_VAD } from "../support/demo.js";
import { samplePath } from "../support/samples.js";
import { beginningOf } from "../support/wav-beginning.js";

/** Seconds of the calls that are sent. */
const SECONDS = 12;
const folder = mkdtempSync(join(tmpdir(), "agora-test-"));
const CALL = beginning("sales-call-en.wav", 1);
const STEREO = beginning("sales-call-en.stereo.wav", 2);
const TOKEN = "correct-horse-battery";

/** A WAV file with the first seconds of a sample of 16 kHz. */
function beginning(name: string, channels: number): string {
  const path = join(folder, name);
  writeFileSync(path, beginningOf(samplePath(name), SECONDS, channels));
  return path;
}

let server: RunningServer;
let client: OpenAI;
/** What the library makes of the call, and of the one with two channels. */
let direct: TranscriptionResult;

beforeAll(async () => {
  server = await startServer(
    {
      grpc: false,
      httpPort: 0,
      model: "demo",
      implementation: "whisper",
      apiToken: TOKEN,
      modelAliases: "our/speech",
    },
    { log: () => {} },
  );
  await server.ready;
  direct = await transcribe(CALL, DEMO_WITH_VAD);
  client = new OpenAI({ apiKey: TOKEN, baseURL: `http://localhost:${server.httpPort}/v1`, maxRetries: 0 });
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await server.stop();
});

const call = () => createReadStream(CALL);

describe("OpenAI's client in JavaScript", () => {
  it("gets the text, of a file that it sends in chunks before the fields", async () => {
    const { text } = await client.audio.transcriptions.create({ file: call(), model: "whisper-1" });
    expect(text).toMatch(/^My phone number is two eight nine two six\./);
    expect(text).toBe(direct.text);
  });

  it.each(["text", "srt", "vtt"] as const)("gets %s", async (response_format) => {
    const answer = await client.audio.transcriptions.create({ file: call(), model: "demo", response_format });
    const expected = response_format === "text" ? `${direct.text}\n` : formatResult(direct, response_format);
    expect(answer).toBe(expected);
  });

  it("gets segments and words by the granularities that it asks for", async () => {
    const ask = (timestamp_granularities?: ("word" | "segment")[]) =>
      client.audio.transcriptions.create({
        model: "demo",
        response_format: "verbose_json",
        ...(timestamp_granularities && { timestamp_granularities }),
        file: call(),
      });
    const plain = await ask();
    expect(plain).toMatchObject({ language: "english", task: "transcribe" });
    expect(plain.duration).toBeCloseTo(SECONDS, 3);
    expect(plain.words).toBeUndefined();
    const [first] = plain.segments!;
    expect(Object.keys(first!).sort()).toEqual(
      [
        "avg_logprob",
        "compression_ratio",
        "end",
        "id",
        "no_speech_prob",
        "seek",
        "start",
        "temperature",
        "text",
        "tokens",
      ].sort(),
    );
    expect(plain.usage).toEqual({ type: "duration", seconds: plain.duration });
    const words = await ask(["word"]);
    expect(words.segments).toBeUndefined();
    expect(words.words!.slice(0, 3).map(({ word }) => word)).toEqual(["My", "phone", "number"]);
    const both = await ask(["word", "segment"]);
    expect(both.segments!.length).toBe(plain.segments!.length);
    expect(both.words).toEqual(words.words);
  });

  it("gets who says what, two parties on two channels", async () => {
    // Types of this version of the client have no overload for it.
    const answer = (await client.audio.transcriptions.create({
      file: createReadStream(STEREO),
      model: "gpt-4o-transcribe-diarize",
      response_format: "diarized_json",
      chunking_strategy: "auto",
    })) as unknown as OpenAI.Audio.TranscriptionDiarized;
    expect(answer.segments[0]).toMatchObject({
      type: "transcript.text.segment",
      id: "seg_001",
      speaker: "A",
    });
    expect(new Set(answer.segments.map(({ speaker }) => speaker))).toEqual(new Set(["A", "B"]));
    expect(answer.text.split("\n").every((line) => /^[AB]: \S/.test(line))).toBe(true);
  });

  it("gets the text while it is written, and all of it at the end", async () => {
    const stream = await client.audio.transcriptions.create({
      file: call(),
      model: "whisper-1",
      stream: true,
    });
    let text = "";
    let done: string | undefined;
    for await (const event of stream) {
      if (event.type === "transcript.text.delta") text += event.delta;
      if (event.type === "transcript.text.done") done = event.text;
    }
    expect(text).toBe(direct.text);
    expect(done).toBe(text);
  });

  it("gets segments of speakers as events", async () => {
    const stream = await client.audio.transcriptions.create({
      file: createReadStream(STEREO),
      model: "whisper-1",
      response_format: "diarized_json",
      stream: true,
    });
    const speakers = new Set<string>();
    let last: string | undefined;
    for await (const event of stream) {
      last = event.type;
      if (event.type === "transcript.text.segment") speakers.add(event.speaker);
    }
    expect(speakers).toEqual(new Set(["A", "B"]));
    expect(last).toBe("transcript.text.done");
  });

  it("gets how sure each word is", async () => {
    const { logprobs, text } = await client.audio.transcriptions.create({
      file: call(),
      model: "gpt-4o-transcribe",
      include: ["logprobs"],
    });
    expect(logprobs!.map(({ token }) => token).join("")).toBe(text);
    expect(
      logprobs!.every(
        ({ logprob, bytes, token }) => logprob! <= 0 && bytes!.length === Buffer.byteLength(token!),
      ),
    ).toBe(true);
  });

  it("has a translation made, where the model can", async () => {
    const translation = client.audio.translations.create({
      file: call(),
      model: "whisper-1",
      response_format: "verbose_json",
    });
    await expect(translation).resolves.toMatchObject({ language: "english" });
  });

  it("lists the models that it can ask for, and finds one, whose name has a slash too", async () => {
    const ids: string[] = [];
    for await (const { id } of client.models.list()) ids.push(id);
    expect(ids).toEqual(["demo", "whisper-1", "our/speech"]);
    for (const id of [...ids, "gpt-4o-mini-transcribe-2025-12-15"])
      expect(await client.models.retrieve(id)).toMatchObject({ id, object: "model", model: "demo" });
    const { text } = await client.audio.transcriptions.create({ file: call(), model: "our/speech" });
    expect(text).not.toBe("");
  });

  it("is told what is wrong in errors of its own", async () => {
    const ask = (more: object) =>
      client.audio.transcriptions
        .create({ file: call(), model: "whisper-1", ...more })
        .catch((error) => error);
    expect(await ask({ model: "gpt-5" })).toBeInstanceOf(OpenAI.NotFoundError);
    expect(await ask({ model: "gpt-5" })).toMatchObject({
      status: 404,
      code: "model_not_found",
      param: "model",
    });
    const wrong = await ask({ response_format: "docx" });
    expect(wrong).toBeInstanceOf(OpenAI.BadRequestError);
    expect(wrong).toMatchObject({ param: "response_format", type: "invalid_request_error" });
    expect(wrong.requestID).toMatch(/^[0-9a-f]{16}$/);
    const noise = await toFile(Buffer.from("PK\x03\x04 no recording"), "a.zip");
    expect(await ask({ file: noise })).toMatchObject({ status: 400, code: "UNSUPPORTED_FORMAT" });
    const stranger = new OpenAI({ apiKey: "another-horse-battery", baseURL: client.baseURL, maxRetries: 0 });
    const refused = await stranger.models.list().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(refused).toMatchObject({ code: "invalid_api_key" });
  });

  it("is told of what there is not, by the errors that it has for that", async () => {
    const spoken = client.audio.speech.create({ model: "tts-1", voice: "alloy", input: "Hello" });
    await expect(spoken).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    // Models are unloaded by another address, and never deleted.
    await expect(client.models.delete("whisper-1")).rejects.toMatchObject({
      status: 405,
      code: "METHOD_NOT_ALLOWED",
    });
  });

  it("sends names of files in any language", async () => {
    const file = await toFile(readFileSync(CALL), "Звонок «1».wav");
    const { text } = await client.audio.transcriptions.create({ model: "whisper-1", language: "en", file });
    expect(text).not.toBe("");
  });
});
