import { afterEach, expect, it, vi } from "vitest";
import { loadDefinitions } from "../../src/doors/grpc/definitions.js";
import type { TranscribeRequest } from "../../src/doors/grpc/v2/messages.js";
import { toTranscribeOptions } from "../../src/doors/grpc/v2/options.js";
import { sine, wav } from "../support/audio.js";
import { fakeSegment } from "../support/fake-engine.js";
import { nemotronFile } from "../support/nemotron-file.js";
import { RECORDING } from "../support/server.js";
import { failureOf } from "../support/v2-client.js";
import { startV2 } from "../support/v2-server.js";

const RATE = 16_000;

afterEach(() => {
  vi.unstubAllEnvs();
});

interface Codec {
  requestSerialize: (message: object) => Buffer;
  requestDeserialize: (bytes: Buffer) => TranscribeRequest;
}

/** A tone of a second in each of those seconds. */
function tones(frequency: number, seconds: readonly number[]): Float32Array {
  const samples = new Float32Array(12 * RATE);
  for (const second of seconds) samples.set(sine(frequency, 1, RATE), second * RATE);
  return samples;
}

it("of two channels are told with their turns and roles, in results, segments and words, and in the log", async () => {
  const { v2, lines } = await startV2({
    answer: () => ({
      segments: [
        fakeSegment("Hello there", 0, 2, {
          words: [
            { text: "Hello", start: 0, end: 1, confidence: 0.9 },
            { text: "there", start: 1, end: 2, confidence: 0.9 },
          ],
        }),
      ],
    }),
  });
  const result = await v2.transcribe({
    audio: wav([tones(300, [0, 1, 6]), tones(500, [3, 4, 9])], RATE),
    config: {
      options: { diarize: {}, roles: { seller_channel: { value: 1 } }, word_timestamps: true },
    },
  });
  expect(result.speakers).toMatchObject([
    { id: "SPEAKER_00", role: "SPEAKER_ROLE_CLIENT", role_confidence: 1 },
    { id: "SPEAKER_01", role: "SPEAKER_ROLE_SELLER", role_confidence: 1 },
  ]);
  expect(result.turns.length).toBeGreaterThanOrEqual(2);
  expect(result.turns[0]).toMatchObject({ speaker: "SPEAKER_00", channel: { value: 0 } });
  for (const { speaker, channel, words } of result.segments) {
    expect(speaker).toBe(channel?.value === 0 ? "SPEAKER_00" : "SPEAKER_01");
    expect(words.every((word) => word.speaker === speaker && word.speaker_confidence === 1)).toBe(true);
  }
  expect(lines.some((line) => line.includes(", 2 speakers"))).toBe(true);
});

it("of one channel are refused by a server without a diarization model, and impossible numbers by any", async () => {
  vi.stubEnv("AGORA_OFFLINE", "1");
  const { v2 } = await startV2();
  expect((await v2.serverInfo()).diarization).toEqual(["channels"]);
  const ask = (options: object) => failureOf(v2.transcribe({ audio: RECORDING, config: { options } }));
  for (const engine of [
    "DIARIZATION_ENGINE_UNSPECIFIED",
    "DIARIZATION_ENGINE_NEMOTRON",
    "DIARIZATION_ENGINE_COMMUNITY",
  ])
    expect(await ask({ diarize: { engine } })).toMatchObject({
      reason: "INVALID_ARGUMENT",
      message: expect.stringContaining("has no diarization model"),
    });
  const wrong = await ask({ diarize: { num_speakers: 1001 } });
  expect(wrong.reason).toBe("INVALID_ARGUMENT");
  expect(wrong.message).toContain("config.options.diarize.num_speakers");
});

it("of one channel are told by the engine that the server has a model of, and another is refused", async () => {
  const model = await nemotronFile();
  vi.stubEnv("AGORA_OFFLINE", "1");
  vi.stubEnv("AGORA_DIARIZATION_MODEL", model);
  const { v2 } = await startV2();
  expect((await v2.serverInfo()).diarization).toEqual(["channels", "nemotron"]);
  const audio = wav([tones(300, [0, 1, 2, 3, 4, 5])], RATE);
  const ask = (engine: string) => ({ audio, config: { options: { diarize: { engine, num_speakers: 1 } } } });
  const { speakers, turns } = await v2.transcribe(ask("DIARIZATION_ENGINE_NEMOTRON"));
  expect(speakers.map(({ id }) => id)).toEqual(["SPEAKER_00"]);
  expect(turns.length).toBeGreaterThan(0);
  const refused = await failureOf(v2.transcribe(ask("DIARIZATION_ENGINE_COMMUNITY")));
  expect(refused).toMatchObject({ reason: "INVALID_ARGUMENT", field: "config.options.diarize.engine" });
  expect(refused.message).not.toContain(model);
});

it("are known by voices that a client gives, and refused where nothing compares them", async () => {
  const roles = { seller_voices: [{ values: [0.5, -0.75] }, { values: [1, 0] }] };
  const { requestSerialize, requestDeserialize } = (
    loadDefinitions()["transcription.v2.TranscriptionService"] as unknown as Record<string, Codec>
  ).Transcribe!;
  const known_voices = { "Anna Maria": { values: [0.25, 1] } };
  const sent = requestSerialize({ config: { options: { diarize: { known_voices }, roles } } });
  const given = toTranscribeOptions(requestDeserialize(sent).config!.options, 100);
  expect(given.diarize).toMatchObject({ knownVoices: { "Anna Maria": [0.25, 1] } });
  expect(given.roles).toEqual({
    sellerVoices: [
      [0.5, -0.75],
      [1, 0],
    ],
  });
  const { v2 } = await startV2();
  const ask = (options: object) => failureOf(v2.transcribe({ audio: RECORDING, config: { options } }));
  const refused = await ask({ diarize: {}, roles });
  expect(refused.reason).toBe("INVALID_ARGUMENT");
  expect(refused.message).toContain(
    "neither config.options.roles.seller_voices, config.options.diarize.known_voices nor",
  );
  const empty = await ask({ roles: { seller_voices: [{ values: [] }] } });
  expect(empty.message).toContain("config.options.roles.seller_voices[0]");
  const nobody = await ask({ diarize: { known_voices: { AnnaMaria: { values: [0] } } } });
  expect(nobody).toMatchObject({ field: "config.options.diarize.known_voices.AnnaMaria" });
  expect(nobody.message).toContain(
    'for config.options.diarize.known_voices.AnnaMaria but received "zeros alone"',
  );
  const unheard = await ask({ diarize: { known_voices } });
  expect(unheard.message).toContain("config.options.diarize.known_voices");
});

it("are not told of where nobody asks", async () => {
  const { v2 } = await startV2();
  const result = await v2.transcribe({ audio: RECORDING });
  expect([result.speakers, result.turns, result.segments[0]?.speaker]).toEqual([[], [], ""]);
});
