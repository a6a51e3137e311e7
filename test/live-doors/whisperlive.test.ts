import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { TranscriptionError } from "../../src/index.js";
import { handshakeStatus, type Message, startLive, TestSocket } from "../support/live-server.js";
import { nemotronFile } from "../support/nemotron-file.js";
import { evenWords, final, type LiveScript, partial } from "../support/scripted-live.js";
import { until } from "../support/server.js";

const TOKEN = "correct-horse-battery";

afterEach(() => {
  vi.unstubAllEnvs();
});

/** First messages as clients of the field send them. */
const PYTHON = {
  uid: "3f1a",
  language: "en",
  task: "transcribe",
  model: "small",
  use_vad: true,
  send_last_n_segments: 10,
  no_speech_thresh: 0.45,
  clip_audio: false,
  same_output_threshold: 10,
  enable_translation: false,
  target_language: "fr",
  hotwords: null,
  enable_diarization: false,
  max_speakers: 10,
  word_timestamps: false,
};
const EXTENSION = { uid: "3f1a", language: null, task: "transcribe", model: "small", use_vad: true };
const IOS = { ...EXTENSION, language: "ru", max_clients: 4, max_connection_time: 600 };
/** 4096 samples, as its Python client cuts them. */
const PIECE = Buffer.from(new Float32Array(4096).fill(0.25).buffer);

async function connect(
  options: Parameters<typeof startLive>[0] = {},
  path = "",
  ...socket: ConstructorParameters<typeof TestSocket> extends [string, ...infer R] ? R : never
) {
  const live = await startLive(options);
  const url = `ws://127.0.0.1:${live.server.livePorts.whisperLivePort}${path}`;
  const client = await new TestSocket(url, ...socket).open();
  return { ...live, client, url };
}

/** A phrase after the first piece, its end after the second. */
const PHRASE: LiveScript = {
  onWrite(stream, bytes) {
    if (bytes === PIECE.length) {
      stream.say({ type: "speech-start", channel: 0, utterance: 0, time: 0.5 });
      stream.say({ type: "language", channel: 0, language: "en", probability: 0.97 });
      stream.say(partial("Hello wor", { end: 1 }));
    } else if (bytes === 2 * PIECE.length) {
      stream.say(final("Hello, world.", { start: 0.5, end: 1.5 }));
      stream.say({ type: "speech-end", channel: 0, utterance: 0, time: 1.5 });
    }
  },
};

describe("a client of WhisperLive", () => {
  it("in Python is told of readiness, of text while it is spoken, and of what is settled", async () => {
    const { client, transcriber } = await connect({ script: PHRASE });
    client.send(PYTHON);
    expect(await client.next()).toEqual({ uid: "3f1a", message: "SERVER_READY", backend: "faster_whisper" });
    client.send(PIECE);
    const unsettled = { start: "0.500", end: "1.000", text: " Hello wor", completed: false };
    expect(await client.next()).toEqual({ uid: "3f1a", segments: [unsettled] });
    client.send(PIECE);
    const segment = { start: "0.500", end: "1.500", text: " Hello, world." };
    expect(await client.next()).toEqual({ uid: "3f1a", segments: [{ ...segment, completed: false }] });
    expect(await client.next()).toEqual({ uid: "3f1a", segments: [{ ...segment, completed: true }] });
    client.send(Buffer.from("END_OF_AUDIO"));
    expect((await client.end()).code).toBe(1000);
    const [stream] = transcriber.streams;
    expect(stream!.options).toMatchObject({ sampleRate: 16_000, encoding: "f32le", language: "en" });
    expect(stream!.bytes).toEqual(Buffer.concat([PIECE, PIECE]));
    expect(stream!.isEnded).toBe(true);
  });

  it("that leaves the language open is told it first, and once", async () => {
    const { client } = await connect({
      script: {
        onWrite(stream) {
          stream.say({ type: "language", channel: 0, language: "ru", probability: 0.4 });
          stream.say(partial("Добрый"));
          stream.say({ type: "language", channel: 0, language: "uk", probability: 0.9 });
          stream.say(final("Добрый день."));
        },
      },
    });
    client.send(EXTENSION);
    await client.next();
    client.send(PIECE);
    expect(await client.next()).toEqual({ uid: "3f1a", language: "ru", language_prob: 0.4 });
    expect((await client.next()).segments[0].text).toBe(" Добрый");
    expect((await client.next()).segments[0].text).toBe(" Добрый день.");
    expect((await client.next()).segments[0].completed).toBe(true);
  });

  it.each(["/", "/ws", "/anything?x=1"])("is taken at %s", async (path) => {
    const { client } = await connect({}, path);
    client.send(IOS);
    expect((await client.next()).message).toBe("SERVER_READY");
  });

  it("is sent what is left at the end of its audio, and nothing is lost", async () => {
    const script: LiveScript = { onEnd: (stream) => stream.say(final("The last words.")) };
    const { client, transcriber } = await connect({ script });
    client.send(PYTHON);
    client.send(PIECE.subarray(0, 1001));
    client.send(Buffer.alloc(0));
    client.send(PIECE.subarray(1001));
    client.send(Buffer.from("END_OF_AUDIO"));
    client.send(PIECE);
    await client.end();
    expect(client.messages.at(-1).segments).toEqual([
      { start: "0.500", end: "1.500", text: " The last words.", completed: true },
    ]);
    expect(transcriber.streams[0]!.bytes).toEqual(PIECE);
  });

  it("that has sent all of a file, and waits, is told all of it", async () => {
    const { client } = await connect({ script: { onFlush: (stream) => stream.say(final("The tail.")) } });
    client.send(PYTHON);
    client.send(PIECE);
    const { segments } = await client.find((message) => message.segments?.at(-1).completed);
    expect(segments[0].text).toBe(" The tail.");
  });

  it("for iOS ends its audio in a text message", async () => {
    const { client, transcriber } = await connect();
    client.send(IOS);
    client.send(PIECE);
    client.send("END_OF_AUDIO");
    expect((await client.end()).code).toBe(1000);
    expect(transcriber.streams[0]!.isEnded).toBe(true);
  });

  it("sees every completed segment, unchanged and without overlap, though messages have the last ones alone", async () => {
    const script: LiveScript = {
      onWrite(stream) {
        for (let i = 0; i < 25; i++) stream.say(final(`Phrase ${i}`, { start: i - 0.01, end: i + 1 }));
      },
    };
    const { client } = await connect({ script });
    client.send({ ...PYTHON, send_last_n_segments: 3 });
    client.send(PIECE);
    client.send("END_OF_AUDIO");
    await client.end();
    const texts = new Map<string, string>();
    const kept: { start: string; end: string; text: string }[] = [];
    for (const { segments = [] } of client.messages) {
      expect(segments.length).toBeLessThanOrEqual(4);
      for (const segment of segments) {
        if (!segment.completed) continue;
        const key = `${segment.start} ${segment.end}`;
        expect(texts.get(key) ?? segment.text).toBe(segment.text);
        if (!texts.has(key)) kept.push(segment);
        texts.set(key, segment.text);
      }
    }
    expect(kept.map(({ text }) => text)).toEqual(Array.from({ length: 25 }, (_, i) => ` Phrase ${i}`));
    for (const [i, { start }] of kept.entries())
      if (i > 0) expect(Number(start)).toBeGreaterThanOrEqual(Number(kept[i - 1]!.end));
  });

  it("gets words where it asks for them, and is sent no empty list of segments", async () => {
    const script: LiveScript = {
      onWrite(stream) {
        stream.say(partial(""));
        stream.say(final("Two words", { words: evenWords("Two words", 0, 1), start: 0, end: 1 }));
      },
    };
    const { client, transcriber } = await connect({ script });
    client.send({ ...PYTHON, word_timestamps: true });
    client.send(PIECE);
    await client.next();
    await client.next();
    const { segments } = await client.next();
    expect(segments[0].words).toEqual([
      { word: " Two", start: "0.000", end: "0.500", probability: 0.8 },
      { word: " words", start: "0.500", end: "1.000", probability: 0.8 },
    ]);
    expect(transcriber.streams[0]!.options.words).toBe(true);
    for (const message of client.messages) if (message.segments) expect(message.segments).not.toEqual([]);
  });

  it.each([
    ["int16", "s16le"],
    ["uint8", "u8"],
    ["float32", "f32le"],
  ])("may send %s", async (audio_format, encoding) => {
    const { client, transcriber } = await connect();
    client.send({ ...PYTHON, audio_format });
    await client.next();
    expect(transcriber.streams[0]!.options.encoding).toBe(encoding);
  });

  it("may ask for what nobody knows, and for what there is not: of that it is told", async () => {
    const { client, transcriber } = await connect();
    client.send({
      ...PYTHON,
      model: "org/model-of-tomorrow",
      known_speakers: [],
      enable_diarization: true,
      task: "translate",
      hotwords: "Agora, CRM",
      initial_prompt: "A call.",
      vad_parameters: { threshold: 0.7, onset: 1 },
    });
    expect((await client.next()).message).toBe("SERVER_READY");
    expect(await client.next()).toMatchObject({ status: "WARNING", uid: "3f1a" });
    expect(transcriber.streams[0]!.options).toMatchObject({
      task: "translate",
      hotwords: "Agora, CRM",
      initialPrompt: "A call.",
      vadOptions: { threshold: 0.7 },
    });
  });

  it("is told who says what where it asks for it, by a server that has a model for it", async () => {
    const model = await nemotronFile();
    vi.stubEnv("AGORA_DIARIZATION_MODEL", model);
    const { client, transcriber } = await connect({
      script: {
        onWrite: (stream) => {
          stream.say(partial("Hel"));
          stream.say(final("Hello.", { start: 0, end: 1, speaker: "SPEAKER_01", speakerConfidence: 1 }));
          stream.say(final("Nobody.", { start: 1, end: 2, speaker: null, speakerConfidence: 0 }));
        },
      },
    });
    client.send({ ...PYTHON, enable_diarization: true, max_speakers: 3.5 });
    expect((await client.next()).message).toBe("SERVER_READY");
    expect(transcriber.streams[0]!.options.diarize).toEqual({ maxSpeakers: 3, download: false });
    client.send(Buffer.alloc(4));
    const { segments } = await client.find(({ segments }) =>
      segments?.some(({ completed, text }: Message) => completed && text === " Nobody."),
    );
    expect(segments.map(({ speaker, text }: Message) => [text, speaker])).toEqual([
      [" Hello.", "SPEAKER_01"],
      [" Nobody.", undefined],
    ]);
  });

  it("is told to wait where there is no room, in minutes", async () => {
    const { client } = await connect({
      refuse: () => {
        throw new TranscriptionError("QUEUE_FULL", "Full");
      },
    });
    client.send(PYTHON);
    const { status, message, uid } = await client.next();
    expect({ status, uid }).toEqual({ status: "WAIT", uid: "3f1a" });
    expect(message).toBeGreaterThanOrEqual(1);
    expect((await client.end()).code).toBe(1013);
  });

  it.each([
    ["no JSON", "hello", "JSON"],
    ["an array", "[1]", "JSON"],
    ["no uid", { ...PYTHON, uid: undefined }, "uid"],
    ["an endless uid", { ...PYTHON, uid: "x".repeat(10_000) }, "uid"],
    ["bytes first", PIECE, "bytes"],
    ["a language that is none", { ...PYTHON, language: "klingonese" }, "language"],
    ["a format that is none", { ...PYTHON, audio_format: "mp3" }, "audio_format"],
  ])("that begins with %s is told what was expected", async (_, first, named) => {
    const { client, transcriber } = await connect();
    client.send(first as object);
    const { status, message } = await client.next();
    expect(status).toBe("ERROR");
    expect(message).toContain(named);
    expect((await client.end()).code).toBe(1008);
    expect(transcriber.streams).toHaveLength(0);
  });

  it("that sends text where audio is expected goes on, and is told", async () => {
    const { client, transcriber } = await connect();
    client.send(PYTHON);
    await client.next();
    client.send("more");
    expect((await client.next()).status).toBe("WARNING");
    client.send(PIECE);
    await until(() => transcriber.streams[0]!.written.length === 1);
  });

  it("is told of an error that ends its stream, without what is nobody's business", async () => {
    const { client, lines } = await connect({
      script: { onWrite: (stream) => stream.fail(new Error("secret of the engine")) },
    });
    client.send(PYTHON);
    await client.next();
    client.send(PIECE);
    const { status, message } = await client.next();
    expect(status).toBe("ERROR");
    expect(message).not.toContain("secret");
    expect((await client.end()).code).toBe(1011);
    expect(lines.join("")).toContain("secret of the engine");
  });

  it("whose connection breaks leaves nothing behind", async () => {
    const { client, server, transcriber, lines } = await connect({ script: PHRASE });
    client.send(PYTHON);
    client.send(PIECE);
    await client.find(({ segments }) => segments);
    client.socket.terminate();
    await until(() => transcriber.streams[0]!.isCancelled);
    await until(() => lines.some((line) => line.includes("Cancelled by the client")));
    const metrics = await (await fetch(`http://127.0.0.1:${server.httpPort}/metrics`)).text();
    expect(metrics).toMatch(/agora_open_calls 0/);
    expect(metrics).toContain('agora_requests_total{method="WhisperLive",outcome="CANCELLED"} 1');
  });

  it("is told what it has said, and disconnected, when the server stops", async () => {
    const { client, server } = await connect({ script: { onEnd: (stream) => stream.say(final("So far.")) } });
    client.send(PYTHON);
    await client.next();
    client.send(PIECE);
    await sleep(20);
    const stopped = server.stop();
    expect((await client.find(({ segments }) => segments?.at(-1).completed)).segments[0].text).toBe(
      " So far.",
    );
    expect(await client.next()).toEqual({ uid: "3f1a", message: "DISCONNECT" });
    expect((await client.end()).code).toBe(1012);
    await stopped;
  });

  it("is told its last words when the server stops, be they long in coming", async () => {
    const { client, server } = await connect({
      script: {
        async onEnd(stream) {
          // Longer than the silence after which what has been said is taken for complete.
          await sleep(2500);
          stream.say(final("The last words."));
        },
      },
    });
    client.send(PYTHON);
    await client.next();
    client.send(PIECE);
    await sleep(20);
    const stopped = server.stop();
    const { segments } = await client.find((message) => message.segments?.at(-1).completed);
    expect(segments[0].text).toBe(" The last words.");
    expect(await client.next()).toEqual({ uid: "3f1a", message: "DISCONNECT" });
    expect((await client.end()).code).toBe(1012);
    await stopped;
  });

  it("that sends faster than it is heard waits, and loses nothing", async () => {
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { client, transcriber } = await connect({ script: { onWrite: () => opened } });
    client.send(PYTHON);
    const pieces = 3000;
    for (let i = 0; i < pieces; i++) client.send(PIECE);
    await sleep(200);
    expect(client.socket.bufferedAmount).toBeGreaterThan(0);
    open();
    client.send("END_OF_AUDIO");
    expect((await client.end()).code).toBe(1000);
    expect(transcriber.streams[0]!.bytes.length).toBe(pieces * PIECE.length);
  });

  it("that sends nothing for too long is disconnected", async () => {
    const { client } = await connect({ settings: { liveIdleTimeout: 0.2 } });
    client.send(PYTHON);
    await client.next();
    expect((await client.next()).message).toBe("DISCONNECT");
    expect((await client.end()).reason).toContain("LIVE_IDLE_TIMEOUT");
  });

  it("that says that it is there may be silent", async () => {
    const { client } = await connect({ settings: { liveIdleTimeout: 0.3 } });
    client.send(PYTHON);
    await client.next();
    for (let i = 0; i < 8; i++) {
      client.socket.ping();
      await sleep(80);
    }
    expect(client.closed).toBeUndefined();
  });

  it("cannot send a message that is too large", async () => {
    const { client } = await connect();
    client.send(PYTHON);
    await client.next();
    client.send(Buffer.alloc(1024 ** 2 + 1));
    expect((await client.end()).code).toBe(1009);
  });
});

describe("a connection on WhisperLive's port", () => {
  const status = async (
    settings: Parameters<typeof startLive>[0],
    path: string,
    headers?: Record<string, string>,
    protocols?: string[],
  ) => {
    const { server } = await startLive(settings);
    return handshakeStatus(`ws://127.0.0.1:${server.livePorts.whisperLivePort}${path}`, headers, protocols);
  };

  it.each<[string, string, Record<string, string>, string[], number]>([
    ["no token", "", {}, [], 401],
    ["a wrong token", "?token=wrong-horse-battery", {}, [], 401],
    ["the token in the address", `?token=${TOKEN}`, {}, [], 101],
    ["the token in a header", "", { authorization: `Bearer ${TOKEN}` }, [], 101],
    ["the token among its protocols", "", {}, ["realtime", `openai-insecure-api-key.${TOKEN}`], 101],
  ])("with %s is answered %5$s", async (_, path, headers, protocols, expected) => {
    expect(await status({ settings: { apiToken: TOKEN } }, path, headers, protocols)).toBe(expected);
  });

  it("needs none where that is said", async () => {
    expect(await status({ settings: { apiToken: TOKEN, liveWithoutToken: true } }, "")).toBe(101);
  });

  it.each([
    ["a page of somebody", { origin: "https://evil.example" }, 403],
    ["a page by another name of this machine", { host: "evil.example" }, 403],
    ["an extension of Chrome", { origin: "chrome-extension://abcdefgh" }, 101],
    ["an extension of Firefox", { origin: "moz-extension://0b2c" }, 101],
    ["a sandboxed page", { origin: "null" }, 403],
  ])("of %s is answered %3$s", async (_, headers, expected) => {
    expect(await status({}, "", headers as Record<string, string>)).toBe(expected);
  });

  it("that is no WebSocket is told so", async () => {
    const { server } = await startLive();
    const response = await fetch(`http://127.0.0.1:${server.livePorts.whisperLivePort}/`);
    expect(response.status).toBe(426);
  });
});
