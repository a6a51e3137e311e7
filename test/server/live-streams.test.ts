import { describe, expect, it } from "vitest";
import type { Transcriber } from "../../src/index.js";
import { Call, ClientGone } from "../../src/service/call/call.js";
import { LiveStreams } from "../../src/service/live.js";
import { ServerMetrics } from "../../src/service/metrics/server-metrics.js";
import { readSettings } from "../../src/service/read-settings.js";
import type { LiveOptions } from "../../src/types/live.js";
import { codeOf } from "../support/demo.js";
import {
  bytesOf,
  liveStream,
  replay,
  said,
  scriptedEngine,
  textOf,
  words,
} from "../support/scripted-speech.js";

const transcriber = (engine = scriptedEngine(), asked: LiveOptions[] = []): Transcriber =>
  ({
    info: { languages: ["en", "ru"] },
    live: (options: LiveOptions) => {
      asked.push(options);
      return liveStream(options, engine);
    },
  }) as unknown as Transcriber;

const streams = (variables: Record<string, string> = {}, metrics = new ServerMetrics()): LiveStreams =>
  new LiveStreams(readSettings(variables), metrics);
const call = (): Call => new Call("1", "live");

describe("live streams of a server", () => {
  it("are transcribed, and hold their call until they are done", async () => {
    const asked: LiveOptions[] = [];
    const live = streams({ MODEL_LANGUAGE: "ru" });
    const ours = call();
    let freed = false;
    ours.worker.hold(() => {
      freed = true;
    });
    const session = live.start(ours, transcriber(scriptedEngine(), asked), { language: "en" });
    expect(live.size).toBe(1);
    const { events } = await replay(session, bytesOf(words(0, 3)), 640);
    expect(textOf(events)).toBe(said(0, 3));
    await session.closed;
    await Promise.resolve();
    expect([live.size, freed]).toEqual([0, true]);
    expect(asked[0]!.language).toBe("en");
    live.start(call(), transcriber(scriptedEngine(), asked), {}).cancel();
    expect(asked[1]!.language).toBe("ru");
  });

  it("are so many at most, and no more are refused when one is done", async () => {
    const metrics = new ServerMetrics();
    const live = streams({ LIVE_MAX_STREAMS: "1" }, metrics);
    const first = live.start(call(), transcriber(), {});
    expect(() => live.start(call(), transcriber(), {})).toThrow(
      expect.objectContaining({ code: "QUEUE_FULL", message: expect.stringContaining("LIVE_MAX_STREAMS") }),
    );
    await first.write(bytesOf(words(0, 4)));
    await first.end();
    await first.closed;
    await Promise.resolve();
    expect(() => live.start(call(), transcriber(), { channels: 0 })).toThrow("channels");
    const second = live.start(call(), transcriber(), {});
    await second.close();
    const text = await metrics.text();
    expect(text).toContain("agora_live_refused_total 1\n");
    expect(text).toContain("agora_live_audio_seconds_total 2\n");
    expect(text).toContain("agora_live_processed_seconds_total 2\n");
  });

  it("end with their call", async () => {
    const ours = call();
    const session = streams().start(ours, transcriber(), {});
    ours.fail(new ClientGone("gone"));
    expect(await codeOf(session.end())).toBe("CANCELLED");
    await session.closed;
    expect(() => streams().start(ours, transcriber(), {})).toThrow("gone");
  });

  it("are ended when nobody says anything, unless they are kept alive", async () => {
    const live = streams({ LIVE_IDLE_TIMEOUT: "0.7" });
    const silent = live.start(call(), transcriber(), {});
    const kept = live.start(call(), transcriber(), {});
    const timer = setInterval(() => kept.keepAlive(), 100);
    const failed = await codeOf(
      (async () => {
        for await (const _ of silent);
      })(),
    );
    clearInterval(timer);
    expect(failed).toBe("DEADLINE_EXCEEDED");
    expect((await kept.end()).received).toBe(0);
  });

  it("are ended when nothing comes of their audio", async () => {
    const engine = scriptedEngine({ gate: () => new Promise(() => {}) });
    const session = streams({ LIVE_STALL_TIMEOUT: "0.5", LIVE_IDLE_TIMEOUT: "0" }).start(
      call(),
      transcriber(engine),
      {},
    );
    await session.write(bytesOf(words(0, 10)));
    await expect(session.flush()).rejects.toMatchObject({
      code: "DEADLINE_EXCEEDED",
      message: expect.stringContaining("LIVE_STALL_TIMEOUT"),
    });
  });
});
