import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { printable } from "../../../src/cli/printable.js";
import { answer, fakeApi } from "../../support/fake-api.js";
import { folderWith } from "../../support/folder-with.js";
import { segment } from "../../support/results.js";
import { runInProcess } from "../../support/run-cli.js";

/** A title, a cleared screen, a C1 sequence, a carriage return and text that is turned round. */
const HOSTILE = "a\x1b]0;title\x07\x1b[2J\x9b31m\r\u202egpj";
const SHOWN = "a\\x1b]0;title\\x07\\x1b[2J\\x9b31m\\x0d\\u202egpj";

const OBEYED = /(?!\n)[\p{Cc}\u202e]/u;

describe("foreign text on a terminal", () => {
  it("has everything written out that a terminal would obey", () => {
    expect(printable(HOSTILE)).toBe(SHOWN);
    const plain = "Müller\tשלום 👩‍👩‍👧 ü\n日本語";
    expect(printable(plain)).toBe(plain);
  });

  it("is harmless in file names and messages, wherever they go", async () => {
    const folder = await folderWith(`${HOSTILE}.wav`, "b.wav");
    const api = fakeApi(async (_input, options) => {
      return answer([segment(0, 1, "Text.")], options, { warnings: ["odd: \x1b[31m"] });
    });
    const { stdout, stderr } = await runInProcess(
      [join(folder, `${HOSTILE}.wav`), join(folder, "b.wav"), "\x1b[2Jmissing.wav"],
      { api, stderrIsTTY: true },
    );
    expect(stdout).not.toMatch(OBEYED);
    expect(stdout).toContain(`==> ${folder}/${SHOWN}.wav <==`);
    // The status line's own sequences apart.
    const own = ["\r\x1b[K", "\x1b[?7l", "\x1b[?7h"];
    expect(own.reduce((text, sequence) => text.replaceAll(sequence, ""), stderr)).not.toMatch(OBEYED);
    expect(stderr).toContain("\\x1b[2Jmissing.wav: no such file");
    expect(stderr).toContain("warning: odd: \\x1b[31m");
  });

  it("is harmless in errors that end the run", async () => {
    const { stderr } = await runInProcess(["--format", "\x1b[2J"]);
    expect(stderr).not.toContain("\x1b");
    expect(stderr).toContain("\\x1b[2J");
  });

  it("is harmless in transcripts where a person watches", async () => {
    const folder = await folderWith("a.wav");
    const api = fakeApi(async (_input, options) => answer([segment(0, 1, `Hi ${"\u202e"}there.`)], options));
    const watched = await runInProcess([join(folder, "a.wav")], { api, stdoutIsTTY: true });
    expect(watched.stdout).toBe("Hi \\u202ethere.\n");
    const piped = await runInProcess([join(folder, "a.wav")], { api });
    expect(piped.stdout).toBe("Hi \u202ethere.\n");
  });
});
