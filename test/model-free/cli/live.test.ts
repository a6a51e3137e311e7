import { readFile, writeFile } from "node:fs/promises";
import { join as joinPath } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { LIVE_ENCODINGS, type LiveOptions } from "../../../src/index.js";
import { SampleReader } from "../../../src/live/sample-reader.js";
import { decode, wav } from "../../support/audio.js";
import { fakeApi } from "../../support/fake-api.js";
import { folderWith } from "../../support/folder-with.js";
import { type CliRunOptions, runInProcess } from "../../support/run-cli.js";
import { ScriptedDiarizer } from "../../support/scripted-diarizer.js";
import {
  bytesOf,
  join,
  liveStream,
  ScriptedVad,
  said,
  scriptedEngine,
  silence,
  words,
} from "../../support/scripted-speech.js";

const TALK = join([words(0, 3), silence(1), words(3, 4)]);

/** Runs `live` with a scripted engine. */
async function live(args: readonly string[], audio: Uint8Array | undefined, more: CliRunOptions = {}) {
  const api = fakeApi();
  const asked: LiveOptions[] = [];
  const { createTranscriber } = api;
  api.createTranscriber = async (options) => {
    const transcriber = await createTranscriber(options);
    return Object.assign(transcriber, {
      live: (given: LiveOptions) => {
        asked.push(given);
        const speakers = new ScriptedDiarizer((word) => (word < 3 ? 4 : 1));
        return liveStream(given, scriptedEngine(), new ScriptedVad(), speakers);
      },
    });
  };
  const stdin = audio === undefined ? {} : { stdin: Readable.from(pieces(audio)) };
  return { ...(await runInProcess(["live", ...args], { api, ...stdin, ...more })), asked };
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 999) yield Buffer.from(bytes.subarray(at, at + 999));
}

describe("agora-transcribe live", () => {
  it("prints a line for each final", async () => {
    const run = await live([], bytesOf(TALK));
    expect(run).toMatchObject({ code: 0, stdout: `${said(0, 3)}\n${said(3, 4)}\n`, stderr: "" });
    expect(run.asked).toEqual([{ interim: false }]);
    expect(run.api.closed).toBe(1);
  });

  it("says who speaks, in lines and in transcripts, where that is asked for", async () => {
    const folder = await folderWith();
    const file = joinPath(folder, "talk.json");
    const flags = ["--diarize", "--diarization-model", "m.gguf", "--max-speakers", "3", "--save", file];
    const run = await live(flags, bytesOf(TALK));
    expect(run.stdout).toBe(`SPEAKER_00: ${said(0, 3)}\nSPEAKER_01: ${said(3, 4)}\n`);
    expect(run.asked).toEqual([
      { interim: false, words: true, diarize: { model: "m.gguf", maxSpeakers: 3 } },
    ]);
    const { segments } = JSON.parse(await readFile(file, "utf8"));
    expect(segments.map(({ speaker }: { speaker: string }) => speaker)).toEqual(["SPEAKER_00", "SPEAKER_01"]);
    expect((await live(["--diarize"], bytesOf(TALK))).asked).toEqual([{ interim: false, diarize: true }]);
  });

  it("keeps what is not final on one line of a terminal", async () => {
    const terminal = { stdoutIsTTY: true, stderrIsTTY: true };
    const { stderr, asked } = await live([], bytesOf(TALK), terminal);
    expect(asked).toEqual([{}]);
    expect(stderr).toContain("\r\x1b[K\x1b[?7lw0");
    expect(stderr).not.toContain("w0\n");
  });

  it("prints every event as JSON", async () => {
    const { stdout } = await live(["--json", "--word-timestamps"], bytesOf(TALK));
    const events = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect([events[0].type, events.at(-1).type]).toEqual(["ready", "done"]);
    expect(events.filter(({ type }) => type === "final")[1].words).toHaveLength(4);
  });

  it("saves what was said, as the files' endings say", async () => {
    const folder = await folderWith();
    const [text, subtitles, document] = ["a.txt", "a.SRT", "a.verbose.json"].map((name) =>
      joinPath(folder, name),
    );
    const { code, stderr } = await live(
      ["--save", text!, "--save", subtitles!, "--save", document!],
      bytesOf(TALK),
    );
    expect([code, stderr]).toEqual([0, `Saved ${text}\nSaved ${subtitles}\nSaved ${document}\n`]);
    expect(await readFile(text!, "utf8")).toBe(`${said(0, 3)}\n${said(3, 4)}\n`);
    expect(await readFile(subtitles!, "utf8")).toMatch(/^1\n00:00:00,\d+ --> 00:00:01,/);
    expect(JSON.parse(await readFile(document!, "utf8")).words).toHaveLength(7);
    const wrong = await live(["--save", "a.doc"], bytesOf(TALK));
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining(".srt") });
  });

  it.each(LIVE_ENCODINGS)("records what it hears, %s, and hears it again for the files", async (encoding) => {
    const folder = await folderWith();
    const path = joinPath(folder, "talk.wav");
    const text = joinPath(folder, "talk.txt");
    const audio = Uint8Array.from({ length: 12_005 }, (_, i) => (i * 7) % 120);
    const args = ["--encoding", encoding, "--channels", "2", "--sample-rate", "8000", "--record", path];
    const run = await live([...args, "--save", text, "--again", "-l", "en"], audio);
    expect(run).toMatchObject({ code: 0, stderr: expect.stringContaining(`Saved ${path}\nSaved ${text}\n`) });
    expect(run.api.calls).toEqual([
      { input: path, options: { language: "en", wordTimestamps: false, channels: "each" } },
    ]);
    expect(await readFile(text, "utf8")).toContain(`Text of ${path}.`);
    const { tracks, format } = await decode(await readFile(path), { channels: "each" });
    const reader = new SampleReader(encoding, 2);
    const heard = reader.push(audio);
    expect(format).toMatchObject({ channels: 2, sampleRate: 8000 });
    expect(tracks[0]!.length).toBe(heard[0]!.length * 2);
    const alone = await live(["--again"], audio);
    expect(alone.code).toBe(2);
  });

  it("fails where it cannot record, before it listens", async () => {
    const path = joinPath(await folderWith(), "no", "such", "folder.wav");
    const run = await live(["--record", path], bytesOf(TALK));
    expect(run).toMatchObject({
      code: 3,
      stdout: "",
      stderr: expect.stringContaining(`Cannot write ${path}`),
    });
  });

  it("reads what a WAV header says, and what stands behind the samples is none", async () => {
    const trailer = Buffer.from("LIST\x04\0\0\0INFO", "latin1");
    const mono = await live([], Buffer.concat([wav([TALK], 16_000), trailer]));
    expect(mono.asked).toMatchObject([{ encoding: "s16le", sampleRate: 16_000, channels: 1 }]);
    expect(mono.stdout).toBe(`${said(0, 3)}\n${said(3, 4)}\n`);
    const stereo = await live([], wav([TALK, silence(TALK.length / 16_000)], 16_000, "32f"));
    expect(stereo.asked).toMatchObject([{ encoding: "f32le", channels: 2 }]);
    expect(stereo.stdout).toBe(`[channel 0] ${said(0, 3)}\n[channel 0] ${said(3, 4)}\n`);
    const wide = await live([], wav([TALK], 16_000, "24"));
    expect(wide).toMatchObject({ code: 2, stderr: expect.stringContaining("pcm_s24le") });
  });

  it("refuses a recording, which would be noise", async () => {
    const ogg = Buffer.concat([Buffer.from("OggS\0\x02"), Buffer.alloc(5000)]);
    expect(await live([], ogg)).toMatchObject({ code: 2, stderr: expect.stringContaining("ffmpeg -i") });
  });

  it("asks for audio where there is only a keyboard", async () => {
    const stdin = Object.assign(Readable.from([]), { isTTY: true });
    expect(await live([], undefined, { stdin })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("arecord"),
    });
  });

  it("listens to what a command records, and says how that ended", async () => {
    const folder = await folderWith();
    const script = `process.stdout.write(Buffer.from(${JSON.stringify([...bytesOf(words(0, 2))])}))`;
    const run = await live(["--json", "--no-interim", "--", process.execPath, "-e", script], undefined);
    expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining(said(0, 2)) });
    expect(run.asked).toEqual([{ interim: false }]);
    const failed = await live(["--", process.execPath, "-e", "process.exit(3)"], undefined);
    expect(failed).toMatchObject({ code: 2, stderr: expect.stringContaining("exit code 3") });
    const missing = await live(["--", joinPath(folder, "no-such-command")], undefined);
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining("Cannot run") });
  });

  it("leaves files alone where there is nothing to put into them", async () => {
    const folder = await folderWith();
    const files = ["talk.wav", "talk.srt"].map((name) => joinPath(folder, name));
    for (const path of files) await writeFile(path, "precious");
    const args = ["--record", files[0]!, "--save", files[1]!];
    const [missing, failed, refused] = [
      await live([...args, "--", joinPath(folder, "arecrod")], undefined),
      await live([...args, "--", process.execPath, "-e", "process.exit(3)"], undefined),
      await live([...args, "--policy", "alignatt"], bytesOf(TALK)),
    ];
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining("Cannot run") });
    expect(failed).toMatchObject({ code: 2, stderr: expect.stringContaining("exit code 3") });
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("alignatt") });
    for (const path of files) expect(await readFile(path, "utf8")).toBe("precious");
  });

  it("ends the audio at an interrupt, and writes what was said before it", async () => {
    const controller = new AbortController();
    const stdin = Readable.from(
      (async function* () {
        yield Buffer.from(bytesOf(words(0, 3)));
        setTimeout(() => controller.abort(new Error("interrupt")), 50);
        await new Promise(() => {});
      })(),
    );
    const run = await live([], undefined, { stdin, signal: controller.signal });
    expect(run).toMatchObject({ code: 0, stdout: `${said(0, 3)}\n` });
  });

  it("checks its options before a model is loaded", async () => {
    const run = await live(["--step", "9"], bytesOf(TALK));
    expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining("step") });
    expect(run.api.created).toEqual([]);
  });
});
