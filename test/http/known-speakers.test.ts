import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { namesOrLettersOf } from "../../src/doors/http/speaker-names.js";
import { renameSpeakers, type Speaker } from "../../src/index.js";
import { wav } from "../support/audio.js";
import { convertHere } from "../support/convert-here.js";
import { formOf, post, startHttp, uploadsOnDisk } from "../support/http-server.js";
import { result, segment } from "../support/results.js";
import { samplePath, sampleTurns } from "../support/samples.js";
import { RECORDING, until } from "../support/server.js";
import { describeWithShared, sharedPath } from "../support/shared.js";

const CALL = "sales-call-en";
const NAMES = "known_speaker_names[]";
const VOICES = "known_speaker_references[]";

/** Seconds of the call that are sent, and of it what a voice is known from. */
const SECONDS = 24;
const VOICE = 12;

const dataUrl = (bytes: Uint8Array, type = "audio/wav") =>
  `data:${type};base64,${Buffer.from(bytes).toString("base64")}`;
const SOMEBODY = dataUrl(wav([new Float32Array(32_000)], 16_000));

beforeEach(() => {
  vi.stubEnv("AGORA_OFFLINE", "1");
  vi.stubEnv("AGORA_DIARIZATION_MODEL", "");
});

describe("known speakers", () => {
  it.each([
    [
      "more names than voices",
      { [NAMES]: ["Anna", "Boris"], [VOICES]: [SOMEBODY] },
      "known_speaker_references",
    ],
    ["voices without names", { [VOICES]: [SOMEBODY] }, "known_speaker_references"],
    [
      "five of them",
      { [NAMES]: ["A", "B", "C", "D", "E"], [VOICES]: Array(5).fill("x") },
      "known_speaker_names",
    ],
    ["one name twice", { [NAMES]: ["A", "A"], [VOICES]: [SOMEBODY, SOMEBODY] }, "known_speaker_names[1]"],
    ["no name", { [NAMES]: [" "], [VOICES]: [SOMEBODY] }, "known_speaker_names[0]"],
    ["an address", { [NAMES]: ["A"], [VOICES]: ["https://a.wav"] }, "known_speaker_references[0]"],
    ["no base64", { [NAMES]: ["A"], [VOICES]: ["data:audio/wav;base64,!!"] }, "known_speaker_references[0]"],
    ["plain data", { [NAMES]: ["A"], [VOICES]: ["data:audio/wav,abc"] }, "known_speaker_references[0]"],
  ])("are refused for %s", async (_, fields, param) => {
    const { engine, url } = await startHttp();
    for (const path of ["/v1/audio/transcriptions", "/v1/audio/diarization"]) {
      const { json, status } = await post(url, formOf(RECORDING, fields as Record<string, string[]>), {
        path,
      });
      expect({ status, error: json.error }).toMatchObject({
        status: 400,
        error: { param, code: "INVALID_ARGUMENT" },
      });
    }
    expect(engine.windows).toHaveLength(0);
  });

  it("are refused by a server that compares no voices", async () => {
    const { engine, url } = await startHttp();
    const fields = { [NAMES]: ["Anna"], [VOICES]: [SOMEBODY], response_format: "diarized_json" };
    for (const path of ["/v1/audio/transcriptions", "/v1/audio/diarization"]) {
      const given = path.endsWith("diarization") ? { ...fields, response_format: "json" } : fields;
      const { json, status } = await post(url, formOf(RECORDING, given), { path });
      expect({ status, error: json.error }).toMatchObject({
        status: 400,
        error: {
          param: "known_speaker_references",
          message:
            "Expected no known_speaker_references: the server has no diarization model that compares voices (AGORA_DIARIZATION_MODEL)",
        },
      });
    }
    expect(engine.windows).toHaveLength(0);
    await until(() => uploadsOnDisk() === 0);
  });
});

describe("speakers in an answer", () => {
  const speaker = (id: string, name?: string): Speaker => ({
    id,
    ...(name !== undefined && { name }),
    role: null,
    roleConfidence: 0,
    evidence: [],
    talkTime: 1,
    turns: 1,
  });

  it("go by their names, and without one by the letters that nobody has for a name", () => {
    const speakers = [
      speaker("SPEAKER_00"),
      speaker("SPEAKER_01", "A"),
      speaker("SPEAKER_02", "Agent 7"),
      speaker("SPEAKER_03"),
    ];
    expect([...namesOrLettersOf(speakers).values()]).toEqual(["B", "A", "Agent 7", "C"]);
    const many = Array.from({ length: 28 }, (_, i) => speaker(`SPEAKER_${String(i).padStart(2, "0")}`));
    expect([...namesOrLettersOf(many).values()].slice(24)).toEqual(["Y", "Z", "AA", "AB"]);
  });

  it("go by them wherever they are told", () => {
    const said = { ...segment(0, 1, "Hello."), speaker: "SPEAKER_01" };
    const word = { start: 0, end: 1, text: "Hello.", confidence: 1, speaker: "SPEAKER_01" };
    const nobody = { ...segment(1, 2, "Hm."), speaker: null };
    const told = renameSpeakers(
      {
        ...result([{ ...said, words: [word] }, nobody]),
        speakers: [speaker("SPEAKER_00"), speaker("SPEAKER_01", "Anna")],
        turns: [{ start: 0, end: 1, speaker: "SPEAKER_01", confidence: 1 }],
      },
      new Map([["SPEAKER_01", "Anna"]]),
    );
    expect(told.segments.map((each) => each.speaker)).toEqual(["Anna", null]);
    expect(told.segments[0]!.words![0]!.speaker).toBe("Anna");
    expect(told.turns![0]!.speaker).toBe("Anna");
    expect(told.speakers!.map(({ id }) => id)).toEqual(["SPEAKER_00", "Anna"]);
  });
});

describeWithShared("where voices are compared, known speakers", () => {
  let folder: string;
  let model: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "agora-known-speakers-"));
    model = (await convertHere(sharedPath("diarization")!, { out: folder })).files[0]!.path;
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  beforeEach(() => vi.stubEnv("AGORA_DIARIZATION_MODEL", model));

  /** What is on one channel at the beginning of the call. */
  const voiceOn = (channel: number) => {
    const bytes = readFileSync(samplePath(`${CALL}.stereo.wav`));
    const samples = Float32Array.from(
      { length: VOICE * 16_000 },
      (_, i) => bytes.readInt16LE(44 + 4 * i + 2 * channel) / 32_768,
    );
    return dataUrl(wav([samples], 16_000));
  };
  const mono = Buffer.from(readFileSync(samplePath(`${CALL}.wav`)).subarray(0, 44 + SECONDS * 32_000));
  mono.writeUInt32LE(mono.length - 8, 4);
  mono.writeUInt32LE(mono.length - 44, 40);
  const truthAt = (time: number) =>
    sampleTurns(CALL).find(({ start, end }) => start - 0.2 <= time && time <= end + 0.2)?.speaker;

  it("have their names, and others are called as ever", async () => {
    const { url } = await startHttp({ settings: { vadModel: undefined } });
    const client = { [NAMES]: ["Мария Иванова"], [VOICES]: [voiceOn(1)] };
    const turns = await post(url, formOf(mono, client), { path: "/v1/audio/diarization" });
    const found = turns.json.segments.map(({ speaker }: { speaker: string }) => speaker);
    expect(new Set(found)).toEqual(new Set(["SPEAKER_00", "Мария Иванова"]));
    for (const { start, end, speaker } of turns.json.segments)
      expect(speaker).toBe(truthAt((start + end) / 2) === "client" ? "Мария Иванова" : "SPEAKER_00");
    const both = { [NAMES]: ["Seller", "Client"], [VOICES]: [voiceOn(0), voiceOn(1)] };
    const { json } = await post(url, formOf(mono, { ...both, response_format: "diarized_json" }));
    expect(json.segments.length).toBeGreaterThan(0);
    for (const { speaker } of json.segments) expect(["Seller", "Client"]).toContain(speaker);
    expect(json.text).toMatch(/^(Seller|Client): /);
  });

  it("are refused for a recording in which nobody speaks, or that is none", async () => {
    const { engine, url } = await startHttp();
    for (const reference of [SOMEBODY, dataUrl(Buffer.from("PK\x03\x04 no recording"))]) {
      const fields = { [NAMES]: ["Anna", "Boris"], [VOICES]: [voiceOn(0), reference] };
      const { json, status } = await post(url, formOf(mono, fields));
      expect({ status, error: json.error }).toMatchObject({
        status: 400,
        error: { param: "known_speaker_references[1]", code: "INVALID_ARGUMENT" },
      });
      expect(json.error.message).toMatch(
        /^Expected a recording of one voice for known_speaker_references\[1\]: /,
      );
    }
    expect(engine.windows).toHaveLength(0);
  });
});
