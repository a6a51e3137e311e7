import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { wav } from "../support/audio.js";
import { formOf, post, startHttp, uploadsOnDisk } from "../support/http-server.js";
import { readMetrics } from "../support/metrics.js";
import { samplePath, sampleTurns } from "../support/samples.js";
import { RECORDING, until } from "../support/server.js";

/** Seconds of the calls that are sent. */
const SECONDS = 12;
const MONO = beginning("sales-call-en.wav", 1);
const STEREO = beginning("sales-call-en.stereo.wav", 2);
const TURNS = sampleTurns("sales-call-en").filter(({ end }) => end < SECONDS);

/** A WAV file with the first seconds of a sample of 16 kHz. */
function beginning(name: string, channels: number): Uint8Array {
  const bytes = Buffer.from(readFileSync(samplePath(name)).subarray(0, 44 + SECONDS * 16_000 * 2 * channels));
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.writeUInt32LE(bytes.length - 44, 40);
  return bytes;
}

beforeEach(() => {
  // Nothing is fetched, and nothing that this machine has is taken.
  vi.stubEnv("AGORA_OFFLINE", "1");
  vi.stubEnv("AGORA_DIARIZATION_MODEL", "");
});

/** With the VAD model that comes with the package. */
const start = () => startHttp({ settings: { vadModel: undefined } });

describe("POST /v1/audio/diarization", () => {
  const PATH = { path: "/v1/audio/diarization" };

  it("tells who speaks when, at either path, as JSON and as RTTM", async () => {
    const { engine, lines, server, url } = await start();
    const fields = { model: "pyannote/speaker-diarization-community-1" };
    const { json } = await post(url, formOf(STEREO, fields), PATH);
    expect(json.duration).toBe(SECONDS);
    const nearest = (time: number) =>
      TURNS.find(({ start, end }) => start - 0.3 <= time && time <= end + 0.3)?.speaker;
    const names = new Map<string, string | undefined>();
    for (const { start, end, speaker } of json.segments) {
      const truth = nearest((start + end) / 2);
      if (end < SECONDS - 0.5) expect(names.get(speaker) ?? truth).toBe(truth);
      names.set(speaker, names.get(speaker) ?? truth);
    }
    expect([...names.keys()].sort()).toEqual(["SPEAKER_00", "SPEAKER_01"]);
    const rttm = await post(url, formOf(STEREO, { response_format: "rttm" }, "call one.wav"), {
      path: "/audio/diarization",
    });
    expect(rttm.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    const rows = rttm.text.trimEnd().split("\n");
    expect(rows).toHaveLength(json.segments.length);
    for (const row of rows)
      expect(row).toMatch(
        /^SPEAKER call_one\.wav [12] \d+\.\d{3} \d+\.\d{3} <NA> <NA> SPEAKER_0[01] <NA> <NA>$/,
      );
    expect(engine.windows).toHaveLength(0);
    expect(lines.some((line) => /Done in .* s, 2 speakers/.test(line))).toBe(true);
    const metrics = await readMetrics(server.httpPort!);
    expect(metrics.get("agora_audio_seconds_total")).toBe(2 * SECONDS);
    await until(() => uploadsOnDisk() === 0);
  });

  it("is refused where it cannot be done, by name", async () => {
    const { url } = await start();
    const refused = async (recording: Uint8Array, fields: Record<string, string>) => {
      const { json, status } = await post(url, formOf(recording, fields), PATH);
      return { status, param: json.error.param, message: json.error.message };
    };
    expect(await refused(MONO, {})).toEqual({
      status: 400,
      param: "file",
      message: expect.stringContaining("the server has no diarization model"),
    });
    const cases: [Record<string, string>, number, string][] = [
      [{ response_format: "srt" }, 400, "response_format"],
      [{ channels: "each" }, 400, "channels"],
      [{ num_speakers: "0" }, 400, "num_speakers"],
      [{ min_speakers: "3", max_speakers: "2" }, 400, "min_speakers"],
      [{ num_speaker: "2" }, 400, "num_speaker"],
      [{ model: "no/such" }, 404, "model"],
      [{ max_duration: "1" }, 400, "max_duration"],
    ];
    for (const [fields, status, param] of cases) {
      const found = await refused(STEREO, fields);
      expect({ ...found, fields }).toMatchObject({ status, fields });
      expect(`${found.param} ${found.message}`).toContain(param);
    }
    await until(() => uploadsOnDisk() === 0);
  });
});

describe("POST /v1/audio/speech/timestamps", () => {
  const PATH = { path: "/v1/audio/speech/timestamps" };

  it("tells where somebody speaks, in milliseconds, at either path", async () => {
    const { lines, url } = await start();
    const { json } = await post(url, formOf(MONO, { model: "silero_vad_v5" }), PATH);
    expect(json.length).toBeGreaterThan(0);
    for (const { start, end } of json as { start: number; end: number }[]) {
      expect([Number.isInteger(start), Number.isInteger(end), start < end]).toEqual([true, true, true]);
    }
    const isIn = (time: number) =>
      (json as { start: number; end: number }[]).some(({ start, end }) => start <= time && time < end);
    for (const { start, end } of TURNS) expect(isIn(500 * (start + end))).toBe(true);
    expect(lines.some((line) => /Done in .* s, \d+ stretch(es)? of speech/.test(line))).toBe(true);
    const padded = await post(url, formOf(MONO, { speech_pad_ms: "200", min_silence_duration_ms: "100" }), {
      path: "/audio/speech/timestamps",
    });
    expect(padded.json.length).toBeGreaterThan(json.length);
    const parted = await post(url, formOf(MONO, { max_speech_duration_s: "2", neg_threshold: "0.1" }), PATH);
    for (const { start, end } of parted.json) expect(end - start).toBeLessThanOrEqual(2000);
    expect((await post(url, formOf(MONO, { max_speech_duration_s: "inf" }), PATH)).json).toEqual(json);
    await until(() => uploadsOnDisk() === 0);
  });

  it("tells nothing where nobody speaks", async () => {
    const { url } = await start();
    const silence = wav([new Float32Array(32_000)], 16_000);
    expect(await post(url, formOf(silence), PATH)).toMatchObject({ status: 200, text: "[]" });
  });

  it.each([
    [{ threshold: "7" }, 400, "threshold"],
    [{ neg_threshold: "0.9" }, 400, "neg_threshold"],
    [{ min_silence_duration_ms: "40000" }, 400, "min_silence_duration_ms"],
    [{ speech_pad_ms: "1000", max_speech_duration_s: "2" }, 400, "max_speech_duration_s"],
    [{ channels: "each" }, 400, "channels"],
    [{ thresold: "0.5" }, 400, "thresold"],
    [{ model: "whisper-1" }, 404, "model"],
  ])("is refused for %o, by name", async (fields, status, param) => {
    const { url } = await start();
    const found = await post(url, formOf(MONO, fields as unknown as Record<string, string>), PATH);
    expect({ status: found.status, param: found.json.error.param }).toEqual({ status, param });
    expect(found.json.error.message).not.toContain("vadOptions");
  });

  it("is refused by a server without a VAD model", async () => {
    const { url } = await startHttp();
    const { json, status } = await post(url, formOf(RECORDING), PATH);
    expect({ status, message: json.error.message }).toEqual({
      status: 400,
      message: "The server has no VAD model (MODEL_VAD=off)",
    });
  });
});
