import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { startServer } from "../../src/server/server.js";
import { Allowlist } from "../../src/service/allowlist.js";
import { exposureWarnings } from "../../src/service/exposure.js";
import { readSettings } from "../../src/service/read-settings.js";
import type { ServerSettings } from "../../src/service/settings.js";
import { type Message, startLive } from "../support/live-server.js";
import { readMetrics } from "../support/metrics.js";
import {
  AsteriskChannel,
  askCalls,
  audioSocketFrame,
  endedCall,
  followCall,
  uuidBytes,
} from "../support/phone-calls.js";
import { evenWords, final, type LiveScript, partial } from "../support/scripted-live.js";
import { until } from "../support/server.js";

const CALL = "40325ec2-5efd-4bd3-805f-53576e581d13";
/** 20 ms at 8 kHz, as Asterisk sends them. */
const FRAME = Buffer.alloc(320, 1);
const HANG_UP = audioSocketFrame(0x00);
/** What a page may send to any port: as messages, one of the kind P with O and S for its length, then those of its body. */
const REQUEST = Buffer.concat([
  Buffer.from("POST / HTTP/1.1\r\nhost: 127.0.0.1:9092\r\n\r\n".padEnd(3 + 0x4f53)),
  audioSocketFrame(0x01, uuidBytes(CALL)),
  audioSocketFrame(0x10, FRAME),
]);

async function start(script?: LiveScript, settings: Partial<ServerSettings> = {}) {
  const live = await startLive({ ...(script && { script }), settings });
  const { httpPort, livePorts } = live.server;
  const channel = () => new AsteriskChannel(livePorts.audioSocketPort!);
  return { ...live, channel, http: httpPort! };
}

describe("a phone call over AudioSocket", () => {
  it("is text for who follows it, wherever its bytes are cut", async () => {
    const { channel, http, lines, transcriber } = await start({
      onWrite(stream, bytes) {
        if (bytes === 640) stream.say(partial("Hello wor", { start: 0.25, end: 0.75, stableLength: 5 }));
      },
      onEnd: (stream) =>
        stream.say(
          final("Hello, world.", { start: 0.25, end: 1.25, words: evenWords("Hello, world.", 0.25, 1.25) }),
        ),
    });
    const asterisk = channel();
    const frames = [
      audioSocketFrame(0x01, uuidBytes(CALL)),
      audioSocketFrame(0x10, FRAME),
      audioSocketFrame(0x10),
      audioSocketFrame(0x10, FRAME),
      audioSocketFrame(0x03, Buffer.from("5")),
      audioSocketFrame(0x77, Buffer.from("of a later version")),
    ];
    for (const byte of Buffer.concat(frames)) asterisk.socket.write(Buffer.of(byte));
    await until(() => transcriber.streams[0]?.bytes.length === 640);
    const { seen, ended, types } = followCall(http, CALL);
    await until(() => types().includes("call.partial") && types().includes("call.dtmf"));
    expect((await askCalls(http)).json.data).toMatchObject([{ id: CALL, status: "active" }]);
    asterisk.socket.write(HANG_UP);
    await asterisk.closed();
    // Asterisk goes on with its dialplan.
    expect(asterisk.received).toEqual(HANG_UP);
    expect(await ended).toBe(200);
    expect(transcriber.streams[0]!.options).toMatchObject({
      encoding: "s16le",
      sampleRate: 8000,
      words: true,
    });
    const kept = seen.filter(({ id }) => id !== undefined);
    expect(kept.map(({ id }) => id)).toEqual(kept.map((_, index) => index + 1));
    expect(kept.map(({ data }) => data.type)).toEqual([
      "call.started",
      "call.leg_started",
      "call.dtmf",
      "call.segment",
      "call.leg_ended",
      "call.ended",
    ]);
    const [
      ,
      ,
      dtmf,
      {
        data: { segment, ...event },
      },
      left,
    ] = kept as Message;
    expect(dtmf.data).toMatchObject({ channel: 0, digit: "5" });
    expect(event).toMatchObject({ call_id: CALL, at: expect.stringMatching(/^\d{4}-/) });
    expect(segment).toMatchObject({
      id: 0,
      channel: 0,
      utterance: 0,
      text: "Hello, world.",
      language: "en",
      end_of_utterance: true,
    });
    // On the call's clock, on which the first audio came a little later than the call.
    expect(segment.start).toBeGreaterThanOrEqual(0.25);
    expect(segment.words.map(({ word }: { word: string }) => word)).toEqual(["Hello,", "world."]);
    expect(segment.words[0].start).toBe(segment.start);
    expect(segment.end - segment.start).toBeCloseTo(1, 2);
    expect(left.data).toMatchObject({ channel: 0, received: 0.04, processed: 0.04, error: null });
    const { json } = await askCalls(http, `/${CALL}`);
    expect(json).toMatchObject({
      object: "call",
      source: "audiosocket",
      status: "ended",
      text: "[channel 0] Hello, world.",
      segments: [{ text: "Hello, world." }],
      legs: [{ channel: 0, received: 0.04, processed: 0.04, error: null }],
    });
    // Who comes again is told what is left, and then that there is nothing.
    const again = followCall(http, CALL, { "last-event-id": "4" });
    expect(await again.ended).toBe(200);
    expect(again.types()).toEqual(["call.leg_ended", "call.ended"]);
    expect(await followCall(http, CALL, { "last-event-id": "6" }).ended).toBe(204);
    const metrics = await readMetrics(http);
    expect(metrics.get('agora_requests_total{method="AudioSocket",outcome="OK"}')).toBe(1);
    expect(lines.join("")).toContain("1 finals of 0.0 s of live audio");
  });

  it("has two parties where two channels bring the same UUID, each on a channel, on one clock", async () => {
    const { channel, http, transcriber } = await start({
      onEnd: (stream) => stream.say(final(`Rate ${stream.options.sampleRate}.`, { start: 1, end: 2 })),
    });
    const caller = channel().join(CALL);
    caller.send(0x10, FRAME);
    await until(() => transcriber.streams.length === 1);
    await sleep(300);
    const callee = channel().join(CALL);
    callee.send(0x12, Buffer.alloc(640));
    await until(() => transcriber.streams.length === 2);
    callee.socket.write(HANG_UP);
    await callee.closed();
    // The call goes on while somebody is there.
    expect((await askCalls(http, `/${CALL}`)).json.status).toBe("active");
    // Without a word.
    caller.socket.end();
    const { legs, segments } = await endedCall(http, CALL);
    expect(legs).toMatchObject([
      { channel: 0, received: 0.02, processed: 0.02 },
      { channel: 1, received: 0.02, processed: 0.02 },
    ]);
    expect(segments.map(({ channel, text }: Message) => [channel, text])).toEqual([
      [0, "Rate 8000."],
      [1, "Rate 16000."],
    ]);
    const [first, second] = segments.map(({ start }: Message) => start);
    expect(second - first).toBeGreaterThan(0.25);
  });

  it("refuses a third party, and another call of the same name once it has ended is another", async () => {
    const { channel, http, transcriber } = await start();
    const parties = [channel().join(CALL), channel().join(CALL)];
    for (const party of parties) party.send(0x10, FRAME);
    await until(() => transcriber.streams.length === 2);
    const third = channel().join(CALL);
    await third.closed();
    expect(third.received).toEqual(HANG_UP);
    for (const party of parties) party.socket.write(HANG_UP);
    expect((await endedCall(http, CALL)).legs).toHaveLength(2);
    const next = channel().join(CALL);
    next.send(0x10, FRAME);
    await until(() => transcriber.streams.length === 3);
    expect((await askCalls(http, `/${CALL}`)).json).toMatchObject({ status: "active", legs: { length: 1 } });
    next.socket.write(HANG_UP);
    expect((await endedCall(http, CALL)).legs).toHaveLength(1);
  });

  it.each([
    [0x10, 8000],
    [0x11, 12_000],
    [0x12, 16_000],
    [0x13, 24_000],
    [0x14, 32_000],
    [0x15, 44_100],
    [0x16, 48_000],
    [0x17, 96_000],
    [0x18, 192_000],
  ])("reads samples of kind %s at %s Hz", async (kind, rate) => {
    const { channel, http, transcriber } = await start();
    const asterisk = channel().join(CALL);
    asterisk.send(kind, Buffer.alloc(rate / 50));
    asterisk.socket.write(HANG_UP);
    const { legs } = await endedCall(http, CALL);
    expect(transcriber.streams[0]!.options.sampleRate).toBe(rate);
    expect(legs[0].received).toBeCloseTo(0.01, 4);
  });

  it("goes on where the rate changes, and where a sample is cut in two", async () => {
    const { channel, http, transcriber } = await start({
      onEnd: (stream) => stream.say(final(`Rate ${stream.options.sampleRate}.`)),
    });
    const asterisk = channel().join(CALL);
    for (const size of [1, 318, 1]) asterisk.send(0x10, FRAME.subarray(0, size));
    asterisk.send(0x12, FRAME);
    asterisk.socket.write(HANG_UP);
    const { legs, segments } = await endedCall(http, CALL);
    expect(transcriber.streams.map(({ bytes }) => bytes.length)).toEqual([320, 320]);
    expect(legs).toMatchObject([{ received: 0.03, processed: 0.03 }]);
    expect(segments.map(({ text, utterance }: Message) => [utterance, text])).toEqual([
      [0, "Rate 8000."],
      [1, "Rate 16000."],
    ]);
  });

  it("has silence where nothing was sent, and what was said before it is complete by then", async () => {
    const { channel, http, transcriber } = await start({
      onFlush: (stream) => stream.say(final("Are you there?")),
    });
    const asterisk = channel().join(CALL);
    asterisk.send(0x10, FRAME);
    await until(async () => (await askCalls(http, `/${CALL}`)).status === 200);
    const { types } = followCall(http, CALL);
    await until(() => types().includes("call.segment"));
    await sleep(500);
    asterisk.send(0x10, FRAME);
    await until(() => (transcriber.streams[0]?.bytes.length ?? 0) > 640);
    asterisk.socket.write(HANG_UP);
    const { legs } = await endedCall(http, CALL);
    expect(legs[0].received).toBeGreaterThan(1.4);
    const { bytes } = transcriber.streams[0]!;
    expect(bytes.subarray(320, -320).every((byte) => byte === 0)).toBe(true);
    expect(bytes.subarray(-320)).toEqual(FRAME);
  });

  it("waits where audio comes faster than it is heard, which makes no gap in it", async () => {
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { channel, http, transcriber } = await start({
      onWrite: (_, bytes) => (bytes > 320 ? opened : undefined),
    });
    const asterisk = channel().join(CALL);
    asterisk.send(0x10, FRAME);
    await until(() => transcriber.streams[0]?.bytes.length === 320);
    for (let i = 0; i < 50; i++) asterisk.send(0x10, FRAME);
    await until(() => transcriber.streams[0]!.bytes.length > 320);
    for (let i = 0; i < 49; i++) asterisk.send(0x10, FRAME);
    await sleep(1500);
    open();
    await until(() => transcriber.streams[0]?.bytes.length === 32_000);
    asterisk.socket.write(HANG_UP);
    expect((await endedCall(http, CALL)).legs).toMatchObject([{ received: 2, processed: 2, error: null }]);
  });

  it.each([
    ["audio before its UUID", [audioSocketFrame(0x10, FRAME)]],
    ["a digit before it", [audioSocketFrame(0x03, Buffer.from("5"))]],
    ["an HTTP request whose body has messages", [REQUEST]],
    ["a UUID that is none", [audioSocketFrame(0x01, Buffer.alloc(15))]],
    ["two of them", [audioSocketFrame(0x01, uuidBytes(CALL)), audioSocketFrame(0x01, uuidBytes(CALL))]],
  ])("hangs up on %s", async (_, frames) => {
    const { channel, lines } = await start();
    const asterisk = channel();
    for (const frame of frames) asterisk.socket.write(frame);
    await asterisk.closed();
    expect(asterisk.received).toEqual(HANG_UP);
    await until(() => lines.some((line) => line.includes("INVALID_ARGUMENT") || line.includes("Expected")));
  });

  it("ends with an error of Asterisk's, which it tells", async () => {
    const { channel, http } = await start();
    const asterisk = channel().join(CALL);
    asterisk.send(0x10, FRAME);
    asterisk.send(0xff, Buffer.of(2));
    await asterisk.closed();
    const { seen, ended } = followCall(http, CALL);
    await ended;
    const warning = seen.find(({ data }) => data.type === "call.warning");
    expect(warning?.data).toMatchObject({ channel: 0, message: expect.stringContaining("0x02") });
  });

  it("ends when nothing comes for too long", async () => {
    const { channel, http } = await start(undefined, { liveIdleTimeout: 0.2 });
    const asterisk = channel().join(CALL);
    asterisk.send(0x10, FRAME);
    await asterisk.closed();
    expect(asterisk.received).toEqual(HANG_UP);
    const { legs } = await endedCall(http, CALL);
    expect(legs).toMatchObject([{ received: 0.02, error: { code: "DEADLINE_EXCEEDED" } }]);
  });

  it("says why where there is no room for its stream", async () => {
    const { channel, http } = await start(undefined, { liveMaxStreams: 0 });
    const asterisk = channel().join(CALL);
    asterisk.send(0x10, FRAME);
    await asterisk.closed();
    expect((await endedCall(http, CALL)).legs).toMatchObject([{ error: { code: "QUEUE_FULL" } }]);
  });

  it("has its last words, and those who follow are told them, when the server stops", async () => {
    const { channel, http, server, transcriber } = await start({
      onEnd: (stream) => stream.say(final("Good bye.")),
    });
    const asterisk = channel().join(CALL);
    asterisk.send(0x10, FRAME);
    await until(() => transcriber.streams.length === 1);
    const { ended, seen, types } = followCall(http, CALL);
    await until(() => types().includes("call.leg_started"));
    const stopped = server.stop();
    await ended;
    expect(types().slice(-3)).toEqual(["call.segment", "call.leg_ended", "call.ended"]);
    expect(seen.at(-3)?.data.segment.text).toBe("Good bye.");
    await asterisk.closed();
    await stopped;
  });

  it("is listed among those that are on or have ended, newest first, as many as are asked for", async () => {
    const { channel, http } = await start();
    const ids = [1, 2, 3].map((digit) => `${CALL.slice(0, -1)}${digit}`);
    for (const id of ids) {
      const asterisk = channel().join(id);
      await until(async () => (await askCalls(http, `/${id}`)).status === 200);
      if (id === ids[1]) continue;
      asterisk.socket.write(HANG_UP);
      await asterisk.closed();
    }
    const listed = async (query: string) =>
      (await askCalls(http, query)).json.data.map(({ id }: Message) => id);
    expect(await listed("")).toEqual(ids.toReversed());
    expect(await listed("?status=active")).toEqual([ids[1]]);
    expect(await listed("?status=ended&limit=1")).toEqual([ids[2]]);
  });

  it("is forgotten after a while", async () => {
    const { channel, http } = await start(undefined, { callsTtl: 0.1 });
    const asterisk = channel().join(CALL);
    asterisk.socket.write(HANG_UP);
    await asterisk.closed();
    await until(async () => (await askCalls(http, `/${CALL}`)).status === 404);
    expect((await askCalls(http)).json.data).toEqual([]);
  });
});

describe("who may send calls", () => {
  it("is told by address alone, where others than this machine reach the port", () => {
    const list = new Allowlist("10.0.0.5, 192.168.7.0/24, fd00::/8");
    for (const address of [
      "127.0.0.1",
      "::1",
      "::ffff:127.0.0.1",
      "10.0.0.5",
      "::ffff:192.168.7.9",
      "fd00::1",
    ])
      expect([address, list.includes(address)]).toEqual([address, true]);
    for (const address of ["10.0.0.6", "192.168.8.1", "::ffff:10.0.0.6", "2001:db8::1", "unknown", ""])
      expect([address, list.includes(address)]).toEqual([address, false]);
    const nobody = new Allowlist("");
    expect([nobody.includes("127.0.0.1"), nobody.includes("10.0.0.5")]).toEqual([true, false]);
  });

  it("is a setting, which stands for the token that there is none of", () => {
    const open = { LIVE_HOST: "0.0.0.0", AUDIOSOCKET_PORT: "9092" };
    const settings = readSettings({ ...open, AUDIOSOCKET_PEERS: "10.0.0.5, 10.0.7.0/24" });
    expect(exposureWarnings(settings).join()).not.toContain("LIVE_HOST");
    expect(() => readSettings({ ...open, VOSK_PORT: "2700" })).toThrow("LIVE_HOST");
    for (const peers of ["asterisk", "10.0.0.0/99", "10.0.0.5:9092", "10.0.0.0/8/8"])
      expect(() => readSettings({ AUDIOSOCKET_PEERS: peers })).toThrow("AUDIOSOCKET_PEERS");
  });

  it.each(["0.0.0.0/0", "10.0.0.5, ::/0"])("is warned of where %s lets everybody in", (peers) => {
    const of = (liveHost: string, more: Partial<ServerSettings> = {}) => {
      const settings = { ...readSettings({ AUDIOSOCKET_PORT: "9092", AUDIOSOCKET_PEERS: peers }), ...more };
      return exposureWarnings({ ...settings, liveHost, host: "localhost" });
    };
    const warning = expect.stringMatching(/^ANYONE .* LIVE_HOST=0\.0\.0\.0 .* AUDIOSOCKET_PEERS .*\/0/);
    expect(of("0.0.0.0")).toEqual([warning]);
    expect(of("127.0.0.1")).toEqual([]);
    expect(of("0.0.0.0", { audioSocketPort: undefined })).toEqual([]);
  });

  it("waits for the model", async () => {
    const server = await startServer(
      { grpc: false, httpPort: 0, audioSocketPort: 0, model: "/nowhere/none.bin" },
      { log: () => {} },
    );
    onTestFinished(() => server.stop());
    const asterisk = new AsteriskChannel(server.livePorts.audioSocketPort!).join(CALL);
    await asterisk.closed();
    expect(asterisk.received).toEqual(HANG_UP);
    await server.ready.catch(() => {});
  });
});
