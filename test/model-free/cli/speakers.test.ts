import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TranscriptionError } from "../../../src/errors.js";
import { formatTurns, OUTPUT_FORMATS, type VoiceOptions } from "../../../src/index.js";
import { answer, fakeApi } from "../../support/fake-api.js";
import { folderWith } from "../../support/folder-with.js";
import { segment } from "../../support/results.js";
import { runInProcess } from "../../support/run-cli.js";

const TURNS = [
  { start: 0, end: 1.5, speaker: "SPEAKER_00", confidence: 1 },
  { start: 1.25, end: 2, speaker: "SPEAKER_01", confidence: 0.9 },
];

/** A transcriber that tells speakers where it is asked to. */
const api = () =>
  fakeApi(async (_input, options = {}) =>
    answer([segment(0, 2, "Hello.")], {}, options.diarize ? { turns: TURNS, speakers: [] } : {}),
  );

describe("-f rttm", () => {
  it("writes the turns of every file under its name, as diarize does", async () => {
    const folder = await folderWith("a.wav", "b.wav");
    const args = [join(folder, "*.wav"), "--diarize", "-f", "rttm"];
    const { code, stdout, stderr } = await runInProcess(args, { api: api() });
    const stdoutOfDiarize = formatTurns(TURNS, "a") + formatTurns(TURNS, "b");
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: stdoutOfDiarize, stderr: "" });
  });

  it("is refused before any work where nothing tells who speaks", async () => {
    const folder = await folderWith("a.wav");
    const fake = api();
    for (const formats of ["rttm", "txt,rttm", "all,rttm"]) {
      const args = [join(folder, "a.wav"), "-f", formats, "-o", join(folder, "out")];
      const { code, stderr } = await runInProcess(args, { api: fake });
      expect({ code, created: fake.created }).toEqual({ code: 2, created: [] });
      expect(stderr).toContain("-f rttm tells who speaks when: it needs --diarize, or --channels each");
    }
  });

  it("is one of all formats where speakers or channels are told apart", async () => {
    const written = async (...flags: string[]) => {
      const folder = await folderWith("a.wav");
      const out = join(folder, "out");
      const run = await runInProcess([join(folder, "a.wav"), "-f", "all", "-o", out, ...flags], {
        api: api(),
      });
      expect(run).toMatchObject({ code: 0, stderr: "" });
      const files = await readdir(out);
      return { files, rttm: files.includes("a.rttm") ? await readFile(join(out, "a.rttm"), "utf8") : "" };
    };
    expect(await written("--diarize")).toMatchObject({ rttm: formatTurns(TURNS, "a") });
    const { files, rttm } = await written();
    expect([files.length, rttm]).toEqual([OUTPUT_FORMATS.length - 1, ""]);
  });
});

describe("--seller-voice", () => {
  const voices = (heard: [unknown, VoiceOptions | undefined][]) => ({
    voiceOf: async (input: unknown, options?: VoiceOptions) => {
      heard.push([input, options]);
      return [heard.length, 0.5];
    },
  });

  it("hears each recording once for all files, and asks for roles by the voices", async () => {
    const folder = await folderWith("a.wav", "b.wav", "anna.wav", "boris.wav");
    const heard: [unknown, VoiceOptions | undefined][] = [];
    const fake = fakeApi(undefined, voices(heard));
    const [anna, boris] = [join(folder, "anna.wav"), join(folder, "boris.wav")];
    const flags = [
      "--seller-voice",
      anna,
      "--seller-voice",
      boris,
      "--diarization-model",
      "m.gguf",
      "-t",
      "2",
    ];
    const files = [join(folder, "a.wav"), join(folder, "b.wav")];
    const { code, stderr } = await runInProcess([...files, ...flags], { api: fake });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const options = { model: "m.gguf", threads: 2, signal: expect.any(AbortSignal) };
    expect(heard).toEqual([
      [anna, options],
      [boris, options],
    ]);
    expect(fake.calls.map(({ options }) => [options.diarize, options.roles])).toEqual(
      files.map(() => [
        { model: "m.gguf" },
        {
          sellerVoices: [
            [1, 0.5],
            [2, 0.5],
          ],
        },
      ]),
    );
  });

  it("is told to diarize, too, beside what else is known", async () => {
    const folder = await folderWith("a.wav", "anna.wav");
    const asked: unknown[] = [];
    const fake = fakeApi(undefined, {
      ...voices([]),
      diarize: async (_input, { roles } = {}) => {
        asked.push(roles);
        return { turns: [], speakers: [], duration: 1, processingTime: 1, warnings: [] };
      },
    });
    const flags = ["--seller-voice", join(folder, "anna.wav"), "--seller-channel", "1"];
    const { code } = await runInProcess(["diarize", join(folder, "a.wav"), ...flags], { api: fake });
    expect({ code, asked }).toEqual({ code: 0, asked: [{ sellerChannel: 1, sellerVoices: [[1, 0.5]] }] });
  });

  it("ends before any file where a recording has no voice, and names it", async () => {
    const folder = await folderWith("a.wav", "anna.wav");
    const voiceOf = async () => {
      throw new TranscriptionError("INVALID_ARGUMENT", "Expected somebody who speaks");
    };
    for (const command of [[], ["diarize"]]) {
      const fake = fakeApi(undefined, { voiceOf });
      const args = [...command, join(folder, "a.wav"), "--seller-voice", join(folder, "anna.wav")];
      const { code, stderr } = await runInProcess(args, { api: fake });
      expect({ code, created: fake.created }).toEqual({ code: 2, created: [] });
      expect(stderr).toContain(`--seller-voice ${join(folder, "anna.wav")}: Expected somebody who speaks`);
    }
  });
});

describe("--known-voice", () => {
  const speakers = [
    { id: "SPEAKER_00", name: "Anna", role: null, roleConfidence: 0, evidence: [], talkTime: 1, turns: 1 },
    { id: "SPEAKER_01", role: null, roleConfidence: 0, evidence: [], talkTime: 1, turns: 1 },
  ];
  const voiceOf = async (input: unknown) => (String(input).endsWith("anna.wav") ? [1, 0] : [0, 1]);

  it("hears each recording, asks for speakers by the voices, and calls them by their names", async () => {
    const folder = await folderWith("a.wav", "anna.wav", "b=oris.wav");
    const said = { ...segment(0, 2, "Hello."), speaker: "SPEAKER_00", speakerConfidence: 1 };
    const fake = fakeApi(async () => answer([said], {}, { turns: TURNS, speakers }), { voiceOf });
    const flags = [
      "--known-voice",
      `Anna=${join(folder, "anna.wav")}`,
      "--known-voice",
      `Boris B.=${join(folder, "b=oris.wav")}`,
    ];
    const run = await runInProcess([join(folder, "a.wav"), ...flags, "--num-speakers", "2"], { api: fake });
    expect(run).toMatchObject({ code: 0, stdout: "Anna: Hello.\n", stderr: "" });
    expect(fake.calls[0]!.options.diarize).toEqual({
      numSpeakers: 2,
      knownVoices: { Anna: [1, 0], "Boris B.": [0, 1] },
    });
    const json = await runInProcess([join(folder, "a.wav"), ...flags, "-f", "json"], { api: fake });
    expect(JSON.parse(json.stdout)).toMatchObject({ segments: [{ speaker: "SPEAKER_00" }], speakers });
  });

  it("names the turns that diarize writes", async () => {
    const folder = await folderWith("a.wav", "anna.wav");
    const asked: unknown[] = [];
    const fake = fakeApi(undefined, {
      voiceOf,
      diarize: async (_input, { knownVoices } = {}) => {
        asked.push(knownVoices);
        return { turns: TURNS, speakers, duration: 2, processingTime: 1, warnings: [] };
      },
    });
    const args = ["diarize", join(folder, "a.wav"), "--known-voice", `Anna=${join(folder, "anna.wav")}`];
    const { code, stdout } = await runInProcess(args, { api: fake });
    const [first, second] = TURNS;
    const expected = formatTurns([{ ...first!, speaker: "Anna" }, second!], "a");
    expect({ code, stdout, asked }).toEqual({ code: 0, stdout: expected, asked: [{ Anna: [1, 0] }] });
  });

  it("is refused without a name, a recording or twice for a name, and names a recording without a voice", async () => {
    const folder = await folderWith("a.wav", "anna.wav");
    const fake = fakeApi(undefined, {
      voiceOf: async () => {
        throw new TranscriptionError("INVALID_ARGUMENT", "Expected somebody who speaks");
      },
    });
    const run = (...flags: string[]) => runInProcess([join(folder, "a.wav"), ...flags], { api: fake });
    for (const value of ["anna.wav", "=anna.wav", "Anna="]) {
      const { code, stderr } = await run("--known-voice", value);
      expect([code, stderr]).toEqual([2, expect.stringContaining("as in Anna=anna.wav")]);
    }
    const twice = await run("--known-voice", "Anna=a.wav", "--known-voice", "Anna=b.wav");
    expect(twice).toMatchObject({ code: 2, stderr: expect.stringContaining("one recording of Anna") });
    const silent = await run("--known-voice", "Anna=anna.wav");
    expect(silent).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--known-voice Anna=anna.wav: Expected somebody who speaks"),
    });
    expect(fake.created).toEqual([]);
  });
});
