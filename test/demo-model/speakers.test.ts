import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { diarizationErrors, errorRate, parseRttm } from "../../bench/diarization/error-rate.js";
import {
  diarize,
  formatResult,
  formatTurns,
  inspectModel,
  type TranscriptionResult,
  voiceOf,
} from "../../src/index.js";
import { convertHere } from "../support/convert-here.js";
import { codeOf, DEMO_WITH_VAD, failure, sharedTranscriber } from "../support/demo.js";
import { samplePath } from "../support/samples.js";
import { describeWithShared, sharedPath } from "../support/shared.js";

const STEREO = samplePath("sales-call-en.stereo.wav");
const CALL = "sales-call-en";
/** Who is on which channel, by the truth of the samples. */
const { turns: TRUTH } = JSON.parse(readFileSync(samplePath(`${CALL}.json`), "utf8")) as {
  turns: { speaker: string; start: number; end: number; text: string }[];
};

const transcriber = sharedTranscriber(DEMO_WITH_VAD);

beforeEach(() => {
  // Nothing is fetched, and nothing that this machine has is taken.
  vi.stubEnv("AGORA_OFFLINE", "1");
  vi.stubEnv("AGORA_CACHE_DIR", join(tmpdir(), "agora-test-no-cache"));
  vi.stubEnv("AGORA_DIARIZATION_MODEL", "");
});

const truthOf = (start: number, end: number) =>
  TRUTH.map((turn) => ({ ...turn, overlap: Math.min(end, turn.end) - Math.max(start, turn.start) })).sort(
    (a, b) => b.overlap - a.overlap,
  )[0]!.speaker;

/** Share of the segments whose speaker has the role that the truth has. */
function rightRoles({ segments, speakers = [] }: TranscriptionResult): number {
  const roleOf = new Map(speakers.map(({ id, role }) => [id, role]));
  const right = segments.filter(({ speaker, start, end }) => roleOf.get(speaker!) === truthOf(start, end));
  return right.length / segments.length;
}

it("tells the parties of a stereo call apart without a model, and their roles by the seller's channel", async () => {
  const result = await transcriber().transcribe(STEREO, { diarize: true, roles: { sellerChannel: 0 } });
  const { segments, speakers = [], turns = [] } = result;
  expect(speakers.map(({ id, role }) => [id, role])).toEqual([
    ["SPEAKER_00", "seller"],
    ["SPEAKER_01", "client"],
  ]);
  expect(rightRoles(result)).toBe(1);
  expect(new Set(segments.map(({ channel }) => channel))).toEqual(new Set([0, 1]));
  expect(segments.every(({ words }) => words === undefined)).toBe(true);
  const reference = parseRttm(readFileSync(samplePath(`${CALL}.rttm`), "utf8"));
  const errors = diarizationErrors(reference, turns, { collar: 0.25, end: result.duration });
  expect(errors.confusion / errors.speech).toBeLessThan(0.01);
  expect(formatResult(result, "txt")).toMatch(/^SPEAKER_00: /);
  expect(formatResult(result, "srt")).toContain("\n[SPEAKER_01]: ");
  expect(formatResult(result, "vtt")).toContain("\n<v SPEAKER_01>");
  expect(formatResult(result, "tsv")).toMatch(/^start\tend\ttext\tchannel\tspeaker\n/);
});

it("says so where voices are asked for that no model makes, before one is fetched", async () => {
  const { speakers, warnings } = await diarize(STEREO, { embeddings: true });
  expect(speakers.map(({ embedding }) => embedding)).toEqual([undefined, undefined]);
  expect(warnings.join()).toContain("There are no vectors of voices (embeddings)");
  const known = { engine: "nemotron" as const, knownVoices: { Anna: [1, 0] } };
  await expect(diarize(STEREO, known)).rejects.toThrow(
    "Expected no diarize.knownVoices: the diarization model",
  );
});

it("tells who speaks when on two channels without text, or is told that a model is missing for one", async () => {
  const { turns, speakers, duration } = await diarize(STEREO, {});
  expect(speakers).toHaveLength(2);
  const whole = await transcriber().transcribe(STEREO, { diarize: true });
  expect(formatResult(whole, "rttm", { recording: CALL })).toBe(formatTurns(turns, CALL));
  const reference = parseRttm(readFileSync(samplePath(`${CALL}.rttm`), "utf8"));
  const errors = diarizationErrors(reference, turns, { collar: 0, end: duration });
  expect(errors.confusion / errors.speech).toBeLessThan(0.01);
  const mono = samplePath(`${CALL}.wav`);
  for (const call of [() => diarize(mono), () => transcriber().transcribe(mono, { diarize: true })]) {
    const { code, message } = await failure(call());
    expect(code).toBe("MODEL_NOT_FOUND");
    expect(message).toContain("agora-transcribe models download nemotron-3-diarization");
  }
});

it("refuses models of another kind and numbers of speakers that cannot be", async () => {
  const mono = samplePath(`${CALL}.wav`);
  expect(await codeOf(diarize(mono, { model: "demo" }))).toBe("MODEL_INVALID");
  const { code, message } = await failure(diarize(mono, { model: samplePath("..") }));
  expect([code, message]).toEqual(["MODEL_INVALID", expect.stringContaining("models convert")]);
  expect(await codeOf(diarize(mono, { model: "no-such-file.gguf" }))).toBe("MODEL_NOT_FOUND");
  for (const numSpeakers of [0, -1, 1001, 1.5])
    expect(await codeOf(diarize(mono, { numSpeakers }))).toBe("INVALID_ARGUMENT");
});

describeWithShared("with a diarization model", () => {
  let folder: string;
  let model: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "agora-speakers-"));
    const { kind, files } = await convertHere(sharedPath("diarization")!, { out: folder });
    expect(kind).toBe("diarization");
    model = files[0]!.path;
    expect(await inspectModel(model)).toMatchObject({ kind: "diarization", embedding: "ge2e", plda: false });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("the speakers of a call in one channel are those of the truth", async () => {
    const { turns, speakers, duration } = await diarize(samplePath(`${CALL}.wav`), {
      model,
      embeddings: true,
    });
    expect(speakers).toHaveLength(2);
    expect(speakers[0]!.embedding).toHaveLength(256);
    const reference = parseRttm(readFileSync(samplePath(`${CALL}.rttm`), "utf8"));
    expect(errorRate(diarizationErrors(reference, turns, { collar: 0, end: duration }))).toBeLessThan(0.05);
  });

  it("words of one channel have the speakers of their turns, and segments are cut where they change", async () => {
    const result = await transcriber().transcribe(samplePath(`${CALL}.wav`), {
      diarize: { model },
      wordTimestamps: true,
    });
    const { segments, speakers = [] } = result;
    expect(speakers).toHaveLength(2);
    const names = new Map<string, string>();
    for (const { speaker, start, end } of segments) {
      expect(speaker).not.toBeNull();
      names.set(speaker!, truthOf(start, end));
    }
    expect(new Set(names.values()).size).toBe(2);
    const words = segments.flatMap((segment) => segment.words!);
    const wrong = words.filter(({ speaker, start, end }) => names.get(speaker!) !== truthOf(start, end));
    expect(wrong.length / words.length).toBeLessThan(0.05);
    for (const { words, speaker } of segments)
      expect(words!.every((word) => word.speaker === speaker)).toBe(true);
  });

  it("a seller is known by the voice, in one channel and on a channel of an own", async () => {
    const channels = [0, 1].map((channel) => voiceOf(STEREO, { model, channels: channel }));
    const [seller, client] = (await Promise.all(channels)) as [readonly number[], readonly number[]];
    const rolesOf = async (input: string, voice: readonly number[]) => {
      const { turns, speakers, warnings } = await diarize(input, { model, roles: { sellerVoices: [voice] } });
      expect(warnings).toEqual([]);
      const roles = new Map(speakers.map(({ id, role }) => [id, role]));
      return turns.map(({ start, end, speaker }) => [truthOf(start, end), roles.get(speaker)] as const);
    };
    const mono = samplePath(`${CALL}.wav`);
    for (const input of [STEREO, mono])
      for (const [truth, role] of await rolesOf(input, seller)) expect(role).toBe(truth);
    for (const [truth, role] of await rolesOf(mono, client)) expect(role).not.toBe(truth);
    const spoken = await transcriber().transcribe(STEREO, {
      diarize: { model, embeddings: true },
      roles: { sellerVoices: [seller] },
    });
    expect(spoken.speakers!.map(({ role }) => role)).toEqual(["seller", "client"]);
    expect(spoken.speakers![0]!.evidence.join()).toContain("known seller's voice");
    expect(spoken.speakers!.map(({ embedding }) => embedding?.length)).toEqual([256, 256]);
  });

  it("voices of other models, and recordings of nobody, are refused", async () => {
    const mono = samplePath(`${CALL}.wav`);
    const { code, message } = await failure(diarize(mono, { model, roles: { sellerVoices: [[1, 0]] } }));
    expect([code, message]).toEqual(["INVALID_ARGUMENT", expect.stringContaining("256 numbers")]);
    const silence = { samples: new Float32Array(16_000 * 3), sampleRate: 16_000 };
    expect((await failure(voiceOf(silence, { model }))).message).toContain("somebody who speaks");
    const without = await failure(diarize(STEREO, { roles: { sellerVoices: [[1, 0]] } }));
    expect(without.message).toContain("diarization model");
  });

  it("a transcript of one channel has the turns that diarize() gives", async () => {
    const mono = samplePath(`${CALL}.wav`);
    const { turns } = await diarize(mono, { model });
    const result = await transcriber().transcribe(mono, { diarize: { model } });
    expect(formatResult(result, "rttm", { recording: CALL })).toBe(formatTurns(turns, CALL));
  });

  it("silence, noise and snippets have no or few speakers, an exact number is kept, and a cancelled call ends", async () => {
    const silence = { samples: new Float32Array(16_000 * 12), sampleRate: 16_000 };
    expect(await diarize(silence, { model, numSpeakers: 2 })).toMatchObject({
      turns: [],
      speakers: [],
      warnings: [expect.stringContaining("No speakers were found")],
    });
    const empty = { samples: new Float32Array(0), sampleRate: 16_000 };
    expect((await diarize(empty, { model })).turns).toEqual([]);
    const snippet = { samples: new Float32Array(4800).fill(0.1), sampleRate: 16_000 };
    expect((await diarize(snippet, { model })).speakers.length).toBeLessThanOrEqual(1);
    const call = samplePath(`${CALL}.wav`);
    expect((await diarize(call, { model, numSpeakers: 1 })).speakers).toHaveLength(1);
    expect((await diarize(call, { model, maxSpeakers: 1 })).speakers).toHaveLength(1);
    const controller = new AbortController();
    const call2 = diarize(samplePath("long-call-en.flac"), { model, signal: controller.signal });
    setTimeout(() => controller.abort(), 200);
    expect(await codeOf(call2)).toBe("CANCELLED");
  });
});

describeWithShared("with Nemotron-3-Diarization's network, whose weights are random", () => {
  let folder: string;
  let model: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "agora-nemotron-"));
    const { files } = await convertHere(sharedPath("diarization/nemotron3-tiny")!, { out: folder });
    model = files[0]!.path;
    expect(await inspectModel(model)).toMatchObject({
      kind: "diarization",
      pipeline: "nemotron",
      weightType: "f16",
      mostSpeakers: 8,
    });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("speakers are numbered, counted and kept to the number asked for, and what cannot be is said", async () => {
    const mono = samplePath(`${CALL}.wav`);
    const { turns, speakers, duration, warnings } = await diarize(mono, { model, engine: "nemotron" });
    expect(speakers.length).toBeGreaterThan(2);
    expect(speakers[0]!.id).toBe("SPEAKER_00");
    expect(turns[0]!.speaker).toBe("SPEAKER_00");
    expect(turns.every(({ start, end }) => start >= 0 && start < end && end <= duration + 1e-3)).toBe(true);
    expect(warnings).toEqual([]);
    expect((await diarize(mono, { model, numSpeakers: 2 })).speakers).toHaveLength(2);
    expect((await diarize(mono, { model, maxSpeakers: 1 })).speakers).toHaveLength(1);
    const many = await diarize(mono, { model, numSpeakers: 1000, embeddings: true });
    expect(many.warnings).toEqual([
      expect.stringContaining("no more than 8 apart"),
      expect.stringContaining("no vectors of voices"),
    ]);
    expect(await codeOf(diarize(mono, { model, engine: "community" }))).toBe("INVALID_ARGUMENT");
  });

  it("words get its speakers, and silence, snippets and a cancelled call end as they should", async () => {
    const result = await transcriber().transcribe(samplePath(`${CALL}.wav`), {
      diarize: { model, numSpeakers: 2 },
      wordTimestamps: true,
    });
    expect(result.speakers).toHaveLength(2);
    const words = result.segments.flatMap((segment) => segment.words!);
    expect(words.every(({ speaker }) => speaker !== undefined)).toBe(true);
    const silence = { samples: new Float32Array(16_000 * 40), sampleRate: 16_000 };
    expect(await diarize(silence, { model, numSpeakers: 2 })).toMatchObject({
      turns: [],
      warnings: [expect.stringContaining("No speakers were found")],
    });
    for (const count of [0, 100, 4800]) {
      const snippet = { samples: new Float32Array(count).fill(0.1), sampleRate: 16_000 };
      expect((await diarize(snippet, { model })).duration).toBeCloseTo(count / 16_000, 3);
    }
    const controller = new AbortController();
    const call = diarize(samplePath("long-call-en.flac"), { model, signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    expect(await codeOf(call)).toBe("CANCELLED");
  });
});
