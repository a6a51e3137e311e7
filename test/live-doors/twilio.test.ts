import { createHmac } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { ServerSettings } from "../../src/service/settings.js";
import { handshakeStatus, type Message, startLive, TestSocket } from "../support/live-server.js";
import { askCalls, endedCall, followCall } from "../support/phone-calls.js";
import { final, type LiveScript } from "../support/scripted-live.js";
import { until } from "../support/server.js";

const TOKEN = "correct-horse-battery";
const AUTH_TOKEN = "0123456789abcdef0123456789abcdef";
const PATH = "/api/calls/twilio";
const SID = "CA0123456789abcdef0123456789abcdef";

async function connect(script?: LiveScript, settings: Partial<ServerSettings> = {}) {
  const live = await startLive({ ...(script && { script }), settings });
  const http = live.server.httpPort!;
  const client = await new TestSocket(`ws://127.0.0.1:${http}${PATH}`).open();
  return { ...live, client, http };
}

const CONNECTED = { event: "connected", protocol: "Call", version: "1.0.0" };
const start = (tracks: string[] = ["inbound", "outbound"], more: object = {}) => ({
  event: "start",
  sequenceNumber: "1",
  streamSid: "MZ0123456789abcdef0123456789abcdef",
  start: {
    accountSid: "AC0123456789abcdef0123456789abcdef",
    streamSid: "MZ0123456789abcdef0123456789abcdef",
    callSid: SID,
    tracks,
    mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
    customParameters: {},
    ...more,
  },
});
/** 20 ms, unless there are to be more. */
const media = (track: string, timestamp: number, bytes: Uint8Array = Buffer.alloc(160, 0x2a)) => ({
  event: "media",
  sequenceNumber: "2",
  media: { track, chunk: "1", timestamp: `${timestamp}`, payload: Buffer.from(bytes).toString("base64") },
  streamSid: "MZ0123456789abcdef0123456789abcdef",
});
const STOP = { event: "stop", sequenceNumber: "9", stop: { accountSid: "AC0", callSid: SID } };

describe("a media stream of Twilio's", () => {
  it("is a call of two channels, on the clock of its timestamps", async () => {
    const { client, http, transcriber } = await connect({
      onEnd: (stream) => stream.say(final(`${stream.bytes.length} bytes.`, { start: 0, end: 0.25 })),
    });
    const parameters = { language: "en-US", keywords: "Agora, CRM", prompt: "A sale." };
    client.send(CONNECTED);
    client.send(start(["inbound", "outbound"], { customParameters: parameters }));
    for (let at = 0; at < 100; at += 20) client.send(media("inbound", at));
    client.send(media("outbound", 1000));
    client.send({ event: "dtmf", streamSid: "MZ", dtmf: { track: "inbound_track", digit: "1" } });
    client.send({ event: "dtmf", streamSid: "MZ", dtmf: { track: "outbound_track", digit: "7" } });
    client.send({ event: "mark", streamSid: "MZ", mark: { name: "greeted" } });
    client.send(STOP);
    expect((await client.end()).code).toBe(1000);
    const { legs, segments, source } = await endedCall(http, SID);
    expect(source).toBe("twilio");
    expect(transcriber.streams.map(({ options }) => options)).toMatchObject(
      [0, 1].map(() => ({
        encoding: "mulaw",
        sampleRate: 8000,
        words: true,
        language: "en",
        initialPrompt: "A sale.",
        hotwords: ["Agora", "CRM"],
      })),
    );
    expect(legs).toMatchObject([
      { channel: 0, name: "inbound", received: 0.1, processed: 0.1, error: null },
      { channel: 1, name: "outbound", received: 0.02, processed: 0.02, error: null },
    ]);
    const [inbound, outbound] = segments;
    expect([inbound.text, outbound.text]).toEqual(["800 bytes.", "160 bytes."]);
    expect(outbound.start - inbound.start).toBeCloseTo(1, 2);
    const { ended, seen } = followCall(http, SID);
    await ended;
    const told = (type: string) => seen.filter(({ data }) => data.type === type).map(({ data }) => data);
    expect(told("call.dtmf")).toMatchObject([
      { channel: 0, digit: "1" },
      { channel: 1, digit: "7" },
    ]);
    expect(told("call.mark")).toMatchObject([{ name: "greeted" }]);
    expect(told("call.leg_started").map(({ name }) => name)).toEqual(["inbound", "outbound"]);
  });

  it("has silence where timestamps leave a gap, and none where they waver", async () => {
    const { client, http, transcriber } = await connect();
    client.send(start(["inbound"]));
    for (const at of [0, 20, 45, 55, 80]) client.send(media("inbound", at));
    client.send(media("inbound", 2600));
    client.send(STOP);
    const { legs } = await endedCall(http, SID);
    expect(legs).toMatchObject([{ received: 2.62, processed: 2.62 }]);
    const { bytes } = transcriber.streams[0]!;
    expect(bytes.subarray(800, -160).every((byte) => byte === 0xff)).toBe(true);
    expect(bytes.subarray(-160).every((byte) => byte === 0x2a)).toBe(true);
  });

  it("is heard to its end where the call is gone without a word", async () => {
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { client, http, transcriber } = await connect({
      onWrite: (_, bytes) => (bytes > 160 ? opened : undefined),
      onEnd: (stream) => stream.say(final(`${stream.bytes.length} bytes.`)),
    });
    client.send(start(["inbound"]));
    for (let at = 0; at < 2000; at += 20) client.send(media("inbound", at));
    await until(() => transcriber.streams[0]?.bytes.length === 320);
    client.socket.terminate();
    await client.end();
    open();
    const { legs, segments } = await endedCall(http, SID);
    expect(legs).toMatchObject([{ received: 2, processed: 2, error: null }]);
    expect(segments).toMatchObject([{ text: "16000 bytes." }]);
  });

  it("is one call where each track has a stream of its own", async () => {
    const { client, http, transcriber } = await connect();
    const other = await new TestSocket(`ws://127.0.0.1:${http}${PATH}`).open();
    client.send(start(["inbound"]));
    other.send(start(["outbound"]));
    client.send(media("inbound", 0));
    other.send(media("outbound", 0));
    await until(() => transcriber.streams.length === 2);
    client.send(STOP);
    await client.end();
    expect((await askCalls(http, `/${SID}`)).json.status).toBe("active");
    other.send(STOP);
    const { legs } = await endedCall(http, SID);
    expect(new Set(legs.map(({ channel, name }: Message) => `${channel} ${name}`))).toEqual(
      new Set(["0 inbound", "1 outbound"]),
    );
  });

  it("has what was said complete when a track falls silent, though another one goes on", async () => {
    const { client, http } = await connect({
      onFlush: (stream) => stream.say(final(`${stream.bytes.length} bytes.`)),
    });
    client.send(start());
    client.send(media("inbound", 0));
    let at = 0;
    await until(async () => {
      client.send(media("outbound", at++ * 100, Buffer.alloc(800, 1)));
      await sleep(100);
      return (await askCalls(http, `/${SID}`)).json?.segments.length > 0;
    });
    const { segments, status } = (await askCalls(http, `/${SID}`)).json;
    expect(status).toBe("active");
    expect(segments).toMatchObject([{ channel: 0, text: "160 bytes." }]);
  });

  it.each([
    ["no JSON", "start"],
    ["bytes", Buffer.alloc(160)],
    ["media before the start", media("inbound", 0)],
    ["a call without an id", start(["inbound"], { callSid: "../etc", streamSid: "a b" })],
    ["a track that there is not", start(["sideways"])],
    ["no track", start([])],
    [
      "audio of another kind",
      start(["inbound"], { mediaFormat: { encoding: "audio/l16", sampleRate: 16_000 } }),
    ],
    ["a language that is none", start(["inbound"], { customParameters: { language: "klingonese" } })],
  ])("is closed with what is wrong about %s", async (_, message) => {
    const { client } = await connect();
    client.send(message);
    const { code, reason } = await client.end();
    expect(code).toBe(1008);
    expect(reason).toMatch(/^Expected /);
  });

  it.each([
    ["a track that start has not named", media("outbound", 0)],
    [
      "a timestamp that is none",
      { ...media("inbound", 0), media: { track: "inbound", payload: "", timestamp: "soon" } },
    ],
    ["a gap of hours", media("inbound", 90_000_000)],
    ["audio that is none", { event: "media", media: { track: "inbound", timestamp: "0" } }],
    ["another start", start(["outbound"])],
  ])("ends with the error of %s", async (_, message) => {
    const { client, http } = await connect();
    client.send(start(["inbound"]));
    client.send(media("inbound", 0));
    client.send(message);
    expect((await client.end()).code).toBe(1008);
    expect((await endedCall(http, SID)).legs).toMatchObject([
      { received: 0.02, error: { code: "INVALID_ARGUMENT" } },
    ]);
  });

  it("is told of where there is no room for all of its tracks", async () => {
    const { client, http } = await connect(undefined, { liveMaxStreams: 1 });
    client.send(start());
    expect((await client.end()).code).toBe(1013);
    expect((await endedCall(http, SID)).legs).toMatchObject([
      { error: { code: "QUEUE_FULL" } },
      { error: { code: "QUEUE_FULL" } },
    ]);
  });
});

describe("who may open a media stream", () => {
  const signed = (address: string, key = AUTH_TOKEN) => ({
    "x-twilio-signature": createHmac("sha1", key).update(address).digest("base64"),
    host: "calls.example.org",
  });

  it("brings the token, or Twilio's signature of the address", async () => {
    const { server } = await startLive({ settings: { apiToken: TOKEN, twilioAuthToken: AUTH_TOKEN } });
    const ask = (headers: Record<string, string>, path = PATH) =>
      handshakeStatus(`ws://127.0.0.1:${server.httpPort}${path}`, headers);
    const address = `wss://calls.example.org${PATH}`;
    expect(await ask({})).toBe(401);
    expect(await ask({ authorization: `Bearer ${TOKEN}` })).toBe(101);
    expect(await ask(signed(address))).toBe(101);
    expect(await ask(signed(`${address}/`))).toBe(101);
    expect(await ask(signed(`https://calls.example.org${PATH}`))).toBe(101);
    expect(await ask(signed(address, "another"))).toBe(401);
    expect(await ask(signed("wss://other.example.org/"))).toBe(401);
    // It opens nothing else.
    expect(await ask(signed("wss://calls.example.org/v1/realtime"), "/v1/realtime")).toBe(401);
  });

  it("brings the signature also where the server has no token", async () => {
    const { server } = await startLive({ settings: { twilioAuthToken: AUTH_TOKEN } });
    const ask = (headers: Record<string, string>, path = PATH) =>
      handshakeStatus(`ws://127.0.0.1:${server.httpPort}${path}`, headers);
    const address = `wss://calls.example.org${PATH}`;
    expect(await ask({})).toBe(401);
    expect(await ask(signed(address, "another"))).toBe(401);
    expect(await ask({ authorization: `Bearer ${TOKEN}` })).toBe(401);
    expect(await ask(signed(address))).toBe(101);
    // Nothing else needs it.
    expect(await ask({}, "/v1/realtime")).toBe(101);
  });

  it("needs the token where no account's is set", async () => {
    const { server } = await startLive({ settings: { apiToken: TOKEN } });
    const url = `ws://127.0.0.1:${server.httpPort}${PATH}`;
    expect(await handshakeStatus(url, signed(`wss://calls.example.org${PATH}`, ""))).toBe(401);
  });
});
