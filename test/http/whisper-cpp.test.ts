import { describe, expect, it } from "vitest";
import { fakeSegment } from "../support/fake-engine.js";
import { formOf, post, startHttp, uploadsOnDisk } from "../support/http-server.js";
import { RECORDING, until } from "../support/server.js";

const PATH = { path: "/inference" };
const HELLO = {
  answer: () => ({
    segments: [fakeSegment("Hello there.", 0.5, 1.5, { tokens: [1, 2] }), fakeSegment("Bye <b>.", 1.5, 2)],
  }),
};

describe("POST /inference", () => {
  it.each([
    ["json", "application/json; charset=utf-8", /^\{"text":"Hello there\.\\nBye <b>\.\\n"\}$/],
    ["text", "text/plain; charset=utf-8", /^Hello there\.\nBye <b>\.\n$/],
    ["srt", "application/x-subrip; charset=utf-8", /^1\n.* --> .*\nHello there\.\n\n2\n/],
    ["vtt", "text/vtt; charset=utf-8", /^WEBVTT\n\n/],
  ])("answers with %s", async (response_format, type, expected) => {
    const { url } = await startHttp(HELLO);
    const { headers, status, text } = await post(url, formOf(RECORDING, { response_format }), PATH);
    expect([status, headers.get("content-type"), text]).toEqual([200, type, expect.stringMatching(expected)]);
  });

  it("tells everything in verbose_json, with times unless they are not wanted", async () => {
    const probabilities = [
      { language: "de", probability: 0.9 },
      { language: "en", probability: 0.0999 },
      { language: "ru", probability: 0.0001 },
    ];
    const { url } = await startHttp({ ...HELLO, detect: () => probabilities });
    const ask = async (fields: Record<string, string> = {}) =>
      (await post(url, formOf(RECORDING, { response_format: "verbose_json", ...fields }), PATH)).json;
    const all = await ask();
    expect(all).toMatchObject({
      task: "transcribe",
      language: "german",
      duration: 13,
      text: "Hello there.\nBye <b>.\n",
      detected_language: "german",
      detected_language_probability: 0.9,
      language_probabilities: { de: 0.9, en: 0.0999 },
    });
    expect(all.segments).toHaveLength(2);
    expect(all.segments[0]).toMatchObject({
      id: 0,
      text: " Hello there.",
      tokens: [1, 2],
      words: [],
      temperature: 0,
      avg_logprob: -0.1,
      no_speech_prob: 0.01,
    });
    expect(all.segments[0].end - all.segments[0].start).toBeCloseTo(1);
    const bare = await ask({ no_timestamps: "true", no_language_probabilities: "1" });
    expect(bare).not.toHaveProperty("language_probabilities");
    for (const segment of bare.segments) expect(segment).not.toHaveProperty("start");
  });

  it("takes its options for what they are here", async () => {
    const { engine, url } = await startHttp();
    const fields = {
      temperature: "0.0",
      temperature_inc: "0.4",
      translate: "true",
      language: "ru",
      prompt: "Ёлка.",
      carry_initial_prompt: "true",
      beam_size: "-1",
      best_of: "3",
      suppress_nst: "false",
      no_speech_thold: "0.7",
      logprob_thold: "-2",
      offset_t: "6000",
      duration: "1500",
      entropy_thold: "2.4",
      split_on_word: "true",
      vad_min_silence_duration_ms: "100",
    };
    const { status } = await post(url, formOf(RECORDING, fields), PATH);
    expect(status).toBe(200);
    expect(engine.windows[0]).toMatchObject({
      temperatures: [0, 0.4, 0.8],
      task: "translate",
      language: "ru",
      initialPrompt: "Ёлка.",
      beamSize: 1,
      bestOf: 3,
      noSpeechThreshold: 0.7,
      logProbThreshold: -2,
      suppressNonSpeech: false,
    });
    await post(url, formOf(RECORDING, { offset_t: "8000" }), PATH);
    expect(engine.windows).toHaveLength(1);
    await post(url, formOf(RECORDING, { temperature_inc: "0", temperature: "0.5" }), PATH);
    await post(url, formOf(RECORDING), PATH);
    expect(engine.windows.slice(1).map(({ temperatures }) => temperatures)).toEqual([
      [0.5],
      [0, 0.2, 0.4, 0.6, 0.8, 1],
    ]);
  });

  it.each([
    [{ response_format: "docx" }, "response_format"],
    [{ temperature: "3" }, "temperature"],
    [{ temperature_inc: "-0.2" }, "temperature_inc"],
    [{ offset_t: "-1" }, "offset_t"],
    [{ no_speech_thold: "2" }, "no_speech_thold"],
    [{ vad_speech_pad_ms: "6000" }, "vad_speech_pad_ms"],
    [{ vad_speech_pad_ms: "500", vad_max_speech_duration_s: "1" }, "vad_max_speech_duration_s"],
    [{ vad_threshold: "7" }, "vad_threshold"],
    // As the client has called it, whichever of its names that is.
    [{ no_speech_threshold: "2" }, "no_speech_threshold"],
    [{ no_speech_threshold: "2", no_speech_thold: "0.5" }, "no_speech_threshold"],
    [{ log_prob_threshold: "1" }, "log_prob_threshold"],
    [{ logprob_thold: "1", log_prob_threshold: "" }, "logprob_thold"],
    [{ duration: "36000000000", offset_t: "1" }, "duration"],
    [{ vad_speech_pad: "6" }, "vad_speech_pad"],
    [{ prompt: "x".repeat(100_001) }, "prompt"],
    [{ initial_prompt: "x".repeat(100_001) }, "initial_prompt"],
    [{ temperature_ink: "0" }, "temperature_ink"],
  ])("is refused for %o, by name", async (fields, param) => {
    const { engine, url } = await startHttp();
    const { json, status } = await post(
      url,
      formOf(RECORDING, fields as unknown as Record<string, string>),
      PATH,
    );
    expect({ status, error: json.error }).toMatchObject({
      status: 400,
      error: { param, code: "INVALID_ARGUMENT" },
    });
    expect(json.error.message).toMatch(new RegExp(`(for|field) "?${param}\\b`));
    expect(engine.windows).toHaveLength(0);
    await until(() => uploadsOnDisk() === 0);
  });
});
