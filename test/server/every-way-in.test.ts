import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTranscriber, registerImplementation, type Transcriber } from "../../src/index.js";
import { ffmpeg, glide, pieces, rawWav, wav } from "../support/audio.js";
import { FakeEngine } from "../support/fake-engine.js";
import { SOME_FILE, startFakeServer } from "../support/server.js";
import { describeWithShared, sharedPath } from "../support/shared.js";
import { V2Client } from "../support/v2-client.js";
import { DIFFERENT_WAYS, digest, type Outcome, waysIn } from "../support/ways-in.js";

const IMPLEMENTATION = "digest";
registerImplementation(IMPLEMENTATION, async () => new FakeEngine({ answer: digest }));

let transcriber: Transcriber;
beforeAll(async () => {
  transcriber = await createTranscriber({ implementation: IMPLEMENTATION, model: SOME_FILE, vadModel: null });
});
afterAll(() => transcriber.close());

/** What every way in makes of a file, all of which is checked to be the same; the first is the library's. */
async function outcomeOf(bytes: Uint8Array, names?: readonly string[]): Promise<Outcome> {
  const { server, client } = await startFakeServer({ settings: { implementation: IMPLEMENTATION } });
  const ways = waysIn(transcriber, client, new V2Client(server.port));
  const outcomes: Record<string, Outcome> = {};
  for (const name of names ?? Object.keys(ways)) outcomes[name] = await ways[name]!(bytes);
  const [first] = Object.values(outcomes);
  // Contract v1 has no place for warnings and codes, the command line none for codes.
  const whole = (outcome: Outcome) => ({ ...first, ...outcome });
  for (const [name, outcome] of Object.entries(outcomes))
    expect({ [name]: whole(outcome) }).toEqual({ [name]: first });
  return first!;
}

const SOUND = wav([glide(2, 16_000)], 16_000);
const STEREO = wav([glide(2, 8000), glide(2, 8000, 300)], 8000, "8m");

describe("a recording gives the same sound by every way in", () => {
  it.each<[string, () => Uint8Array]>([
    ["WAV", () => SOUND],
    ["stereo mu-law", () => STEREO],
    ["WAV without sizes", () => rawWav({ dataSize: 0xffff_ffff, riffSize: 0xffff_ffff }, SOUND.subarray(44))],
    ["WAV that is cut off", () => SOUND.subarray(0, 30_001)],
    ["joined WAV", () => Buffer.concat([SOUND, STEREO])],
    ["WAV behind an HTTP header", () => Buffer.concat([Buffer.from("HTTP/1.1 200 OK\r\n\r\n"), SOUND])],
    ["MP3", () => ffmpeg([SOUND], [], "mp3")],
    ["MP3 with damage", () => Buffer.from(ffmpeg([SOUND], [], "mp3")).fill(0, 2000, 4000)],
    ["M4A with its index at the end", () => ffmpeg([SOUND], [], "m4a")],
    ["Ogg Opus", () => ffmpeg([SOUND], [], "opus")],
    ["WebM", () => ffmpeg([SOUND], [], "webm")],
    ["FLAC", () => ffmpeg([SOUND], [], "flac")],
    ["ADTS", () => ffmpeg([SOUND], [], "aac")],
    ["AIFF", () => ffmpeg([SOUND], [], "aiff")],
    ["a transport stream", () => ffmpeg([SOUND], ["-c:a", "aac"], "ts")],
    ["no samples", () => rawWav({})],
  ])("%s", async (_, file) => {
    const { text, duration } = await outcomeOf(file());
    expect(text).toMatch(duration === 0 ? /^$/ : /^[0-9a-f]{16}$/);
  });
});

describe("what is no recording is refused for the same reason by every way in", () => {
  it.each<[string, Uint8Array | string, string, RegExp]>([
    ["text", "Not found\n", "UNSUPPORTED_FORMAT", /^it is text, not audio$/],
    ["JSON", '{"error": "not found"}', "UNSUPPORTED_FORMAT", /^it is text, not audio$/],
    ["HTML", "<!doctype html><title>404</title>", "UNSUPPORTED_FORMAT", /^it is an HTML page, not audio$/],
    ["PDF", "%PDF-1.7\n", "UNSUPPORTED_FORMAT", /^it is a PDF document, not audio$/],
    ["ZIP", "PK\x03\x04\x14\0\0\0", "UNSUPPORTED_FORMAT", /^it is a ZIP archive, not audio$/],
    [
      "PNG",
      Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
      "UNSUPPORTED_FORMAT",
      /^it is a PNG image, not audio$/,
    ],
    [
      "JPEG",
      Buffer.from("\xff\xd8\xff\xe0", "latin1"),
      "UNSUPPORTED_FORMAT",
      /^it is a JPEG image, not audio$/,
    ],
    [
      "a program",
      Buffer.from("\x7fELF\x02\x01", "latin1"),
      "UNSUPPORTED_FORMAT",
      /^it is a program, not audio$/,
    ],
    ["one byte", Buffer.of(0), "UNSUPPORTED_FORMAT", /^it is not in a known audio format/],
    ["one letter", "R", "UNSUPPORTED_FORMAT", /^it is text, not audio$/],
    [
      "zeros",
      Buffer.alloc(70_000),
      "UNSUPPORTED_FORMAT",
      /^it is not in a known audio format; sound without a header/,
    ],
    ["half a WAV header", SOUND.subarray(0, 20), "DECODE_FAILED", /^its WAV header is cut off/],
    [
      "the middle of Ogg",
      Buffer.concat([Buffer.from([1, 2, 3]), Buffer.from("OggS\0"), Buffer.alloc(50)]),
      "DECODE_FAILED",
      /^its beginning is missing/,
    ],
    [
      "an M4A without its index",
      Buffer.from("\0\0\0\x10ftypM4A \0\0\0\0", "latin1"),
      "DECODE_FAILED",
      /moov atom not found/,
    ],
  ])("%s", async (_, content, code, reason) => {
    expect(await outcomeOf(Buffer.from(content as string))).toEqual({
      code,
      reason: expect.stringMatching(reason),
    });
  });

  it("as is an empty file, which contract v1 and v2 refuse before they look at it", async () => {
    for (const input of [new Uint8Array(0), new Blob([]), pieces(new Uint8Array(0), 1)]) {
      await expect(transcriber.transcribe(input)).rejects.toMatchObject({
        code: "DECODE_FAILED",
        message: expect.stringMatching(/it is empty$/),
      });
    }
    const { server, client } = await startFakeServer({ settings: { implementation: IMPLEMENTATION } });
    const ways = waysIn(transcriber, client, new V2Client(server.port));
    const none = (where: string): Outcome => ({
      code: "INVALID_ARGUMENT",
      reason: `Expected the bytes of a recording ${where} but received none`,
    });
    const expected: Record<string, Outcome> = {
      "standard input of the command line": { reason: "it is empty" },
      "v1 at once": { reason: "Данные файла пустые" },
      "v1 as a stream": { reason: "Данные файла пустые" },
      "v2 at once": none("for audio"),
      "v2 as an upload": none("after the configuration"),
    };
    for (const [name, outcome] of Object.entries(expected))
      expect({ [name]: await ways[name]!(new Uint8Array(0)) }).toEqual({ [name]: outcome });
  });
});

describeWithShared("recordings that once went wrong give the same by every way in", () => {
  const folder = sharedPath("cases/audio");
  const files = folder === undefined ? [] : readdirSync(folder).filter((file) => !file.endsWith(".tsv"));

  it.each(files)("%s", async (file) => {
    const { text, code } = await outcomeOf(readFileSync(`${folder}/${file}`), DIFFERENT_WAYS);
    expect(text ?? code).toBeTruthy();
  });
});
