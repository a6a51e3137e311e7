import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { rawWav } from "../../support/audio.js";
import { peakMemoryOfCli } from "../../support/peak-memory.js";
import { realWhisper } from "../../support/real-whisper.js";
import { type RealRun, runRealCli } from "../../support/run-real-cli.js";
import { temporaryFolder } from "../../support/temporary-folder.js";
import { argumentsOf } from "./case-table.js";
import * as is from "./checks.js";
import { type Check, COUNTRY_SECONDS, JFK_SECONDS } from "./checks.js";

/** The whole of jfk.wav on its own clock. */
const wholeJfk =
  (tolerance = 0.1): Check =>
  (run) => {
    const result = is.resultOf(run);
    is.expectWithin(result.duration, JFK_SECONDS, tolerance);
    is.expectJfk(result);
  };

/** Both halves on one clock, or a warning that the second was left out: never half of it without a word. */
const bothHalves =
  (tolerance: number): Check =>
  (run, row) => {
    const result = is.resultOf(run);
    if (result.duration < JFK_SECONDS - 1)
      return is.expectWarning(result, /left out|not read|second|behind|further/i);
    return wholeJfk(tolerance)(run, row);
  };

/** Where in the sound the last word is, of a command that did not ask for words. */
async function wordsToo(row: Parameters<Check>[1], ...more: string[]): Promise<RealRun> {
  return runRealCli([...argumentsOf(row, realWhisper().base), "--word-timestamps", ...more]);
}

const countryKeepsItsTime: Check = async (_, row) => {
  is.expectCountryAt(is.resultOf(await wordsToo(row)), COUNTRY_SECONDS, 0.2);
};

/** Read, or refused by its own name. */
const jfkOr =
  (name: RegExp, ...more: Check[]): Check =>
  async (run, row) => {
    if (run.error) return is.expectRefusal(run, "UNSUPPORTED_FORMAT", name);
    for (const check of [wholeJfk(), ...more]) await check(run, row);
  };

const oneOfTwoTracks: Check = (run) => {
  const result = is.resultOf(run);
  is.expectJfk(result);
  is.expectWarning(result, /\b(2|two)\b/i);
};

const channelsCancel: Check = (run) => {
  const result = is.resultOf(run);
  is.expectJfk(result);
  is.expectWarning(result, /cancel|opposite|phase/i);
};

/** The first 4.0 s of jfk.wav, or a refusal that names what is wrong. */
const fourSeconds =
  (refusal?: RegExp, tolerance = 0.01): Check =>
  (run) => {
    if (run.error && refusal) return is.expectRefusal(run, "DECODE_FAILED", refusal);
    const result = is.resultOf(run);
    is.expectWithin(result.duration, 4, tolerance);
    is.expectWordsIn(result.text, "so my fellow");
  };

/** Frames are lost in a pause of the speech; what is behind keeps its time. */
const framesLost: Check = async (run, row) => {
  expect(is.resultOf(run).warnings).not.toEqual([]);
  is.expectCountryAt(is.resultOf(await wordsToo(row)), COUNTRY_SECONDS, 0.1);
};

const jfkText: Check = (run) => is.expectJfk(is.resultOf(run));

const headerless: Check = (run) => is.expectRefusal(run, "UNSUPPORTED_FORMAT", /header[\s\S]*ffmpeg/i);

const TRANSPORT_STREAM = /MPEG transport stream/i;

/** By input: every row of the table has to be here. */
export const AUDIO_CHECKS: Record<string, Check> = {
  "two-webm-joined.webm": bothHalves(0.1),
  "two-m4a-joined.m4a": bothHalves(0.2),
  "wav-two-joined.wav": bothHalves(0.1),
  "wav-size-of-first-second.wav": (run, row) => {
    const result = is.resultOf(run);
    if (result.duration < 2) return is.expectWarning(result, /160[ ,.\u202f\u00a0]?000/);
    return wholeJfk()(run, row);
  },
  "hole-40min.mkv": async (run, row) => {
    const result = is.resultOf(run);
    is.expectWithin(result.duration, 2411, 0.1);
    is.expectJfk(result);
    is.expectCountryAt(result, 2400 + COUNTRY_SECONDS, 0.2);
    const bytes = await peakMemoryOfCli(argumentsOf(row, realWhisper().base));
    if (bytes !== undefined) expect(bytes / 1e6).toBeLessThan(500);
  },
  "hole-13h.mkv": async (run, row) => {
    is.expectRefusal(run, "AUDIO_TOO_LONG", /12 ?h|43[ ,]?200/);
    const longer = is.resultOf(await wordsToo(row, "--max-duration", "50000"));
    is.expectCountryAt(longer, 46_800 + COUNTRY_SECONDS, 0.2);
  },
  "stereo-opposite-phase.flac": channelsCancel,
  "stereo-opposite-phase.mp3": channelsCancel,
  "tracks-silence-speech.mkv": oneOfTwoTracks,
  "tracks-second-is-default.mkv": oneOfTwoTracks,
  "tracks-ru-en-second-is-default.mkv": oneOfTwoTracks,
  "transport-stream.ts": async (run, row) => {
    await jfkOr(TRANSPORT_STREAM)(run, row);
    const path = join(await temporaryFolder(), "video.mp4");
    copyFileSync(row.path, path);
    const renamed = await runRealCli(argumentsOf({ ...row, path }, realWhisper().base));
    await jfkOr(TRANSPORT_STREAM)(renamed, row);
  },
  "transport-stream-cut-middle.ts": async (run, row) => {
    // What is missing is speech: only the clock and the end can be right.
    if (run.error) return is.expectRefusal(run, "UNSUPPORTED_FORMAT", TRANSPORT_STREAM);
    const result = is.resultOf(run);
    is.expectWithin(result.duration, JFK_SECONDS, 0.1);
    is.expectWordsIn(result.text, "can do for your country");
    await countryKeepsItsTime(run, row);
  },
  "transport-stream-clock-wraps.ts": jfkOr(TRANSPORT_STREAM, countryKeepsItsTime),
  "flash-video.flv": jfkOr(/Flash Video|FLV/i),
  "avi-mp3.avi": jfkOr(/\bAVI\b(?!\s*")/),
  "program-stream.mpg": jfkOr(/MPEG program stream/i),
  "wav-odd-chunk-without-pad.wav": fourSeconds(/pad/i),
  "wav-odd-chunk-without-pad-first.wav": fourSeconds(/pad/i),
  "wav-1100-small-chunks.wav": (run, row) => {
    expect(is.resultOf(run).warnings).toEqual([]);
    return fourSeconds()(run, row);
  },
  "wav-block-align-in-bits.wav": fourSeconds(),
  "wav-block-align-0.wav": fourSeconds(),
  "wav-extensible-subtype-tail-0.wav": fourSeconds(/GUID|sub-?type|sub-?format/i),
  "wav-24-bits-in-4-bytes.wav": fourSeconds(/\b4\b.*\b3\b|\b24\b.*\b32\b/),
  "wav-open-size-chunk-behind.wav": async (run, row) => {
    await fourSeconds()(run, row);
    const path = join(await temporaryFolder(), "without-chunk.wav");
    writeFileSync(path, rawWav({ sampleRate: 8000 }, readFileSync(row.path).subarray(44, 44 + 4 * 16_000)));
    const without = await runRealCli(argumentsOf({ ...row, path }, realWhisper().base));
    expect(is.resultOf(run).text).toBe(is.resultOf(without).text);
  },
  "adts-3000-bytes-zero.aac": framesLost,
  "adts-3000-bytes-random.aac": framesLost,
  "mp3-3000-bytes-zero.mp3": framesLost,
  "mp3-100-kB-zeros-first.mp3": jfkText,
  "mp3-ape-tag-100-kB-first.mp3": (run) => {
    const result = is.resultOf(run);
    is.expectJfk(result);
    expect(result.warnings).toEqual([]);
  },
  "mp3-id3-size-in-8-bit-bytes.mp3": jfkText,
  "headerless.ul": headerless,
  "headerless.gsm": headerless,
  "headerless.g722": headerless,
};
