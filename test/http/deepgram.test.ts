import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { type Deepgram, DeepgramClient } from "@deepgram/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { joined } from "../../src/doors/http/deepgram/spoken.js";
import { type TranscriptionResult, transcribe, type WindowOptions } from "../../src/index.js";
import { type RunningServer, startServer } from "../../src/server/server.js";
import { wav } from "../support/audio.js";
import { DEMO_WITH_VAD } from "../support/demo.js";
import { type FakeEngineOptions, fakeSegment } from "../support/fake-engine.js";
import { type Answered, answered, startHttp, uploadsOnDisk } from "../support/http-server.js";
import { readMetrics } from "../support/metrics.js";
import { samplePath } from "../support/samples.js";
import { RECORDING, until } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { beginningOf } from "../support/wav-beginning.js";

const TOKEN = "correct-horse-battery";

/** Sound of 6 s, from its beginning to its end. */
const sound = () => Float32Array.from({ length: 96_000 }, (_, i) => (i % 2 === 0 ? 0.5 : -0.5));
const SOUND = wav([sound()], 16_000);

/** Words of 0.2 s that begin where they are said to. */
const timed = (...words: [text: string, start: number][]) =>
  words.map(([text, start]) => ({ text: ` ${text}`, start, end: start + 0.2, confidence: 0.9 }));

/** What is said: a sentence, another one at once, and a third one after a pause. */
const WORDS = timed(["Hello,", 0.5], ["world.", 0.75], ["Yes!", 1], ["Later", 4], ["on.", 4.25]);
const SPEECH: FakeEngineOptions = {
  answer: (_samples, { wordTimestamps }: WindowOptions) => ({
    segments: [
      fakeSegment("Hello, world. Yes!", 0.5, 1.2, { ...(wordTimestamps && { words: WORDS.slice(0, 3) }) }),
      fakeSegment("Later on.", 4, 4.45, { ...(wordTimestamps && { words: WORDS.slice(3) }) }),
    ],
  }),
};

function listen(
  url: string,
  query = "",
  body: Uint8Array | string = RECORDING,
  headers: Record<string, string> = {},
): Promise<Answered> {
  const init = { method: "POST", body: body as Uint8Array<ArrayBuffer>, headers };
  return fetch(`${url}/v1/listen${query}`, init).then(answered);
}

describe("POST /v1/listen", () => {
  it("answers in Deepgram's form, whatever the body's type is said to be", async () => {
    const { engine, lines, server, url } = await startHttp(SPEECH);
    const query =
      "?model=nova-3&language=en&punctuate=true&smart_format=true&utterances=true&tag=a&extra=k:v";
    const { headers, json, status } = await listen(url, query, SOUND, { "content-type": "audio/wav" });
    expect(status).toBe(200);
    const { metadata, results } = json;
    expect(metadata).toMatchObject({
      transaction_key: "deprecated",
      request_id: headers.get("dg-request-id"),
      sha256: createHash("sha256").update(SOUND).digest("hex"),
      created: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      duration: (SOUND.length - 44) / 32_000,
      channels: 1,
      tags: ["a"],
      extra: { k: "v" },
    });
    expect(metadata.model_info[metadata.models[0]]).toMatchObject({ name: "fake", arch: "custom" });
    expect(metadata).not.toHaveProperty("warnings");
    const [{ alternatives, ...channel }] = results.channels;
    expect(channel).toEqual({});
    expect(alternatives[0].transcript).toBe("Hello, world. Yes! Later on.");
    expect(alternatives[0].confidence).toBeCloseTo(0.9);
    expect(alternatives[0].words).toHaveLength(5);
    expect(alternatives[0].words[0]).toEqual({
      word: "hello",
      punctuated_word: "Hello,",
      start: 0.5,
      end: 0.7,
      confidence: 0.9,
    });
    expect(alternatives[0].paragraphs).toEqual({
      transcript: "\nHello, world. Yes!\n\nLater on.",
      paragraphs: [
        {
          sentences: [
            { text: "Hello, world.", start: 0.5, end: 0.95 },
            { text: "Yes!", start: 1, end: 1.2 },
          ],
          num_words: 3,
          start: 0.5,
          end: 1.2,
        },
        {
          sentences: [{ text: "Later on.", start: 4, end: 4.45 }],
          num_words: 2,
          start: 4,
          end: 4.45,
        },
      ],
    });
    expect(results.utterances).toMatchObject([
      { start: 0.5, end: 1.2, channel: 0, transcript: "Hello, world. Yes!", words: { length: 3 } },
      { start: 4, end: 4.45, channel: 0, transcript: "Later on.", words: { length: 2 } },
    ]);
    expect(engine.windows[0]).toMatchObject({ language: "en" });
    // As curl and others send it.
    for (const type of [
      "application/x-www-form-urlencoded",
      "text/plain",
      "application/octet-stream",
      "x/y",
    ]) {
      const other = await listen(url, "", SOUND, { "content-type": type });
      expect([type, other.status]).toEqual([type, 200]);
    }
    expect(lines.join("")).not.toContain("not known here");
    const metrics = await readMetrics(server.httpPort!);
    expect(metrics.get('agora_requests_total{method="POST /v1/listen",outcome="OK"}')).toBe(5);
    expect(metrics.get("agora_upload_bytes_total")).toBe(5 * SOUND.length);
    await until(() => uploadsOnDisk() === 0);
  });

  it("says what was detected, and has words to expect, channels and pauses as they are asked for", async () => {
    const { engine, url } = await startHttp({
      ...SPEECH,
      detect: () => [
        { language: "de", probability: 0.8 },
        { language: "ru", probability: 0.2 },
      ],
    });
    const detected = await listen(url, "?detect_language=true&keyterm=Agora&keyterm=CRM&keywords=Moscow:2");
    expect(detected.json.results.channels[0]).toMatchObject({
      detected_language: "de",
      language_confidence: 0.8,
    });
    expect(engine.windows.at(-1)?.hotwords).toMatch(/Agora.*CRM.*Moscow/);
    const restricted = await listen(url, "?detect_language=ru&detect_language=en");
    expect(restricted.json.results.channels[0].detected_language).toBe("ru");
    const stereo = wav([sound(), sound()], 16_000);
    const { json } = await listen(url, "?multichannel=true&utterances=true&utt_split=0.01", stereo);
    expect(json.metadata.channels).toBe(2);
    expect(json.results.channels.map((each: Answered["json"]) => each.alternatives[0].transcript)).toEqual([
      "Hello, world. Yes! Later on.",
      "Hello, world. Yes! Later on.",
    ]);
    expect(json.results.utterances).toHaveLength(10);
    const starts = json.results.utterances.map(({ start }: { start: number }) => start);
    expect(starts).toEqual(starts.toSorted((a: number, b: number) => a - b));
    expect(new Set(json.results.utterances.map(({ channel }: { channel: number }) => channel))).toEqual(
      new Set([0, 1]),
    );
  });

  it("reads samples without a container as the query says, unless there is one", async () => {
    const { engine, url } = await startHttp();
    const raw = RECORDING.subarray(44);
    const linear = "?encoding=linear16&sample_rate=16000";
    const whole = await listen(url);
    const found = [await listen(url, linear, raw), await listen(url, linear)];
    for (const { json } of found) expect(json.metadata.duration).toBe(whole.json.metadata.duration);
    expect(found[0]!.json.metadata.sha256).toBe(createHash("sha256").update(raw).digest("hex"));
    const two = await listen(url, `${linear}&channels=2&multichannel=true`, raw);
    expect(two.json.metadata).toMatchObject({ channels: 2, duration: whole.json.metadata.duration / 2 });
    const mulaw = await listen(url, "?encoding=mulaw", Buffer.alloc(16_000, 0x2a));
    expect(mulaw.json.metadata.duration).toBe(2);
    expect(engine.windows.length).toBeGreaterThan(3);
  });

  it("says in warnings what it has nothing for", async () => {
    const { url } = await startHttp(SPEECH);
    const { json } = await listen(url, "?summarize=v2&search=hello&topics=false&diarize=true");
    const warned = json.metadata.warnings.map(({ parameter }: { parameter: string }) => parameter);
    expect(warned).toEqual(["search", "summarize", "diarize"]);
  });

  it.each([
    ["redaction, which there is none of", "?redact=pci", "redact"],
    ["a callback", "?callback=https://example.org", "callback"],
    ["a language that is none", "?language=klingonese", "language"],
    ["a slip of the pen", "?utteranses=true", "utteranses"],
    ["a flag that is none", "?utterances=maybe", "utterances"],
    ["samples without a rate", "?encoding=linear16", "sample_rate"],
    ["more channels than there may be", "?encoding=mulaw&channels=9", "channels"],
  ])("refuses %s", async (_, query, parameter) => {
    const { url } = await startHttp();
    const { json, status } = await listen(url, query);
    expect([status, json.err_code]).toEqual([400, "Bad Request"]);
    expect(json.err_msg).toContain(parameter);
    expect(json.request_id).toMatch(/\S/);
  });

  it("refuses a body without a recording", async () => {
    const { url } = await startHttp();
    const json = { "content-type": "application/json" };
    const [empty, form, broken, nameless] = [
      await listen(url, "", new Uint8Array()),
      await fetch(`${url}/v1/listen`, { method: "POST", body: new FormData() }).then(answered),
      await listen(url, "", "{", json),
      await listen(url, "", "{}", json),
    ];
    expect(empty.status).toBe(400);
    expect(form).toMatchObject({ status: 415, json: { err_code: "UNSUPPORTED_MEDIA_TYPE" } });
    expect(broken).toMatchObject({ status: 400, json: { err_code: "Bad Request" } });
    expect(nameless.json.err_msg).toContain("url");
    await until(() => uploadsOnDisk() === 0);
  });

  it("reads the url of a recording that it keeps, and fetches no other", async () => {
    const recordingsStore = join(await temporaryFolder(), "recordings");
    const { url } = await startHttp({ ...SPEECH, settings: { recordingsStore } });
    const kept = await fetch(`${url}/api/recordings`, {
      method: "POST",
      body: RECORDING as Uint8Array<ArrayBuffer>,
      headers: { "content-type": "audio/wav" },
    });
    const { id } = (await kept.json()) as { id: string };
    const ask = (address: string) =>
      listen(url, "", JSON.stringify({ url: address }), { "content-type": "application/json" });
    const { json } = await ask(`${url}/api/recordings/${id}/audio`);
    expect(json.results.channels[0].alternatives[0].transcript).toBe("Hello, world. Yes! Later on.");
    expect(json.metadata.sha256).toBe(createHash("sha256").update(RECORDING).digest("hex"));
    expect((await ask(`${url}/api/recordings/${id.slice(0, -1)}_/audio`)).status).toBe(404);
    for (const address of [
      "http://169.254.169.254/latest/meta-data",
      `http://example.org/api/recordings/${id}/audio`,
      `${url}/metrics`,
      "file:///etc/passwd",
      "nothing",
    ]) {
      const { json, status } = await ask(address);
      expect([status, json.err_code]).toEqual([400, "Bad Request"]);
      expect(json.err_msg).toContain("for url");
    }
  });

  it("asks for the token as Deepgram's clients bring it", async () => {
    const { url } = await startHttp({ settings: { apiToken: TOKEN } });
    const statuses = [];
    for (const authorization of [`Token ${TOKEN}`, `Bearer ${TOKEN}`, "Token other", TOKEN])
      statuses.push((await listen(url, "", RECORDING, { authorization })).status);
    expect(statuses).toEqual([200, 200, 401, 401]);
    const { json } = await listen(url);
    expect(json).toMatchObject({ err_code: "INVALID_AUTH", err_msg: expect.any(String) });
  });
});

describe("texts of words", () => {
  it("have the spaces that their script has", () => {
    expect(joined(["Hello,", "world."])).toBe("Hello, world.");
    expect(joined(["你好，", "世界。", "再见"])).toBe("你好，世界。再见");
    expect(joined(["用", "Node", "吧"])).toBe("用 Node 吧");
    expect(joined([])).toBe("");
  });
});

describe("Deepgram's client in JavaScript", () => {
  const SECONDS = 12;
  const mono = beginningOf(samplePath("sales-call-en.wav"), SECONDS, 1);
  const stereo = beginningOf(samplePath("sales-call-en.stereo.wav"), SECONDS, 2);
  let server: RunningServer;
  let client: DeepgramClient;
  let direct: TranscriptionResult;

  beforeAll(async () => {
    server = await startServer(
      { grpc: false, httpPort: 0, model: "demo", implementation: "whisper", apiToken: TOKEN },
      { log: () => {} },
    );
    await server.ready;
    direct = await transcribe(mono, { ...DEMO_WITH_VAD, wordTimestamps: true });
    client = new DeepgramClient({
      apiKey: TOKEN,
      baseUrl: `http://localhost:${server.httpPort}`,
      maxRetries: 0,
    });
  });
  afterAll(() => server.stop());

  const synchronous = (answer: object) => answer as Deepgram.ListenV1Response;

  it("gets the text of a recording, its words, paragraphs and utterances", async () => {
    const { metadata, results } = synchronous(
      await client.listen.v1.media.transcribeFile(mono, {
        model: "nova-3",
        smart_format: true,
        utterances: true,
        keyterm: ["Agora"],
      }),
    );
    const [alternative] = results.channels[0]!.alternatives!;
    expect(alternative!.transcript).toBe(direct.text);
    expect(alternative!.words!.map(({ start, end }) => [start, end])).toEqual(
      direct.segments.flatMap(({ words = [] }) =>
        words.map(({ start, end }) => [Number(start.toFixed(6)), Number(end.toFixed(6))]),
      ),
    );
    const sentences = alternative!.paragraphs!.paragraphs!.flatMap(({ sentences = [] }) => sentences);
    expect(sentences.map(({ text }) => text).join(" ")).toBe(direct.text);
    expect(results.utterances!.map(({ transcript }) => transcript).join(" ")).toBe(direct.text);
    expect(metadata.duration).toBeCloseTo(SECONDS, 3);
  });

  it("gets two channels apart, with speakers, of a recording that it streams", async () => {
    const { results } = synchronous(
      await client.listen.v1.media.transcribeFile(createReadStream(samplePath("sales-call-en.stereo.wav")), {
        multichannel: true,
        diarize: true,
        utterances: true,
      }),
    );
    expect(results.channels).toHaveLength(2);
    const speakers = results.channels.map(
      ({ alternatives }) => new Set(alternatives![0]!.words!.map(({ speaker }) => speaker)),
    );
    expect(speakers).toEqual([new Set([0]), new Set([1])]);
    for (const { channel, speaker } of results.utterances!) expect(speaker).toBe(channel);
  });

  it("is told what is wrong", async () => {
    const asking = client.listen.v1.media.transcribeFile(stereo, { redact: "pci" });
    await expect(asking).rejects.toMatchObject({ statusCode: 400, body: { err_code: "Bad Request" } });
    const fetching = client.listen.v1.media.transcribeUrl({ url: "https://example.org/a.wav" });
    await expect(fetching).rejects.toMatchObject({ body: { err_msg: expect.stringContaining("for url") } });
  });
});
