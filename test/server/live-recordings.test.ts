import { readFile } from "node:fs/promises";
import { join as joinPath } from "node:path";
import { Client, credentials, Metadata, type MethodDefinition } from "@grpc/grpc-js";
import { describe, expect, it, onTestFinished } from "vitest";
import { loadDefinitions, serviceIn, V2_SERVICE } from "../../src/doors/grpc/definitions.js";
import type { LiveDone, LiveEvent } from "../../src/doors/grpc/v2/messages.js";
import type { AudioInput, LiveOptions, Transcriber } from "../../src/index.js";
import { openServer } from "../../src/server/server.js";
import { readSettings } from "../../src/service/read-settings.js";
import type { ServerSettings } from "../../src/service/settings.js";
import { jobWhen } from "../support/jobs.js";
import { TestSocket } from "../support/live-server.js";
import { AsteriskChannel, audioSocketFrame } from "../support/phone-calls.js";
import { result, segment } from "../support/results.js";
import { scriptedTranscriber } from "../support/scripted-live.js";
import { bytesOf, join, liveStream, said, silence, words } from "../support/scripted-speech.js";
import { until } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import type { Message } from "../support/v2-client.js";

const TALK = bytesOf(join([words(0, 3), silence(1)]));
const HEADER = 44;

/** A server with every live door, whose streams are scripted ones, and what it keeps. */
async function start(settings: Partial<ServerSettings> = {}) {
  const [recordingsStore, jobsFolder] = [await temporaryFolder(), await temporaryFolder()];
  const lines: string[] = [];
  const asked: object[] = [];
  const transcriber = Object.assign(scriptedTranscriber(), {
    live: (options: LiveOptions) => liveStream(options),
    transcribe: async (_: AudioInput, options: object) => {
      asked.push(options);
      return result([segment(0, 1, "Once more.")]);
    },
  }) as Transcriber;
  const server = await openServer(
    {
      ...readSettings({}),
      host: "localhost",
      port: 0,
      httpHost: "127.0.0.1",
      httpPort: 0,
      whisperLivePort: 0,
      voskPort: 0,
      audioSocketPort: 0,
      recordingsStore,
      jobsFolder,
      ...settings,
    },
    { transcriber, log: (line) => lines.push(line) },
  );
  onTestFinished(() => server.stop());
  await server.ready;
  const url = `http://127.0.0.1:${server.httpPort}`;
  const kept = (id: string) => readFile(joinPath(recordingsStore, id, "audio"));
  const ids = () => lines.flatMap((line) => /Kept its audio as (rec_\w+)/.exec(line)?.[1] ?? []);
  return { server, lines, asked, url, kept, ids };
}

/** Sends `audio` over gRPC. @returns the last event; a call that is cancelled has none */
async function overGrpc(port: number, config: Message, audio: Uint8Array, leaves = false) {
  const client = new Client(`localhost:${port}`, credentials.createInsecure());
  onTestFinished(() => client.close());
  const { path, requestSerialize, responseDeserialize } = serviceIn(loadDefinitions(), V2_SERVICE)
    .TranscribeLive as unknown as MethodDefinition<Message, LiveEvent>;
  const metadata = new Metadata();
  const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, {});
  return new Promise<LiveDone | undefined>((resolve, reject) => {
    let done: LiveDone | undefined;
    call.on("data", (event: LiveEvent) => {
      done = event.done;
      if (leaves && event.event === "speech_start") call.cancel();
    });
    call.on("end", () => resolve(done));
    call.on("error", (error) => (leaves ? resolve(undefined) : reject(error)));
    call.write({ config: { language: "en", ...config } });
    for (let at = 0; at < audio.length; at += 3200) call.write({ audio: audio.subarray(at, at + 3200) });
    if (!leaves) call.end();
  });
}

describe("recordings of live streams", () => {
  it("are kept where a client of gRPC asks for it, and named at the end", async () => {
    const { server, kept, lines } = await start();
    const done = (await overGrpc(server.port, { record: true }, TALK))!;
    expect(done).toMatchObject({ received: 2.5, processed: 2.5, recorded: 2.5, job_id: "" });
    expect(new Uint8Array((await kept(done.recording_id)).subarray(HEADER))).toEqual(TALK);
    expect(lines.join("\n")).toContain(`Kept its audio as ${done.recording_id}`);
    const without = await overGrpc(server.port, {}, TALK);
    expect(without).toMatchObject({ received: 2.5, recorded: 0, recording_id: "", job_id: "" });
  });

  it("are transcribed once more as a job, with what the stream was asked for", async () => {
    const { server, asked, url } = await start();
    const config = { transcribe_again: true, task: "TASK_TRANSLATE", initial_prompt: "Agora", words: true };
    const done = (await overGrpc(server.port, config, TALK))!;
    const job = await jobWhen(url, done.job_id, "succeeded");
    expect(job.metadata).toMatchObject({ live_request_id: expect.any(String) });
    expect(asked).toMatchObject([
      { language: "en", task: "translate", initialPrompt: "Agora", wordTimestamps: true, priority: "bulk" },
    ]);
    const result = await (await fetch(`${url}/v1/jobs/${done.job_id}/result`)).json();
    expect(result).toMatchObject({ text: "Once more." });
    const file = await fetch(`${url}/api/recordings/${done.recording_id}/audio`);
    expect(file.status).toBe(200);
  });

  it("are kept of every door where the server says so", async () => {
    const { server, ids, kept, url } = await start({ liveRecord: true });
    const ws = url.replace("http", "ws");
    const audio = Buffer.from(TALK);

    const vosk = await new TestSocket(`ws://127.0.0.1:${server.livePorts.voskPort}`).open();
    vosk.send({ config: { sample_rate: 16_000 } });
    vosk.send(audio);
    vosk.send({ eof: 1 });
    await vosk.end();
    expect(vosk.messages.at(-1)).toMatchObject({ text: said(0, 3) });

    const whisperLive = await new TestSocket(`ws://127.0.0.1:${server.livePorts.whisperLivePort}`).open();
    const first = { uid: "1", language: "en", task: "transcribe", model: "small", audio_format: "int16" };
    whisperLive.send(first);
    await whisperLive.find(({ message }) => message === "SERVER_READY");
    whisperLive.send(audio);
    whisperLive.send(Buffer.from("END_OF_AUDIO"));
    await whisperLive.end();

    const deepgram = await new TestSocket(`${ws}/v1/listen?encoding=linear16&sample_rate=16000`).open();
    deepgram.send(audio);
    deepgram.send({ type: "CloseStream" });
    await deepgram.end();

    const realtime = await new TestSocket(`${ws}/v1/realtime?intent=transcription`).open();
    const input = { turn_detection: null };
    realtime.send({ type: "session.update", session: { type: "transcription", audio: { input } } });
    realtime.send({ type: "input_audio_buffer.append", audio: audio.toString("base64") });
    realtime.send({ type: "input_audio_buffer.commit" });
    await realtime.find(({ type }) => type.endsWith("input_audio_transcription.completed"));
    realtime.socket.close();

    const asterisk = new AsteriskChannel(server.livePorts.audioSocketPort!);
    asterisk.join("40325ec2-5efd-4bd3-805f-53576e581d13");
    const pieces = [audio.subarray(0, 40_000), audio.subarray(40_000)];
    asterisk.socket.write(Buffer.concat(pieces.map((piece) => audioSocketFrame(0x12, piece))));
    asterisk.send(0x00);
    await asterisk.closed();

    const tracks = { inbound: Buffer.alloc(8000, 0x2a), outbound: Buffer.alloc(4000, 0x55) };
    const twilio = await new TestSocket(`${ws}/api/calls/twilio`).open();
    twilio.send({ event: "start", start: { callSid: "CA1", tracks: Object.keys(tracks) } });
    for (const [track, bytes] of Object.entries(tracks))
      twilio.send({ event: "media", media: { track, timestamp: "0", payload: bytes.toString("base64") } });
    twilio.send({ event: "stop" });
    await twilio.end();

    await overGrpc(server.port, {}, TALK);
    await until(() => ids().length === 8);
    const files = await Promise.all(ids().map(async (id) => (await kept(id)).subarray(HEADER)));
    const said64 = [...Array(6).fill(audio), ...Object.values(tracks)].map((bytes) =>
      bytes.toString("base64"),
    );
    expect(files.map((file) => file.toString("base64")).sort()).toEqual(said64.sort());
  });

  it("have what there was of a stream whose client is gone", async () => {
    const { server, ids, kept } = await start({ liveRecord: true });
    await overGrpc(server.port, {}, TALK, true);
    await until(() => ids().length === 1);
    const file = await kept(ids()[0]!);
    expect(file.length).toBeGreaterThan(HEADER);
    expect(TALK.length).toBeGreaterThanOrEqual(file.length - HEADER);
    expect(new Uint8Array(file.subarray(HEADER))).toEqual(TALK.subarray(0, file.length - HEADER));
  });

  it("are none of a stream without audio", async () => {
    const { server, ids } = await start({ liveRecord: true });
    expect(await overGrpc(server.port, {}, new Uint8Array(0))).toMatchObject({ recording_id: "" });
    expect(ids()).toEqual([]);
  });

  it("are refused by a server that keeps none", async () => {
    const { server } = await start({ recordingsStore: undefined });
    await expect(overGrpc(server.port, { record: true }, TALK)).rejects.toThrow("RECORDINGS_STORE");
    const checking = (variables: Record<string, string>) => () => readSettings(variables);
    expect(checking({ LIVE_RECORD: "true" })).toThrow("RECORDINGS_STORE");
    expect(checking({ LIVE_AGAIN: "true", RECORDINGS_STORE: "https://crm.example.org/{id}" })).toThrow(
      "LIVE_AGAIN",
    );
    expect(checking({ LIVE_AGAIN: "true", RECORDINGS_STORE: "/srv/recordings" })).not.toThrow();
  });
});
