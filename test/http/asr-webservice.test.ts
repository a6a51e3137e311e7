import { describe, expect, it, onTestFinished, vi } from "vitest";
import { wav } from "../support/audio.js";
import { bursts, fakeSegment } from "../support/fake-engine.js";
import { FileServer } from "../support/file-server.js";
import { type Answered, post, startHttp, uploadsOnDisk } from "../support/http-server.js";
import { readMetrics } from "../support/metrics.js";
import { RECORDING, until } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";

/** The samples of {@link RECORDING} as clients send them that have decoded it themselves. */
const SAMPLES = RECORDING.subarray(44);

/** Asks as its clients do: what is wanted in the address, the file in a form. */
function ask(
  url: string,
  path: string,
  parameters: Readonly<Record<string, string>> = {},
  recording: Uint8Array = RECORDING,
  name = "audio_file",
): Promise<Answered> {
  const form = new FormData();
  form.append(name, new Blob([recording as Uint8Array<ArrayBuffer>]), "Звонок 1.wav");
  return post(url, form, { path: `${path}?${new URLSearchParams(parameters)}` });
}

const HELLO = {
  answer: (samples: Float32Array) => ({
    segments: [fakeSegment("Hello there.", 0.5, samples.length / 16_000 - 0.25)],
  }),
};

describe("POST /asr", () => {
  it("answers with a file of text, whatever it is", async () => {
    const { url } = await startHttp(HELLO);
    const outputs: [string, RegExp][] = [
      ["txt", /^Hello there\.\n$/],
      ["srt", /^1\n00:00:\d\d,\d{3} --> 00:00:\d\d,\d{3}\nHello there\.\n/],
      ["vtt", /^WEBVTT\n\n(00:)?00:\d\d\.\d{3} --> .*\nHello there\.\n/],
      ["tsv", /^start\tend\ttext\n\d+\t\d+\tHello there\.\n/],
    ];
    for (const [output, expected] of outputs) {
      const { headers, status, text } = await ask(url, "/asr", { output });
      expect([status, text]).toEqual([200, expect.stringMatching(expected)]);
      expect(headers.get("content-type")).toBe("text/plain; charset=utf-8");
      const name = encodeURIComponent("Звонок 1.wav");
      expect(headers.get("content-disposition")).toBe(`attachment; filename="${name}.${output}"`);
      expect(headers.get("asr-engine")).toBe("fake");
    }
    const plain = await ask(url, "/asr");
    expect(plain.text).toBe("Hello there.\n");
    const json = JSON.parse((await ask(url, "/asr", { output: "json" })).text);
    expect(json).toMatchObject({
      text: "Hello there.",
      language: "en",
      segments: [{ id: 0, text: " Hello there." }],
    });
  });

  it("reads raw samples as what they are, as Bazarr sends them", async () => {
    const { engine, lines, server, url } = await startHttp();
    const parameters = {
      task: "translate",
      language: "ru",
      output: "srt",
      encode: "false",
      video_name: "/film.mkv",
    };
    const { status, text } = await ask(url, "/asr", parameters, SAMPLES);
    expect(status).toBe(200);
    expect(text).toBe((await ask(url, "/asr", { ...parameters, encode: "true" })).text);
    expect(engine.windows).toHaveLength(2);
    for (const window of engine.windows) expect(window).toMatchObject({ language: "ru", task: "translate" });
    expect(lines.join("")).not.toContain("not known here");
    const metrics = await readMetrics(server.httpPort!);
    expect(metrics.get("agora_upload_bytes_total")).toBe(SAMPLES.length + RECORDING.length);
    expect(metrics.get('agora_requests_total{method="POST /asr",outcome="OK"}')).toBe(2);
    await until(() => uploadsOnDisk() === 0);
  });

  it("has the options of the library, in the address and in the form", async () => {
    const { engine, url } = await startHttp();
    const parameters = {
      initial_prompt: "Ёлка.",
      vad_filter: "false",
      word_timestamps: "True",
      beam_size: "3",
    };
    const form = new FormData();
    form.append("hotwords", "Agora");
    form.append("audio_file", new Blob([RECORDING as Uint8Array<ArrayBuffer>]), "a.wav");
    const { status } = await post(url, form, { path: `/asr?${new URLSearchParams(parameters)}` });
    expect(status).toBe(200);
    expect(engine.windows[0]).toMatchObject({
      initialPrompt: "Ёлка.",
      hotwords: "Agora",
      beamSize: 3,
      wordTimestamps: true,
    });
  });

  it("has the text, and a warning, where speakers cannot be told apart, in one turn and without a download", async () => {
    const mirror = await FileServer.start();
    onTestFinished(() => mirror.close());
    vi.stubEnv("AGORA_OFFLINE", "");
    vi.stubEnv("AGORA_MODEL_MIRROR", mirror.url);
    const { lines, server, url } = await startHttp({ settings: { cacheDir: await temporaryFolder() } });
    const { status, text } = await ask(url, "/asr", { diarize: "true", min_speakers: "2", output: "json" });
    expect([status, JSON.parse(text).text]).toEqual([200, "1"]);
    expect(lines.join("")).toContain("WARNING - [");
    expect(lines.join("")).toContain("Speakers are not told apart");
    expect(mirror.requests).toEqual([]);
    expect((await readMetrics(server.httpPort!)).get("agora_queue_seconds_count")).toBe(1);
  });

  it("tells two parties on two channels apart", async () => {
    const { url } = await startHttp();
    const second = bursts(2);
    const stereo = wav([bursts(1), second.subarray(0, bursts(1).length)], 16_000);
    const { text } = await ask(url, "/asr", { diarize: "true", channels: "each", output: "json" }, stereo);
    const { segments, text: all } = JSON.parse(text);
    expect(all).not.toBe("");
    const speakers = new Set(segments.map(({ speaker }: { speaker: string }) => speaker));
    expect([...speakers].sort()).toEqual(["SPEAKER_00", "SPEAKER_01"]);
  });

  it.each([
    ["/asr", { output: "docx" }, "output"],
    ["/asr", { encode: "perhaps" }, "encode"],
    ["/asr", { language: "klingon" }, "language"],
    ["/asr", { min_speakers: "3", max_speakers: "2" }, "min_speakers"],
    ["/asr", { beam_sise: "2" }, "beam_sise"],
    ["/detect-language", { encode: "perhaps" }, "encode"],
    ["/detect-language", { channels: "each" }, "channels"],
    ["/detect-language", { language_detection_threshold: "2" }, "language_detection_threshold"],
  ])("%s is refused for %o, by name", async (path, parameters, param) => {
    const { engine, url } = await startHttp();
    const { json, status } = await ask(url, path, parameters as Record<string, string>);
    expect({ status, error: json.error }).toMatchObject({
      status: 400,
      error: { param, code: "INVALID_ARGUMENT" },
    });
    expect(engine.heard).toBe(0);
    await until(() => uploadsOnDisk() === 0);
  });

  it("is refused without a recording, and with an empty one", async () => {
    const { url } = await startHttp();
    for (const path of ["/asr", "/detect-language"]) {
      for (const encode of ["true", "false"]) {
        const { json, status } = await ask(url, path, { encode }, new Uint8Array(0));
        expect({ status, message: json.error.message }).toEqual({
          status: 400,
          message: "Expected a recording for audio_file but it is empty",
        });
      }
      expect((await post(url, "{}", { path, headers: { "content-type": "application/json" } })).status).toBe(
        415,
      );
    }
  });
});

describe("POST /detect-language", () => {
  it("tells the language by name and code, and how sure it is", async () => {
    const probabilities = [
      { language: "ru", probability: 0.75 },
      { language: "en", probability: 0.25 },
    ];
    const { lines, server, url } = await startHttp({ detect: () => probabilities });
    const expected = { detected_language: "russian", language_code: "ru", confidence: 0.75 };
    const { headers, json } = await ask(
      url,
      "/detect-language",
      { encode: "false", video_name: "a" },
      SAMPLES,
    );
    expect(json).toEqual(expected);
    expect(headers.get("content-type")).toMatch(/^application\/json/);
    expect((await ask(url, "/detect-language")).json).toEqual(expected);
    expect(lines.some((line) => /Done in \d+\.\d\d s, language ru \(0\.75\)/.test(line))).toBe(true);
    const metrics = await readMetrics(server.httpPort!);
    expect(metrics.get('agora_requests_total{method="POST /detect-language",outcome="OK"}')).toBe(2);
  });

  it("tells nothing of a recording in which nobody speaks", async () => {
    const { url } = await startHttp();
    const silence = wav([new Float32Array(32_000)], 16_000);
    const { json, status } = await ask(url, "/detect-language", {}, silence);
    expect([status, json]).toEqual([200, { detected_language: "", language_code: "", confidence: 0 }]);
  });
});
