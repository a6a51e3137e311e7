import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { Interruption } from "../../../src/cli/exit.js";
import { TranscriptionError } from "../../../src/errors.js";
import { Capture } from "../../support/capture.js";
import { answer, fakeApi, type Transcribe } from "../../support/fake-api.js";
import { folderWith } from "../../support/folder-with.js";
import { segment } from "../../support/results.js";
import { runInProcess } from "../../support/run-cli.js";

/** Fails for every input whose name holds `bad`. */
const failingForBad: Transcribe = async (input, options) => {
  if (String(input).includes("bad")) throw new TranscriptionError("DECODE_FAILED", "The file is damaged");
  return answer([segment(0, 1, "Fine.")], options);
};

describe("text on standard output", () => {
  it("is all there is where nobody watches", async () => {
    const folder = await folderWith("a.wav");
    const { code, stdout, stderr } = await runInProcess([join(folder, "a.wav")]);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `Text of ${folder}/a.wav.\n`, stderr: "" });
  });

  it("takes the format asked for", async () => {
    const folder = await folderWith("a.wav");
    const { stdout } = await runInProcess([join(folder, "a.wav"), "--format", "srt"]);
    expect(stdout).toMatch(/^1\n00:00:00,000 --> 00:00:02,000\nText of /);
  });

  it("is headed by the name of each of several files, unless quiet", async () => {
    const folder = await folderWith("a.wav", "b.wav");
    const a = join(folder, "a.wav");
    const b = join(folder, "b.wav");
    const headed = await runInProcess([join(folder, "*.wav")]);
    expect(headed.stdout).toBe(`==> ${a} <==\nText of ${a}.\n\n==> ${b} <==\nText of ${b}.\n`);
    const quiet = await runInProcess([join(folder, "*.wav"), "--quiet"]);
    expect(quiet.stdout).toBe(`Text of ${a}.\nText of ${b}.\n`);
  });

  it("is one JSON document per line, with the file's name, for several files", async () => {
    const folder = await folderWith("a.wav", "b.wav");
    const { stdout } = await runInProcess([join(folder, "*.wav"), "-f", "json"]);
    const documents = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(documents.map(({ file, language }) => [file, language])).toEqual([
      [join(folder, "a.wav"), "en"],
      [join(folder, "b.wav"), "en"],
    ]);
  });

  it("comes as it is recognised where a person watches", async () => {
    const folder = await folderWith("a.wav");
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const api = fakeApi(async (_input, options) => {
      options?.onSegment?.(segment(0, 1, "First."));
      await released;
      options?.onSegment?.(segment(1, 2, "Second."));
      return answer([], options);
    });
    const stdout = new Capture({ isTTY: true });
    const running = runInProcess([join(folder, "a.wav")], { api, stdout });
    await expect.poll(() => stdout.text).toBe("First.\n");
    release();
    expect((await running).stdout).toBe("First.\nSecond.\n");
  });

  it("comes sorted at the end for channels apart", async () => {
    const folder = await folderWith("a.wav");
    const api = fakeApi(async (_input, options) => {
      const agent = segment(0, 1, "Hello.", { channel: 0 });
      const customer = segment(1, 2, "Hi.", { channel: 1 });
      options?.onSegment?.(customer);
      options?.onSegment?.(agent);
      return answer([agent, customer]);
    });
    const args = [join(folder, "a.wav"), "--channels", "each", "--channel-labels", "agent,customer"];
    const { stdout } = await runInProcess(args, { api, stdoutIsTTY: true });
    expect(stdout).toBe("[agent] Hello.\n[customer] Hi.\n");
  });
});

describe("standard output that takes no more", () => {
  const failing = (code: string) => {
    const stdout = new Capture();
    stdout._write = (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code }));
    return stdout.on("error", () => {});
  };

  it.each([
    ["EPIPE", 0, ""],
    ["ENOSPC", 1, "error: Cannot write to standard output: ENOSPC\n"],
  ])("because of %s ends the run with %d", async (errorCode, exitCode, message) => {
    const folder = await folderWith("a.wav", "b.wav");
    const { code, stderr, api } = await runInProcess([join(folder, "*.wav"), "-q"], {
      stdout: failing(errorCode),
    });
    expect({ code, stderr }).toEqual({ code: exitCode, stderr: message });
    expect(api.calls).toHaveLength(1);
    expect(api.closed).toBe(1);
  });
});

describe("standard input", () => {
  it("is read for -", async () => {
    const stdin = Readable.from([Buffer.from("audio")]);
    const { code, api } = await runInProcess(["-"], { stdin });
    expect(code).toBe(0);
    expect(api.calls[0]!.input).toBe(stdin);
  });

  it("must be piped in", async () => {
    const stdin = Object.assign(Readable.from([]), { isTTY: true });
    const { code, stderr } = await runInProcess(["-"], { stdin });
    expect(code).toBe(2);
    expect(stderr).toContain("nothing is piped in");
  });
});

describe("an output folder", () => {
  it("is made, and gets a file per input and format", async () => {
    const folder = await folderWith("x/call.wav", "y/call.wav", "talk.mp3");
    const out = join(folder, "out/deep");
    const inputs = ["x/call.wav", "y/call.wav", "talk.mp3"].map((name) => join(folder, name));
    const { code, stdout } = await runInProcess([...inputs, "-f", "txt,vtt", "-o", out]);
    expect(code).toBe(0);
    expect(stdout).toBe("");
    expect((await readdir(out)).sort()).toEqual([
      "call.wav-2.txt",
      "call.wav-2.vtt",
      "call.wav.txt",
      "call.wav.vtt",
      "talk.txt",
      "talk.vtt",
    ]);
    expect(await readFile(join(out, "call.wav-2.txt"), "utf8")).toContain("y/call.wav");
    expect(await readFile(join(out, "talk.vtt"), "utf8")).toMatch(/^WEBVTT\n/);
  });

  it("that cannot be made is a usage error, before any model is loaded", async () => {
    const folder = await folderWith("a.wav");
    const { code, stderr, api } = await runInProcess([
      join(folder, "a.wav"),
      "-o",
      join(folder, "a.wav/out"),
    ]);
    expect(code).toBe(2);
    expect(stderr).toContain("--output-dir");
    expect(api.created).toHaveLength(0);
  });

  it("that cannot be written to fails the file, not the run", async () => {
    const folder = await folderWith("a.wav", "b.wav");
    const out = join(folder, "out");
    await mkdir(join(out, "a.txt"), { recursive: true });
    const { code, stderr } = await runInProcess([join(folder, "*.wav"), "-o", out]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/a\.wav: .*a\.txt is a folder/);
    expect(await readdir(out)).toContain("b.txt");
  });

  it.each([["txt,json"], ["all"]])("is needed for several formats: %s", async (format) => {
    const folder = await folderWith("a.wav");
    const { code, stderr } = await runInProcess([join(folder, "a.wav"), "-f", format]);
    expect(code).toBe(2);
    expect(stderr).toContain("--output-dir");
  });

  it("is needed for several files of subtitles, even if one of them is missing", async () => {
    const folder = await folderWith("a.wav");
    const { code } = await runInProcess([join(folder, "a.wav"), join(folder, "b.wav"), "-f", "srt"]);
    expect(code).toBe(2);
  });
});

describe("failures", () => {
  it("of one file leave the others alone", async () => {
    const folder = await folderWith("a.wav", "bad.wav", "c.wav");
    const { code, stdout, stderr, api } = await runInProcess([join(folder, "*.wav"), "-q"], {
      api: fakeApi(failingForBad),
    });
    expect(code).toBe(1);
    expect(stdout).toBe("Fine.\nFine.\n");
    expect(stderr).toBe(`${folder}/bad.wav: The file is damaged\n`);
    expect(api.closed).toBe(1);
  });

  it("name the file once, and limits by their flags", async () => {
    const folder = await folderWith("a.wav");
    const path = join(folder, "a.wav");
    const api = fakeApi(async () => {
      throw new TranscriptionError("AUDIO_TOO_LONG", `"${path}" is longer than limits.maxDuration (3 s)`);
    });
    const { stderr } = await runInProcess([path], { api });
    expect(stderr).toBe(`"${path}" is longer than --max-duration (3 s)\n`);
  });

  it("of names leave the others alone, and load no model when nothing is left", async () => {
    const folder = await folderWith("a.wav");
    const some = await runInProcess([join(folder, "none.wav"), join(folder, "a.wav")]);
    expect(some.code).toBe(1);
    expect(some.stdout).toContain("Text of");
    const none = await runInProcess([join(folder, "none.wav"), folder]);
    expect(none.code).toBe(1);
    expect(none.stderr.trimEnd().split("\n")).toHaveLength(2);
    expect(none.api.created).toHaveLength(0);
  });

  it("of options that suit no file are usage errors that name the flag", async () => {
    const folder = await folderWith("a.wav");
    const api = fakeApi(async () => {
      throw new TranscriptionError("INVALID_ARGUMENT", "Expected 1 for beamSize but received 5");
    });
    const { code, stderr } = await runInProcess([join(folder, "a.wav"), "--beam-size", "5"], { api });
    expect(code).toBe(2);
    expect(stderr).toContain("Expected 1 for --beam-size but received 5");
  });

  it("of different kinds exit with 1", async () => {
    const folder = await folderWith("a.wav", "b.wav");
    const api = fakeApi(async (input) => {
      const damaged = String(input).endsWith("a.wav");
      throw new TranscriptionError(damaged ? "DECODE_FAILED" : "INVALID_ARGUMENT", "x");
    });
    const inOrder = await runInProcess([join(folder, "a.wav"), join(folder, "b.wav")], { api });
    const reversed = await runInProcess([join(folder, "b.wav"), join(folder, "a.wav")], { api });
    expect([inOrder.code, reversed.code]).toEqual([1, 1]);
  });

  it.each([
    ["MODEL_NOT_FOUND", 3],
    ["MODEL_INVALID", 3],
    ["DEVICE_UNAVAILABLE", 3],
    ["INVALID_ARGUMENT", 2],
    ["OUT_OF_MEMORY", 1],
  ] as const)("to load a model with %s exit with %d", async (errorCode, exitCode) => {
    const folder = await folderWith("a.wav");
    const api = fakeApi(undefined, {
      createTranscriber: async () => {
        throw new TranscriptionError(errorCode, "What went wrong");
      },
    });
    const { code, stdout, stderr } = await runInProcess([join(folder, "a.wav")], { api });
    expect(code).toBe(exitCode);
    expect(stdout).toBe("");
    expect(stderr).toBe("error: What went wrong\n");
  });

  it("that are defects ask to be reported, with the stack for --verbose", async () => {
    const folder = await folderWith("a.wav");
    const api = fakeApi(async () => {
      throw new TypeError("x is not a function");
    });
    const plain = await runInProcess([join(folder, "a.wav")], { api });
    expect(plain.code).toBe(1);
    expect(plain.stderr).toContain("internal error, please report it: x is not a function");
    expect(plain.stderr).not.toContain("    at ");
    const verbose = await runInProcess([join(folder, "a.wav"), "-v"], { api });
    expect(verbose.stderr).toContain("    at ");
  });
});

describe("an interrupt", () => {
  it("cancels the running file, skips the rest and exits with its code", async () => {
    const folder = await folderWith("a.wav", "b.wav");
    const controller = new AbortController();
    const api = fakeApi(
      (_input, options) =>
        new Promise((_, reject) => {
          options!.signal!.addEventListener("abort", () => reject(new TranscriptionError("CANCELLED", "x")));
          controller.abort(new Interruption("SIGINT", 130));
        }),
    );
    const { code, stdout, stderr } = await runInProcess([join(folder, "*.wav"), "-q"], {
      api,
      signal: controller.signal,
    });
    expect({ code, stdout, stderr }).toEqual({ code: 130, stdout: "", stderr: "" });
    expect(api.calls).toHaveLength(1);
    expect(api.closed).toBe(1);
  });

  it("does not wait for a model that is still loading", async () => {
    const folder = await folderWith("a.wav");
    const controller = new AbortController();
    const api = fakeApi(undefined, {
      createTranscriber: () => {
        controller.abort(new Interruption("SIGTERM", 143));
        return new Promise(() => {});
      },
    });
    const { code } = await runInProcess([join(folder, "a.wav")], { api, signal: controller.signal });
    expect(code).toBe(143);
  });
});

describe("what is seen on a terminal", () => {
  it("is progress that is gone at the end, and a summary", async () => {
    const folder = await folderWith("a.wav");
    const { stdout, stderr } = await runInProcess([join(folder, "a.wav")], { stderrIsTTY: true });
    expect(stdout).toBe(`Text of ${folder}/a.wav.\n`);
    expect(stderr).toContain("starting");
    const afterErasing = stderr.split("\x1b[K").at(-1);
    expect(afterErasing).toBe(`${folder}/a.wav: 0:12 in 0:01 (24×), en (98 %)\n`);
  });

  it("is nothing with --quiet", async () => {
    const folder = await folderWith("a.wav");
    const { stderr } = await runInProcess([join(folder, "a.wav"), "--quiet"], { stderrIsTTY: true });
    expect(stderr).toBe("");
  });

  it("is a note of a download, also in a pipe", async () => {
    const folder = await folderWith("a.wav");
    const api = fakeApi();
    const { createTranscriber } = api;
    api.createTranscriber = (options) => {
      options?.onDownload?.({ model: "base", received: 0, total: 148_000_000 });
      options?.onDownload?.({ model: "base", received: 74_000_000, total: 148_000_000 });
      return createTranscriber(options);
    };
    const { stderr } = await runInProcess([join(folder, "a.wav")], { api });
    expect(stderr).toBe("Downloading model base (148 MB)\n");
  });

  it("are warnings about the input, on stderr, unless quiet", async () => {
    const folder = await folderWith("a.wav");
    const api = fakeApi(async () => answer([], {}, { warnings: ["The file is cut short"] }));
    const { stderr } = await runInProcess([join(folder, "a.wav")], { api });
    expect(stderr).toBe(`${folder}/a.wav: warning: The file is cut short\n`);
    expect((await runInProcess([join(folder, "a.wav"), "-q"], { api })).stderr).toBe("");
  });

  it("is the model, the device and the measurements with --verbose", async () => {
    const folder = await folderWith("a.wav");
    const { stderr } = await runInProcess([join(folder, "a.wav"), "--verbose"]);
    expect(stderr).toContain("Model demo (custom, q8_0, computed in int8) on Test CPU, 2 threads");
    expect(stderr).toContain("(24×)");
  });
});

it("a file named like a command is reached by its path", async () => {
  const folder = await folderWith();
  await writeFile(join(folder, "doctor"), "");
  const { stdout } = await runInProcess([join(folder, "doctor")]);
  expect(stdout).toContain("Text of");
});
