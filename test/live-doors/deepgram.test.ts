import { createHash } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { handshakeStatus, startLive, TestSocket } from "../support/live-server.js";
import { startManyModels } from "../support/many-models.js";
import { nemotronFile } from "../support/nemotron-file.js";
import { evenWords, final, type LiveScript, partial } from "../support/scripted-live.js";
import { until } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";

const TOKEN = "correct-horse-battery";

afterEach(() => {
  vi.unstubAllEnvs();
});

const PIECE = Buffer.alloc(1600, 1);
const MULAW = "?encoding=mulaw&sample_rate=8000";

async function connect(query: string, script?: LiveScript, settings = {}) {
  const live = await startLive({ ...(script && { script }), settings });
  const url = `ws://127.0.0.1:${live.server.httpPort}/v1/listen${query}`;
  return { ...live, client: await new TestSocket(url).open() };
}

const SCRIPT: LiveScript = {
  onWrite(stream, bytes) {
    const piece = bytes / PIECE.length;
    if (piece === 1) stream.say({ type: "speech-start", channel: 0, utterance: 0, time: 0.25 });
    if (piece === 1) stream.say(partial("Hello wor", { start: 0.25, end: 0.75 }));
    if (piece === 2) {
      const words = evenWords("Hello, world.", 0.25, 1.25);
      stream.say(final("Hello, world.", { start: 0.25, end: 1.25, words }));
      stream.say({ type: "speech-end", channel: 0, utterance: 0, time: 1.25 });
    }
  },
  onFlush: (stream) => stream.say(final("Flushed.", { start: 2, end: 3 })),
  onEnd: (stream) =>
    stream.say(final("The end.", { start: 4, end: 5, channel: stream.options.channels! - 1 })),
};

describe("a client of Deepgram", () => {
  it("gets results, and at the end what became of its audio", async () => {
    const { client, transcriber } = await connect(
      `${MULAW}&model=nova-3&language=en-US&interim_results=true&vad_events=true&endpointing=400&keyterm=Agora&keywords=CRM:2&punctuate=true`,
      SCRIPT,
    );
    client.send(PIECE);
    client.send(PIECE);
    client.send({ type: "KeepAlive" });
    client.send({ type: "CloseStream" });
    expect((await client.end()).code).toBe(1000);
    const [started, interim, said, last, metadata] = client.messages;
    expect(started).toEqual({ type: "SpeechStarted", channel: [0, 1], timestamp: 0.25 });
    expect(interim).toMatchObject({
      type: "Results",
      channel_index: [0, 1],
      start: 0.25,
      duration: 0.5,
      is_final: false,
      speech_final: false,
      from_finalize: false,
      channel: { alternatives: [{ transcript: "Hello wor", words: [] }] },
    });
    expect(said).toMatchObject({
      is_final: true,
      speech_final: true,
      from_finalize: false,
      channel: {
        alternatives: [
          {
            transcript: "Hello, world.",
            confidence: 0.9,
            words: [
              { word: "hello", punctuated_word: "Hello,", start: 0.25, end: 0.75, confidence: 0.8 },
              { word: "world", punctuated_word: "world.", start: 0.75, end: 1.25, confidence: 0.8 },
            ],
          },
        ],
      },
    });
    expect(last.channel.alternatives[0].transcript).toBe("The end.");
    expect(metadata).toMatchObject({
      type: "Metadata",
      request_id: said.metadata.request_id,
      channels: 1,
      duration: 0.4,
      sha256: createHash("sha256").update(PIECE).update(PIECE).digest("hex"),
    });
    expect(client.messages).toHaveLength(5);
    expect(transcriber.streams[0]!.options).toMatchObject({
      encoding: "mulaw",
      sampleRate: 8000,
      language: "en",
      interim: true,
      words: true,
      endpointMs: 400,
      hotwords: ["Agora", "CRM"],
    });
  });

  it("is told of the model that it has named, where that is here", async () => {
    const { url } = await startManyModels({ models: { "one.bin": 1 }, settings: { vadModel: undefined } });
    const told = async (model: string) => {
      const address = `${url.replace("http", "ws")}/v1/listen${MULAW}&model=${model}`;
      const client = await new TestSocket(address).open();
      client.send({ type: "Finalize" });
      client.send({ type: "CloseStream" });
      await client.end();
      const [results, { model_info, models }] = client.messages;
      expect(results.metadata.model_info).toEqual(model_info[models[0]]);
      return results.metadata.model_info.name;
    };
    expect(await told("one")).toBe("one.bin");
    expect(await told("nova-3")).toBe("main.bin");
  });

  it("gets no interim results unless it asks for them", async () => {
    const { transcriber, client } = await connect(MULAW);
    client.send(PIECE);
    await until(() => transcriber.streams[0]?.written.length === 1);
    expect(transcriber.streams[0]!.options.interim).toBe(false);
  });

  it("hears its channels apart, or mixed", async () => {
    const stereo = "?encoding=linear16&sample_rate=16000&channels=2";
    const apart = await connect(`${stereo}&multichannel=true`, SCRIPT);
    apart.client.send({ type: "CloseStream" });
    await apart.client.end();
    expect(apart.client.messages[0].channel_index).toEqual([1, 2]);
    expect(apart.transcriber.streams[0]!.options.channels).toBe(2);

    const mixed = await connect(stereo, SCRIPT);
    const samples = Buffer.from(Int16Array.from([100, 300, -200, 0, 32_767, 32_767]).buffer);
    for (const cut of [samples.subarray(0, 3), samples.subarray(3, 4), samples.subarray(4)])
      mixed.client.send(cut);
    mixed.client.send({ type: "CloseStream" });
    await mixed.client.end();
    expect(mixed.client.messages[0].channel_index).toEqual([0, 1]);
    expect(mixed.transcriber.streams[0]!.bytes).toEqual(
      Buffer.from(Int16Array.from([200, -100, 32_767]).buffer),
    );
  });

  it("is told who says each word where it asks for it, if the server can", async () => {
    vi.stubEnv("AGORA_OFFLINE", "1");
    vi.stubEnv("AGORA_CACHE_DIR", await temporaryFolder());
    const words = evenWords("Hello, world.", 0.25, 1.25).map((word, i) => ({
      ...word,
      speaker: ["SPEAKER_02", null][i]!,
    }));
    const script: LiveScript = {
      onEnd: (stream) => stream.say(final("Hello, world.", { start: 0.25, end: 1.25, words })),
    };
    const listen = async (query: string) => {
      const { client, transcriber } = await connect(MULAW + query, script);
      client.send({ type: "CloseStream" });
      await client.end();
      const [{ channel }] = client.messages;
      const numbers = channel.alternatives[0].words.map(({ speaker }: { speaker?: number }) => speaker);
      return { asked: transcriber.streams[0]!.options.diarize, numbers };
    };
    expect((await listen("")).asked).toBeUndefined();
    // Without a model it goes on without speakers, as with recordings; parties on channels need none.
    expect((await listen("&diarize=true")).asked).toBeUndefined();
    expect((await listen("&diarize=true&channels=2&multichannel=true")).asked).toEqual({ download: false });
    vi.stubEnv("AGORA_DIARIZATION_MODEL", await nemotronFile());
    expect(await listen("&diarize=true")).toEqual({ asked: { download: false }, numbers: [2, undefined] });
    expect((await listen("&diarize_model=latest")).asked).toEqual({ download: false });
    expect((await listen("&diarize=false")).asked).toBeUndefined();
  });

  it("is told what it finalizes, and when there is nothing", async () => {
    let flushes = 0;
    const { client } = await connect(MULAW, {
      onFlush(stream) {
        if (flushes++ === 0) stream.say(final("Flushed."));
      },
    });
    client.send(PIECE);
    client.send({ type: "Finalize" });
    expect(await client.next()).toMatchObject({
      from_finalize: true,
      channel: { alternatives: [{ transcript: "Flushed." }] },
    });
    client.send({ type: "Finalize" });
    expect(await client.next()).toMatchObject({
      from_finalize: true,
      is_final: true,
      channel: { alternatives: [{ transcript: "" }] },
    });
  });

  it("is told when nobody has spoken for as long as it says, by the audio's clock", async () => {
    const { client } = await connect(`${MULAW}&utterance_end_ms=1000&interim_results=true`, SCRIPT);
    client.send(PIECE);
    client.send(PIECE);
    await client.find(({ is_final }) => is_final);
    // 0.4 s so far: the last word ends at 1.25 s.
    client.send(Buffer.alloc(8000));
    client.send({ type: "Finalize" });
    await client.find(({ from_finalize }) => from_finalize);
    expect(client.messages.some(({ type }) => type === "UtteranceEnd")).toBe(false);
    client.send(Buffer.alloc(24_000));
    expect(await client.find(({ type }) => type === "UtteranceEnd")).toEqual({
      type: "UtteranceEnd",
      channel: [0, 1],
      last_word_end: 3,
    });
  });

  it.each(["hello", "[]", '{"type":"Dance"}'])(
    "that says %s is told in the reason of the end",
    async (text) => {
      const { client } = await connect(MULAW);
      client.send(text);
      const { code, reason } = await client.end();
      expect(code).toBe(1008);
      expect(reason).toContain("KeepAlive");
    },
  );

  it("that is silent for too long is told in Deepgram's words", async () => {
    const { client } = await connect(MULAW, undefined, { liveIdleTimeout: 0.2 });
    const { code, reason } = await client.end();
    expect(code).toBe(1011);
    expect(reason).toMatch(/^NET-0001/);
  });

  it("may send nothing in a message", async () => {
    const { client, transcriber } = await connect(MULAW);
    client.send(Buffer.alloc(0));
    client.send(PIECE);
    client.send({ type: "CloseStream" });
    expect((await client.end()).code).toBe(1000);
    expect(transcriber.streams[0]!.bytes).toEqual(PIECE);
  });

  it.each([
    ["no encoding", "?sample_rate=16000"],
    ["an encoding in a container", "?encoding=opus"],
    ["no rate", "?encoding=linear16"],
    ["a rate that is none", "?encoding=linear16&sample_rate=fast"],
    ["a rate below that of telephones", "?encoding=linear16&sample_rate=4000"],
    ["no channel", `${MULAW}&channels=0`],
    ["more channels than a stream has", `${MULAW}&channels=9&multichannel=true`],
    ["a language that is none", `${MULAW}&language=klingonese`],
    ["two channels of G.711 to mix", `${MULAW}&channels=2`],
  ])("with %s is refused in the handshake", async (_, query) => {
    const { server } = await startLive();
    expect(await handshakeStatus(`ws://127.0.0.1:${server.httpPort}/v1/listen${query}`)).toBe(400);
  });

  it("brings its token as Deepgram's do", async () => {
    const { server } = await startLive({ settings: { apiToken: TOKEN } });
    const url = `ws://127.0.0.1:${server.httpPort}/v1/listen${MULAW}`;
    expect(await handshakeStatus(url)).toBe(401);
    expect(await handshakeStatus(url, { authorization: `Token ${TOKEN}` })).toBe(101);
    expect(await handshakeStatus(url, {}, ["token", TOKEN])).toBe(101);
    expect(await handshakeStatus(url, {}, ["token", "wrong-horse-battery"])).toBe(401);
  });
});
