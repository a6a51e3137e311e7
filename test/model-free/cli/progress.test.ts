import { describe, expect, it } from "vitest";
import { OutputClosed } from "../../../src/cli/exit.js";
import { bar, DownloadStatus, transcriptionStatus } from "../../../src/cli/progress.js";
import { Terminal } from "../../../src/cli/terminal.js";
import { formatBytes, formatDuration, formatSpeed } from "../../../src/cli/units.js";
import { Capture } from "../../support/capture.js";

describe("units", () => {
  it.each([
    [0, "0:00"],
    [-1, "0:00"],
    [22.4, "0:22"],
    [59.6, "1:00"],
    [723, "12:03"],
    [3599.9, "1:00:00"],
    [360_000, "100:00:00"],
  ])("%d seconds read %s", (seconds, text) => expect(formatDuration(seconds)).toBe(text));

  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1500, "1.5 kB"],
    [574_041_195, "574 MB"],
    [999_600_000, "1.0 GB"],
    [1_624_555_275, "1.6 GB"],
  ])("%d bytes read %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it("speeds keep one decimal while it matters", () => {
    expect([0.84, 9.94, 9.96, 18.2].map(formatSpeed)).toEqual(["0.8×", "9.9×", "10×", "18×"]);
  });
});

describe("progress", () => {
  it("shows share, position, speed and time left", () => {
    expect(transcriptionStatus({ processed: 310, total: 720, speedFactor: 18.2 }, "call.mp3")).toBe(
      " 43 % ██████████░░░░░░░░░░░░░░  5:10 / 12:00  18×  0:23 left  call.mp3",
    );
  });

  it("shows what it knows where no length is announced", () => {
    expect(transcriptionStatus({ processed: 310, total: undefined, speedFactor: 2 }, "stdin")).toBe(
      "5:10  2.0×  stdin",
    );
    expect(transcriptionStatus({ processed: 0, total: 10, speedFactor: 0 }, "a")).toMatch(
      /0:00 \/ 0:10 {2}a$/,
    );
  });

  it("is never more than full or less than empty", () => {
    expect(bar(1.2)).toBe(`100 % ${"█".repeat(24)}`);
    expect(bar(-1)).toBe(`  0 % ${"░".repeat(24)}`);
  });

  it("of a download counts from where it was resumed", () => {
    let time = 0;
    const status = new DownloadStatus(() => time);
    status.render({ model: "base", received: 50_000_000, total: 150_000_000 });
    time = 10_000;
    expect(status.render({ model: "base", received: 100_000_000, total: 150_000_000 })).toMatch(
      /^ 66 % .* {2}100 MB \/ 150 MB {2}5\.0 MB\/s {2}0:10 left {2}base$/,
    );
    expect(status.render({ model: "base", received: 1_000_000, total: undefined })).toMatch(
      /^1\.0 MB .*base$/,
    );
  });
});

describe("a terminal", () => {
  it("keeps its status line below what is printed meanwhile", async () => {
    const screen = new Capture({ isTTY: true });
    const terminal = new Terminal(screen, screen);
    terminal.showStatus(() => "working");
    terminal.note("A note");
    await terminal.print("A result\n");
    terminal.hideStatus();
    const drawn = "\r\x1b[K\x1b[?7lworking\x1b[?7h";
    expect(screen.text).toBe(`${drawn}\r\x1b[KA note\n${drawn}\r\x1b[KA result\n\r\x1b[K`);
  });

  it("shows no status where it is none", () => {
    const pipe = new Capture();
    const terminal = new Terminal(pipe, pipe);
    terminal.showStatus(() => "working");
    terminal.hideStatus();
    expect(pipe.text).toBe("");
  });

  it("tells a reader that has gone from a disk that is full", async () => {
    const failing = (code: string) => {
      const stream = new Capture();
      stream._write = (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code }));
      stream.on("error", () => {});
      return new Terminal(stream, new Capture()).print("text");
    };
    await expect(failing("EPIPE")).rejects.toBeInstanceOf(OutputClosed);
    await expect(failing("ENOSPC")).rejects.toThrow("Cannot write to standard output: ENOSPC");
  });
});
