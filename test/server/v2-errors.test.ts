import { status } from "@grpc/grpc-js";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { wav } from "../support/audio.js";
import { bursts, fakeSegment } from "../support/fake-engine.js";
import { RECORDING } from "../support/server.js";
import { failureOf, type Message } from "../support/v2-client.js";
import { startV2 } from "../support/v2-server.js";

const PATH = "config.options.";

beforeEach(() => {
  // No model is fetched.
  vi.stubEnv("AGORA_OFFLINE", "1");
  return () => vi.unstubAllEnvs();
});

/** How a request with `options` fails. */
async function refusalOf(options: Message, settings = {}) {
  const { v2 } = await startV2({ settings });
  return failureOf(v2.transcribe({ audio: RECORDING, config: { options } }));
}

describe("what the recording shows to be wrong", () => {
  it.each<[Message, string, RegExp]>([
    [
      { channels: { index: 5 } },
      "channels.index",
      /^Expected an index below 1 \(.*\) for config\.options\.channels\.index but received 5/,
    ],
    [
      { track: { value: 7 } },
      "track",
      /^Expected an index below 1 .* for config\.options\.track but received 7/,
    ],
    [
      { diarize: {} },
      "diarize",
      /one channel: the server has no diarization model \(.*models download .*AGORA_DIARIZATION_MODEL\)/,
    ],
    [{ vad_filter: "VAD_FILTER_ON" }, "vad_filter", /^Expected no VAD_FILTER_ON .*\(MODEL_VAD=off\)/],
  ])("is named by its field: %j", async (options, field, message) => {
    const failed = await refusalOf(options);
    expect(failed).toMatchObject({ code: status.INVALID_ARGUMENT, field: PATH + field });
    expect(failed.message).toMatch(message);
  });

  it("is named by the limit that was set, be it the request's or the server's", async () => {
    const own = await refusalOf({ max_duration: 5 }, { maxDuration: 10 });
    expect(own).toMatchObject({ reason: "AUDIO_TOO_LONG" });
    expect(own.message).toMatch(/above config\.options\.max_duration \(5 s\)$/);
    const servers = await refusalOf({ max_duration: 100 }, { maxDuration: 10 });
    expect(servers.message).toMatch(/above SERVER_MAX_AUDIO_DURATION \(10 s\)$/);
  });
});

describe("a message about several fields", () => {
  it.each<[Message, string, RegExp]>([
    [
      { vad_options: { threshold: 0.3, neg_threshold: 0.4 } },
      "vad_options.neg_threshold",
      /^Expected config\.options\.vad_options\.neg_threshold to be at most config\.options\.vad_options\.threshold/,
    ],
    [
      { diarize: { num_speakers: 2, min_speakers: 1 } },
      "diarize.num_speakers",
      /no config\.options\.diarize\.min_speakers or config\.options\.diarize\.max_speakers beside .* for config\.options\.diarize\.num_speakers but/,
    ],
  ])("names them as the contract does: %j", async (options, field, message) => {
    const failed = await refusalOf(options);
    expect(failed.field).toBe(PATH + field);
    expect(failed.message).toMatch(message);
  });

  it("quotes what was sent as it is, and cut", async () => {
    const quoted = await refusalOf({ language: "beamSize" });
    expect(quoted.message).toMatch(/ but received "beamSize"$/);
    const long = await refusalOf({ roles: { speakers: { ["x".repeat(6000)]: 99 } } });
    expect(long.field!.length).toBeLessThan(300);
    expect(long.message.length).toBeLessThan(400);
  });
});

describe("a result that is too large", () => {
  const answer = () => ({ segments: [fakeSegment("word ".repeat(1000), 0, 1)] });
  const audio = wav([bursts(1)], 16_000);

  it("is so by the client's limit or by the server's", async () => {
    const { v2 } = await startV2({ answer, settings: { maxSendMessageLength: 2000 } });
    const failureWith = (max_result_bytes: number) =>
      failureOf(v2.transcribe({ audio, config: { max_result_bytes } }));
    const clients = await failureWith(1000);
    expect(clients).toMatchObject({ reason: "RESULT_TOO_LARGE", field: "config.max_result_bytes" });
    expect(clients.message).toContain("1000 bytes that the client takes");
    const servers = await failureWith(0);
    expect(servers).toMatchObject({ reason: "RESULT_TOO_LARGE", field: undefined });
    expect(servers.message).toContain("2000 bytes that the server sends (GRPC_MAX_SEND_MESSAGE_LENGTH)");
  });

  it("cannot be avoided by fewer bytes than none", async () => {
    const { v2, engine } = await startV2();
    expect(await failureOf(v2.transcribe({ audio, config: { max_result_bytes: -1 } }))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      field: "config.max_result_bytes",
    });
    expect(engine.windows).toHaveLength(0);
  });
});
