import { execFileSync } from "node:child_process";
import { readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { findFfmpeg } from "../../../src/audio/ffmpeg.js";
import { tryDecoder } from "../../../src/audio/try-decoder.js";
import { decode, ffmpeg, glide, int16, outcome, rawWav } from "../../support/audio.js";
import { useFfmpeg } from "../../support/fake-ffmpeg.js";
import { temporaryFolder } from "../../support/temporary-folder.js";

const SECOND = glide(1, 16_000);
const WAV = rawWav({}, int16(SECOND));
let flac: Buffer;

beforeAll(() => {
  flac = ffmpeg([WAV], [], "flac");
});

describe("finding FFmpeg", () => {
  it("takes the one in PATH and tells its version", async () => {
    const { path, version } = await findFfmpeg();
    expect(execFileSync(path, ["-version"], { encoding: "utf8" })).toContain(`ffmpeg version ${version} `);
  });

  it("takes AGORA_FFMPEG before that", async () => {
    const real = await findFfmpeg();
    const path = join(await temporaryFolder(), "other ffmpeg");
    await symlink(real.path, path);
    vi.stubEnv("AGORA_FFMPEG", path);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    expect(await findFfmpeg()).toEqual({ ...real, path });
    expect(await outcome(decode(flac))).toBe("ok");
  });

  it("says how to install it when there is none, and does without it for WAV", async () => {
    vi.stubEnv("PATH", await temporaryFolder());
    vi.stubEnv("AGORA_FFMPEG", "");
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    await expect(decode(flac)).rejects.toMatchObject({
      code: "DECODER_UNAVAILABLE",
      message: expect.stringMatching(/apt-get install ffmpeg.*AGORA_FFMPEG/),
    });
    expect(await outcome(decode(WAV))).toBe("ok");
  });

  it.each(["/nonexistent/ffmpeg", "/bin/true"])("refuses AGORA_FFMPEG=%s", async (path) => {
    vi.stubEnv("AGORA_FFMPEG", path);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    await expect(findFfmpeg()).rejects.toMatchObject({
      code: "DECODER_UNAVAILABLE",
      message: expect.stringContaining("AGORA_FFMPEG"),
    });
  });

  it.each([
    ["does not see its input", 'exec 3<&-\nexec REAL "$@"', /does not see the open file/],
    ["writes a line of its own first", 'echo "a line"\nexec REAL "$@"', /writes other things/],
    ["is killed", "kill -KILL $$", /SIGKILL/],
  ])("does not blame the recording for a decoder that %s", async (_, script, reason) => {
    const real = await findFfmpeg();
    const path = await useFfmpeg(script.replace("REAL", real.path));
    const refusal = { code: "DECODER_UNAVAILABLE", message: expect.stringMatching(reason) };
    await expect(decode(flac)).rejects.toMatchObject(refusal);
    await expect(decode(flac)).rejects.toThrow(path);
    await expect(tryDecoder()).rejects.toMatchObject(refusal);
  });

  it("tries the decoder on a recording of its own", async () => {
    await tryDecoder();
  });

  it("tries it for as long as somebody wants to know", async () => {
    await useFfmpeg("exec sleep 60");
    const controller = new AbortController();
    const trial = tryDecoder(controller.signal);
    await sleep(100);
    controller.abort();
    await expect(trial).rejects.toMatchObject({ code: "CANCELLED" });
  });

  it("does not blame the recording for a temporary folder that is not there", async () => {
    vi.stubEnv("TMPDIR", join(await temporaryFolder(), "none"));
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    await expect(decode(flac)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    await expect(tryDecoder()).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  });

  it("gives the child no environment of ours and no name of the input's", async () => {
    const folder = await temporaryFolder();
    const report = join(folder, "report");
    vi.stubEnv("SECRET_TOKEN", "hunter2");
    await useFfmpeg(`{ env; echo "$@"; } > '${report}'; exit 1`);
    const path = join(folder, "customer name.flac");
    await writeFile(path, flac);
    expect(await outcome(decode(path))).toBe("DECODE_FAILED");
    expect(await readFile(report, "utf8")).not.toMatch(/hunter2|customer name/);
  });
});
