import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { runCli, startCli } from "../../support/cli.js";
import { folderWith } from "../../support/folder-with.js";

const FAKE = fileURLToPath(new URL("../../support/fake-cli.ts", import.meta.url));

describe("the command, as a process", () => {
  it("prints help and version", async () => {
    const [help, version] = await Promise.all([runCli(["--help"]), runCli(["--version"])]);
    expect(help).toMatchObject({ code: 0, stderr: "" });
    expect(help.stdout).toContain("agora-transcribe FILE…");
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it("exits with 2 on a wrong option and 1 on a missing file", async () => {
    const [wrong, missing] = await Promise.all([runCli(["--bogus"]), runCli(["/nowhere/a.wav"])]);
    expect(wrong).toMatchObject({ code: 2, stdout: "" });
    expect(missing).toMatchObject({ code: 1, stdout: "", stderr: "/nowhere/a.wav: no such file\n" });
  });

  it("writes all of a long text into a pipe before it ends", async () => {
    const folder = await folderWith("a.wav");
    const { code, stdout } = await runCli([join(folder, "a.wav")], { script: FAKE });
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n")).toHaveLength(20_000);
  });

  it("ends quietly when its reader goes away", async () => {
    const folder = await folderWith("a.wav", "b.wav");
    const { child, ended } = startCli([join(folder, "*.wav")], { script: FAKE });
    child.stdout!.once("data", () => child.stdout!.destroy());
    expect(await ended).toMatchObject({ code: 0, stderr: "" });
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("cancels on %s and exits with %d", async (signal, code) => {
    const folder = await folderWith("endless");
    const { child, ended, stderrHas } = startCli([join(folder, "endless")], { script: FAKE });
    await stderrHas("busy");
    child.kill(signal);
    expect(await ended).toMatchObject({ code, signal: null, stdout: "", stderr: "busy\ncancelled\n" });
  });

  it("quits at once on the second interrupt", async () => {
    const folder = await folderWith("stuck");
    const { child, ended, stderrHas } = startCli([join(folder, "stuck")], { script: FAKE });
    await stderrHas("busy");
    child.kill("SIGINT");
    await stderrHas("cancelled");
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 130, stdout: "" });
  });
});
