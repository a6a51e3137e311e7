import { once } from "node:events";
import { readFileSync } from "node:fs";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import type { RealtimeServerEvent } from "openai/resources/realtime/realtime";
import { describe, expect, it, onTestFinished } from "vitest";
import { TranscriptionError } from "../../src/index.js";
import { authority, hasOpenssl } from "../support/certificates.js";
import { handshakeStatus, type Message, startLive, TestSocket } from "../support/live-server.js";
import { final, type LiveScript, partial } from "../support/scripted-live.js";
import { until } from "../support/server.js";

const TOKEN = "correct-horse-battery";
/** A tenth of a second at 24 kHz. */
const PIECE = Buffer.alloc(4800, 1);
const append = (bytes: Uint8Array = PIECE) => ({
  type: "input_audio_buffer.append",
  audio: Buffer.from(bytes).toString("base64"),
});
const update = (input: object) => ({
  type: "session.update",
  session: { type: "transcription", audio: { input } },
});
const DELTA = "conversation.item.input_audio_transcription.delta";
const COMPLETED = "conversation.item.input_audio_transcription.completed";

/** An utterance: it begins with the first piece, and ends with the third. */
const UTTERANCE: LiveScript = {
  onWrite(stream, bytes) {
    const piece = bytes / PIECE.length;
    if (piece === 1) stream.say({ type: "speech-start", channel: 0, utterance: 0, time: 1 });
    if (piece === 1) stream.say(partial("Hello wor", { stableLength: 5 }));
    if (piece === 2) stream.say(partial("Hello world and", { stableLength: 11 }));
    if (piece === 3) {
      stream.say(final("Hello world, and", { endOfUtterance: false }));
      stream.say(partial("goodbye", { stableLength: 7 }));
      stream.say(final("goodbye.", { end: 2.5 }));
      stream.say({ type: "speech-end", channel: 0, utterance: 0, time: 2.5 });
    }
  },
};

async function connect(
  script?: LiveScript,
  {
    query = "?intent=transcription",
    refuse,
    headers = {},
  }: { query?: string; refuse?: () => void; headers?: Record<string, string> } = {},
) {
  const live = await startLive({ ...(script && { script }), ...(refuse && { refuse }) });
  const url = `ws://127.0.0.1:${live.server.httpPort}/v1/realtime${query}`;
  const client = await new TestSocket(url, [], { headers }).open();
  return { ...live, client };
}

/** What is told of items in order: types, without the text's. */
const typesOf = (messages: Message[]) => messages.map(({ type }) => type);
const deltasOf = (messages: Message[]) =>
  messages.filter(({ type }) => type === DELTA).map(({ delta }) => delta);

describe("a session that transcribes", () => {
  it("tells text as deltas that stand, and an item as all of them", async () => {
    const { client, transcriber } = await connect(UTTERANCE);
    expect((await client.next()).type).toBe("session.created");
    client.send(update({ turn_detection: { type: "server_vad", silence_duration_ms: 600, threshold: 0.6 } }));
    const { session } = await client.next();
    expect(session.audio.input).toMatchObject({
      format: { type: "audio/pcm", rate: 24_000 },
      turn_detection: {
        type: "server_vad",
        threshold: 0.6,
        prefix_padding_ms: 300,
        silence_duration_ms: 600,
      },
    });
    for (let i = 0; i < 3; i++) client.send(append());
    const completed = await client.find(({ type }) => type === COMPLETED);
    const told = client.messages.slice(2);
    expect(typesOf(told)).toEqual([
      "input_audio_buffer.speech_started",
      DELTA,
      DELTA,
      DELTA,
      DELTA,
      "input_audio_buffer.speech_stopped",
      "input_audio_buffer.committed",
      "conversation.item.added",
      "conversation.item.done",
      DELTA,
      COMPLETED,
    ]);
    expect(deltasOf(told)).toEqual(["Hello", " world", ", and", " goodbye", "."]);
    expect(completed.transcript).toBe(deltasOf(told).join(""));
    expect(completed.usage).toEqual({ type: "duration", seconds: 1.8 });
    expect(told[0]).toMatchObject({ audio_start_ms: 700 });
    expect(told[5]).toMatchObject({ audio_end_ms: 2500 });
    expect(new Set(told.filter(({ item_id }) => item_id).map(({ item_id }) => item_id)).size).toBe(1);
    expect(new Set(client.messages.map(({ event_id }) => event_id)).size).toBe(client.messages.length);
    expect(transcriber.streams[0]!.options).toMatchObject({
      sampleRate: 24_000,
      encoding: "s16le",
      interim: true,
      endpointMs: 600,
      vadOptions: { threshold: 0.6 },
    });
  });

  it("joins items to those before them", async () => {
    const { client } = await connect({
      onWrite(stream) {
        stream.say({ type: "speech-start", channel: 0, utterance: 0, time: 0 });
        stream.say(final("One."));
        stream.say({ type: "speech-end", channel: 0, utterance: 0, time: 1 });
      },
    });
    client.send(append());
    client.send(append());
    const committed = [];
    for (let i = 0; i < 2; i++)
      committed.push(await client.find(({ type }) => type === "input_audio_buffer.committed"));
    expect(committed[0].previous_item_id).toBeNull();
    expect(committed[1].previous_item_id).toBe(committed[0].item_id);
  });

  it("completes with nothing what nobody understood", async () => {
    const { client } = await connect({
      onWrite(stream) {
        stream.say({ type: "speech-start", channel: 0, utterance: 0, time: 0 });
        stream.say(partial("hm"));
        stream.say(partial(""));
        stream.say({ type: "speech-end", channel: 0, utterance: 0, time: 1 });
      },
    });
    client.send(append());
    expect((await client.find(({ type }) => type === COMPLETED)).transcript).toBe("");
  });

  it("keeps to what it has told where a guard takes it back", async () => {
    const { client } = await connect({
      onWrite(stream) {
        stream.say({ type: "speech-start", channel: 0, utterance: 0, time: 0 });
        stream.say(partial("Hello wurld and", { stableLength: 11 }));
        stream.say(partial("Hello there", { stableLength: 5 }));
        stream.say(final("Hello world and goodbye."));
        stream.say({ type: "speech-end", channel: 0, utterance: 0, time: 1 });
      },
    });
    client.send(append());
    const { transcript } = await client.find(({ type }) => type === COMPLETED);
    expect(transcript).toBe("Hello wurld and goodbye.");
    expect(deltasOf(client.messages).join("")).toBe(transcript);
  });

  it("without turn detection tells what was said when the client commits, and no sooner", async () => {
    const { client, transcriber } = await connect({
      onWrite(stream, bytes) {
        if (bytes !== 2 * PIECE.length) return;
        stream.say({ type: "speech-start", channel: 0, utterance: 0, time: 0 });
        stream.say(final("First sentence."));
        stream.say({ type: "speech-end", channel: 0, utterance: 0, time: 1 });
      },
      onFlush: (stream) => stream.say(final("And more.")),
    });
    await client.next();
    client.send(update({ turn_detection: null }));
    expect((await client.next()).session.audio.input.turn_detection).toBeNull();
    for (let i = 0; i < 3; i++) client.send(append());
    await until(() => transcriber.streams[0]?.bytes.length === 3 * PIECE.length);
    expect(transcriber.streams[0]!.options.interim).toBe(false);
    expect(client.messages).toHaveLength(2);
    client.send({ type: "input_audio_buffer.commit" });
    const completed = await client.find(({ type }) => type === COMPLETED);
    expect(typesOf(client.messages.slice(2))).toEqual([
      "input_audio_buffer.committed",
      "conversation.item.added",
      "conversation.item.done",
      DELTA,
      DELTA,
      COMPLETED,
    ]);
    expect(completed.transcript).toBe("First sentence. And more.");
    expect(completed.usage.seconds).toBeCloseTo(0.3);
    client.send({ type: "input_audio_buffer.commit" });
    const { error } = await client.find(({ type }) => type === "error");
    expect(error.code).toBe("input_audio_buffer_commit_empty");
  });

  it("completes what the client commits before the end of a turn is noticed, as one item", async () => {
    const { client } = await connect({
      onFlush(stream) {
        stream.say({ type: "speech-start", channel: 0, utterance: 0, time: 0 });
        stream.say(final("Sooner than you."));
        stream.say({ type: "speech-end", channel: 0, utterance: 0, time: 0.1 });
      },
    });
    client.send(append());
    client.send({ type: "input_audio_buffer.commit" });
    client.send(update({}));
    await client.find(({ type }) => type === "session.updated");
    const told = (kind: string) => client.messages.filter(({ type }) => type === kind);
    expect(told("input_audio_buffer.committed")).toHaveLength(1);
    expect(told(COMPLETED)).toMatchObject([
      { item_id: told("input_audio_buffer.committed")[0].item_id, transcript: "Sooner than you." },
    ]);
  });

  it("is told what it has not committed yet when the server stops", async () => {
    const { client, server } = await connect({
      onWrite: (stream) => stream.say(final("Half a sentence,", { endOfUtterance: false })),
      onEnd: (stream) => stream.say(final("and the rest.")),
    });
    client.send(update({ turn_detection: null }));
    client.send(append());
    client.send(update({ turn_detection: null }));
    await client.find(({ type }) => type === "session.updated");
    await client.find(({ type }) => type === "session.updated");
    const stopped = server.stop();
    expect((await client.find(({ type }) => type === COMPLETED)).transcript).toBe(
      "Half a sentence, and the rest.",
    );
    expect((await client.end()).code).toBe(1012);
    await stopped;
  });

  it("forgets what is cleared", async () => {
    const { client } = await connect({ onFlush: (stream) => stream.say(final("Nobody's business.")) });
    client.send(update({ turn_detection: null }));
    client.send(append());
    client.send({ type: "input_audio_buffer.clear" });
    await client.find(({ type }) => type === "input_audio_buffer.cleared");
    client.send({ type: "input_audio_buffer.commit" });
    await client.find(({ type }) => type === "error");
    expect(deltasOf(client.messages)).toEqual([]);
  });

  it("begins another stream where the sound changes, and goes on counting", async () => {
    const { client, transcriber } = await connect({
      onEnd: (stream) => stream.say(final("Before.")),
      onWrite(stream) {
        if (stream.options.encoding === "mulaw")
          stream.say({ type: "speech-start", channel: 0, utterance: 0, time: 1 });
      },
    });
    for (let i = 0; i < 10; i++) client.send(append());
    client.send(
      update({ format: { type: "audio/pcmu" }, transcription: { model: "whisper-1", language: "de" } }),
    );
    client.send(append(Buffer.alloc(800)));
    const started = await client.find(({ type }) => type === "input_audio_buffer.speech_started");
    expect(started.audio_start_ms).toBe(1000 + 1000 - 300);
    expect((await client.messages.find(({ type }) => type === COMPLETED)).transcript).toBe("Before.");
    expect(transcriber.streams[0]!.isEnded).toBe(true);
    expect(transcriber.streams[1]!.options).toMatchObject({
      encoding: "mulaw",
      sampleRate: 8000,
      language: "de",
    });
  });

  it("speaks as the beta does with those who do", async () => {
    const { client, transcriber } = await connect(UTTERANCE, { headers: { "openai-beta": "realtime=v1" } });
    expect((await client.next()).type).toBe("transcription_session.created");
    client.send({
      type: "transcription_session.update",
      session: {
        input_audio_format: "pcm16",
        input_audio_transcription: { model: "gpt-4o-transcribe", language: "ru", prompt: "A call." },
        turn_detection: { type: "server_vad" },
      },
    });
    const updated = await client.next();
    expect(updated.type).toBe("transcription_session.updated");
    expect(updated.session).toMatchObject({ input_audio_format: "pcm16" });
    for (let i = 0; i < 3; i++) client.send(append());
    await client.find(({ type }) => type === COMPLETED);
    expect(typesOf(client.messages)).toContain("conversation.item.created");
    expect(transcriber.streams[0]!.options).toMatchObject({ language: "ru", initialPrompt: "A call." });
  });

  it.each<[string, object | string, string | null]>([
    ["no JSON", "hello", null],
    ["no type", {}, "type"],
    ["what speaks", { type: "response.create", event_id: "mine" }, "type"],
    ["a session that speaks", { type: "session.update", session: { type: "realtime" } }, "session.type"],
    [
      "another rate",
      update({ format: { type: "audio/pcm", rate: 16_000 } }),
      "session.audio.input.format.rate",
    ],
    ["another format", update({ format: { type: "audio/mp3" } }), "session.audio.input.format.type"],
    [
      "another turn detection",
      update({ turn_detection: { type: "psychic" } }),
      "session.audio.input.turn_detection.type",
    ],
    [
      "a language that is none",
      update({ transcription: { language: "klingonese" } }),
      "session.audio.input.transcription.language",
    ],
    ["audio that is none", { type: "input_audio_buffer.append", audio: "§§§§" }, "audio"],
    [
      "audio that is none, and much of it",
      { type: "input_audio_buffer.append", audio: `${"=".repeat(1e6)}x` },
      "audio",
    ],
    ["audio of another kind", { type: "input_audio_buffer.append", audio: 5 }, "audio"],
    ["bytes", Buffer.alloc(3), null],
  ])("answers %s with an error, and goes on", async (_, event, param) => {
    const { client } = await connect(UTTERANCE);
    await client.next();
    client.send(event as object);
    const { error, type } = await client.next();
    expect(type).toBe("error");
    expect(error).toMatchObject({ type: "invalid_request_error", param });
    if (typeof event === "object" && "event_id" in event) expect(error.event_id).toBe("mine");
    for (let i = 0; i < 3; i++) client.send(append());
    await client.find((message) => message.type === COMPLETED);
  });

  it("says that there is no room, and ends", async () => {
    const { client } = await connect(undefined, {
      refuse: () => {
        throw new TranscriptionError("QUEUE_FULL", "Too many streams");
      },
    });
    client.send(append());
    expect((await client.find(({ type }) => type === "error")).error.type).toBe("rate_limit_error");
    expect((await client.end()).code).toBe(1013);
  });

  it("takes audio of 15 MiB in an event, cut within a sample", async () => {
    const { client, transcriber } = await connect();
    const bytes = Buffer.alloc(11 * 1024 ** 2 + 1, 7);
    client.send(append(bytes));
    client.send(append(bytes));
    await until(() => transcriber.streams[0]?.written.length === 2);
    expect(transcriber.streams[0]!.bytes.length).toBe(2 * bytes.length);
  });
});

describe("the HTTP door", () => {
  it("asks for the token where a browser can bring it", async () => {
    const { server } = await startLive({ settings: { apiToken: TOKEN } });
    const url = `ws://127.0.0.1:${server.httpPort}/v1/realtime?intent=transcription`;
    expect(await handshakeStatus(url)).toBe(401);
    expect(await handshakeStatus(`${url}&token=${TOKEN}`)).toBe(401);
    expect(await handshakeStatus(url, { authorization: `Bearer ${TOKEN}` })).toBe(101);
    expect(await handshakeStatus(url, {}, ["realtime", `openai-insecure-api-key.${TOKEN}`])).toBe(101);
    expect(await handshakeStatus(url, {}, ["realtime", "openai-insecure-api-key.wrong"])).toBe(401);
    const client = await new TestSocket(url, ["realtime", `openai-insecure-api-key.${TOKEN}`]).open();
    expect(client.socket.protocol).toBe("realtime");
  });

  it("lets no foreign page in, and says where there is nothing", async () => {
    const { server } = await startLive();
    const url = `ws://127.0.0.1:${server.httpPort}`;
    expect(await handshakeStatus(`${url}/v1/realtime`, { origin: "https://evil.example" })).toBe(403);
    expect(await handshakeStatus(`${url}/v1/realtime`, { host: "evil.example" })).toBe(403);
    expect(await handshakeStatus(`${url}/v1/models`)).toBe(404);
    expect(
      await handshakeStatus(`${url}/v1/realtime`, { origin: `http://127.0.0.1:${server.httpPort}` }),
    ).toBe(101);
  });

  it("answers those who would rather speak HTTP/2 as it answers everybody", async () => {
    const { server } = await startLive();
    const { request } = await import("node:http");
    const body = '{"a":1}';
    const sending = request(`http://127.0.0.1:${server.httpPort}/v1/models`, {
      method: "GET",
      headers: {
        connection: "Upgrade, HTTP2-Settings",
        upgrade: "h2c",
        "http2-settings": "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
        "content-type": "application/json",
        "content-length": body.length,
      },
    });
    sending.end(body);
    const [response] = await once(sending, "response");
    expect(response.statusCode).toBe(200);
  });
});

describe.skipIf(!hasOpenssl)("OpenAI's own client (needs openssl: it speaks through TLS alone)", () => {
  it("hears what is said", async () => {
    const pem = await authority();
    const { server } = await startLive({
      script: UTTERANCE,
      settings: { apiToken: TOKEN, tlsCertificate: pem.path("server.pem"), tlsKey: pem.path("server.key") },
    });
    const client = new OpenAI({ apiKey: TOKEN, baseURL: `https://localhost:${server.httpPort}/v1` });
    const live = new OpenAIRealtimeWS(
      // The server listens on an address of IPv4.
      { model: "gpt-4o-transcribe", options: { ca: readFileSync(pem.path("ca.pem")), family: 4 } },
      client,
    );
    onTestFinished(() => live.close());
    const events: RealtimeServerEvent[] = [];
    live.on("event", (event) => events.push(event));
    const failed = new Promise<never>((_, reject) => live.on("error", reject));
    const completed = new Promise<string>((resolve) =>
      live.on(COMPLETED, ({ transcript }) => resolve(transcript)),
    );
    await Promise.race([once(live.socket, "open"), failed]);
    live.send({
      type: "session.update",
      session: {
        type: "transcription",
        audio: { input: { transcription: { model: "gpt-4o-transcribe", language: "en" } } },
      },
    });
    for (let i = 0; i < 3; i++)
      live.send({ type: "input_audio_buffer.append", audio: PIECE.toString("base64") });
    expect(await Promise.race([completed, failed])).toBe("Hello world, and goodbye.");
    const deltas = events.flatMap((event) => (event.type === DELTA ? (event.delta ?? "") : []));
    expect(deltas.join("")).toBe("Hello world, and goodbye.");
  });
});
