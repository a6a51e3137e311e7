import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Client, credentials, type MethodDefinition } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { loadDefinitions, serviceIn, V2_SERVICE } from "../../src/doors/grpc/definitions.js";
import type { LiveEvent } from "../../src/doors/grpc/v2/messages.js";
import { type RunningServer, startServer } from "../../src/server/server.js";
import { wav } from "../support/audio.js";
import { type Message, TestSocket } from "../support/live-server.js";
import { AsteriskChannel, endedCall } from "../support/phone-calls.js";
import { sampleAudio, sampleTurns } from "../support/samples.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { wordErrorRate } from "../support/word-error-rate.js";

const PYTHON = fileURLToPath(new URL("../../build/tools/whisper-live/bin/python", import.meta.url));
const CLIENT = fileURLToPath(new URL("../support/whisper_live_client.py", import.meta.url));
const hasClient = spawnSync(PYTHON, ["-c", "import websocket, av, scipy"]).status === 0;

/** The beginning of a call, up to the end of a turn, and what is said in it. */
const TURNS = sampleTurns("sales-call-en").slice(0, 3);
const END = TURNS.at(-1)!.end + 0.3;
const TEXT = TURNS.map(({ text }) => text).join(" ");
const { samples } = sampleAudio("sales-call-en", 0, END);
const INT16 = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
const FLOAT32 = Buffer.from(Float32Array.from(samples, (sample) => sample / 32_768).buffer);
/** Share of words that the demo model may get wrong. */
const WRONG = 0.1;

let server: RunningServer;
beforeAll(async () => {
  server = await startServer(
    {
      host: "localhost",
      port: 0,
      httpPort: 0,
      whisperLivePort: 0,
      voskPort: 0,
      audioSocketPort: 0,
      model: "demo",
    },
    { log: () => {} },
  );
  await server.ready;
});
afterAll(() => server.stop());

function* pieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

const errorsOf = (texts: readonly string[]): number => wordErrorRate(TEXT, texts.join(" ")).rate;

describe("the demo model, live", () => {
  it("is heard by clients of WhisperLive", async () => {
    const client = await new TestSocket(`ws://127.0.0.1:${server.livePorts.whisperLivePort}`).open();
    client.send({ uid: "1", language: null, task: "transcribe", model: "small", use_vad: true });
    for (const piece of pieces(FLOAT32, 4099)) client.send(piece);
    client.send(Buffer.from("END_OF_AUDIO"));
    await client.end();
    const completed = new Map<string, string>();
    for (const { segments = [] } of client.messages)
      for (const { completed: isDone, start, text } of segments)
        if (isDone) completed.set(start, text.trim());
    expect(errorsOf([...completed.values()])).toBeLessThanOrEqual(WRONG);
    expect(client.messages[1]).toMatchObject({ uid: "1", language: "en" });
    expect(client.messages.some(({ segments }) => segments?.at(-1).completed === false)).toBe(true);
  });

  it("is heard by clients of Vosk that wait for each answer", async () => {
    const client = await new TestSocket(`ws://127.0.0.1:${server.livePorts.voskPort}`).open();
    client.send({ config: { sample_rate: 16_000 } });
    const texts: string[] = [];
    let answers = 0;
    for (const piece of pieces(INT16, 8000)) {
      client.send(piece);
      const { text } = await client.next();
      if (text) texts.push(text);
      answers++;
    }
    client.send('{"eof" : 1}');
    const last = await client.next();
    await client.end();
    expect(client.messages).toHaveLength(answers + 1);
    expect(errorsOf([...texts, last.text])).toBeLessThanOrEqual(WRONG);
    // What is over has its result before the end.
    expect(texts.length).toBeGreaterThanOrEqual(1);
    for (const { conf, end, start, word } of client.messages.flatMap(({ result = [] }) => result)) {
      expect(word).toMatch(/\S/);
      expect(conf).toBeGreaterThan(0);
      expect(end).toBeGreaterThanOrEqual(start);
    }
  });

  it("is heard by clients of OpenAI's Realtime API, whose deltas stand", async () => {
    const url = `ws://127.0.0.1:${server.httpPort}/v1/realtime?intent=transcription`;
    const client = await new TestSocket(url).open();
    const upsampled = upsample(samples as Int16Array);
    for (const piece of pieces(upsampled, 9601))
      client.send({ type: "input_audio_buffer.append", audio: piece.toString("base64") });
    client.send({ type: "input_audio_buffer.append", audio: Buffer.alloc(48_000).toString("base64") });
    const completed: Message[] = [];
    while (errorsOf(completed.map(({ transcript }) => transcript)) > WRONG)
      completed.push(await client.find(({ type }) => /transcription\.completed$/.test(type)));
    for (const { item_id, transcript } of completed) {
      const deltas = client.messages.filter((message) => message.item_id === item_id && "delta" in message);
      expect(deltas.map(({ delta }) => delta).join("")).toBe(transcript);
    }
    client.socket.close();
    await client.end();
  });

  it("is heard in a phone call of two parties, of whom one listens", async () => {
    const uuid = "40325ec2-5efd-4bd3-805f-53576e581d13";
    const parties = [0, 1].map(() => new AsteriskChannel(server.livePorts.audioSocketPort!).join(uuid));
    for (const piece of pieces(INT16, 6401)) {
      parties[0]!.send(0x12, piece);
      parties[1]!.send(0x12, Buffer.alloc(piece.length));
    }
    for (const party of parties) party.send(0x00);
    const { legs, segments } = await endedCall(server.httpPort!, uuid);
    const seconds = samples.length / 16_000;
    for (const { error, processed, received } of legs) {
      expect(error).toBeNull();
      expect(received).toBeCloseTo(seconds, 3);
      expect(processed).toBe(received);
    }
    const [speaker] = new Set(segments.map(({ channel }: Message) => channel));
    expect(segments.every(({ channel }: Message) => channel === speaker)).toBe(true);
    expect(errorsOf(segments.map(({ text }: Message) => text))).toBeLessThanOrEqual(WRONG);
  });

  it("is heard through gRPC, on two channels", async () => {
    const client = new Client(`localhost:${server.port}`, credentials.createInsecure());
    onTestFinished(() => client.close());
    const { path, requestSerialize, responseDeserialize } = serviceIn(loadDefinitions(), V2_SERVICE)
      .TranscribeLive as unknown as MethodDefinition<object, LiveEvent>;
    const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    const events: LiveEvent[] = [];
    call.on("data", (event: LiveEvent) => events.push(event));
    call.write({ config: { channels: 2, words: true, language: "en" } });
    // The second channel is silent.
    const both = new Int16Array(2 * samples.length);
    for (const [i, sample] of samples.entries()) both[2 * i] = sample;
    for (const piece of pieces(Buffer.from(both.buffer), 6401)) call.write({ audio: piece });
    call.end();
    await once(call, "end");
    const finals = events.flatMap(({ final }) => final ?? []);
    expect(errorsOf(finals.map(({ text }) => text))).toBeLessThanOrEqual(WRONG);
    expect(finals.every(({ channel, words }) => channel === 0 && words.length > 0)).toBe(true);
    const { done } = events.at(-1)!;
    expect(done!.processed).toBe(done!.received);
    expect(done!.received).toBeCloseTo(samples.length / 16_000, 3);
  });
});

describe.skipIf(!hasClient)("WhisperLive's own client (needs scripts/install-whisper-live.sh)", () => {
  it("writes the subtitles of a recording", async () => {
    const folder = await temporaryFolder();
    const [recording, subtitles] = [join(folder, "call.wav"), join(folder, "call.srt")];
    await writeFile(recording, wav([Float32Array.from(samples, (sample) => sample / 32_768)], 16_000));
    const port = String(server.livePorts.whisperLivePort);
    const { stdout } = await promisify(execFile)(PYTHON, [CLIENT, port, recording, subtitles, "-"], {
      cwd: folder,
    });
    const result = JSON.parse(/^RESULT (.*)$/m.exec(stdout)![1]!);
    expect(result).toMatchObject({ language: "en", backend: "faster_whisper", error: false });
    const cues = readFileSync(subtitles, "utf8").trim().split("\n\n");
    // As many as there are completed segments: nothing stands there twice.
    expect(cues).toHaveLength(result.transcript.length);
    expect(errorsOf(cues.map((cue) => cue.split("\n").slice(2).join(" ")))).toBeLessThanOrEqual(WRONG);
  });
});

/** 24 kHz of 16, in between by straight lines. */
function upsample(samples: Int16Array): Buffer {
  const longer = Int16Array.from({ length: Math.floor(samples.length * 1.5) - 2 }, (_, i) => {
    const at = i / 1.5;
    const [left, right] = [samples[Math.floor(at)]!, samples[Math.ceil(at)]!];
    return Math.round(left + (right - left) * (at - Math.floor(at)));
  });
  return Buffer.from(longer.buffer);
}
