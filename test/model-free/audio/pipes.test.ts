import { execFileSync, spawn } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ffmpeg, glide, open, outcome, wav } from "../../support/audio.js";
import { runProgram } from "../../support/program.js";
import { temporaryFolder } from "../../support/temporary-folder.js";

const RECORDING = wav([glide(20, 16_000)], 16_000, "32f");
const SHORT = wav([glide(0.1, 16_000)], 16_000);

/** Prints the duration that is decoded from the path in its first argument. */
const DURATION = `
import { decode } from ${JSON.stringify(new URL("../../support/audio.ts", import.meta.url).href)};
console.log((await decode(process.argv[1])).duration);`;

async function pipe(): Promise<string> {
  const path = join(await temporaryFolder(), "pipe");
  execFileSync("mkfifo", [path]);
  return path;
}

/** Descriptors of this process that lead to `path`. */
const opened = (path: string) =>
  readdirSync("/proc/self/fd").filter((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`) === path;
    } catch {
      return false;
    }
  });

/** What a shell prints for `command`, in which `"$node" "$1"` tells the duration of a path, and $file and $short are recordings. */
async function shell(command: string): Promise<string> {
  const folder = await temporaryFolder();
  const [file, short, script] = ["recording", "short", "script.mjs"].map((name) => join(folder, name));
  await writeFile(file!, RECORDING);
  await writeFile(short!, SHORT);
  await writeFile(script!, DURATION.replace("process.argv[1]", "process.argv[2]"));
  const loader = new URL("../../support/typescript-loader.mjs", import.meta.url).href;
  const define = `duration() { "${process.execPath}" --import "${loader}" "${script}" "$1"; }; file=${file}; short=${short}\n`;
  return execFileSync("bash", ["-c", define + command], { encoding: "utf8", timeout: 60_000 }).trim();
}

describe("pipes by their paths", () => {
  it.each([
    ["process substitution", 'duration <(cat "$file")', "20"],
    [
      "process substitution that ended before it was read",
      'exec 9< <(cat "$short"); sleep 1; duration /dev/fd/9',
      "0.1",
    ],
    ["process substitution that is late", 'duration <(sleep 1; cat "$file")', "20"],
    ["standard input behind a pipe", 'cat "$file" | duration /dev/stdin', "20"],
    ["standard input as a descriptor", 'cat "$file" | duration /proc/self/fd/0', "20"],
    ["standard input that is a file", 'duration /dev/stdin < "$file"', "20"],
  ])("%s is read to its end", async (_, command, expected) => {
    expect(await shell(command)).toBe(expected);
  });

  it("standard input that is a socket, as Node.js gives its children", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "script.mjs"), DURATION.replace("process.argv[1]", '"/dev/stdin"'));
    const loader = new URL("../../support/typescript-loader.mjs", import.meta.url).href;
    const child = spawn(process.execPath, ["--import", loader, join(folder, "script.mjs")]);
    child.stdin.end(RECORDING);
    let text = "";
    for await (const piece of child.stdout) text += piece;
    expect(text).toBe("20\n");
  });

  it.each(["wav", "flac"])("a named pipe with %s is read as its writer fills it", async (kind) => {
    const path = await pipe();
    const decoding = open(path).then(async (audio) => {
      for await (const _ of audio.blocks());
      return audio.duration;
    });
    await writeFile(path, kind === "wav" ? RECORDING : ffmpeg([RECORDING], [], "flac"));
    expect(await decoding).toBe(20);
    await expect.poll(() => opened(path)).toEqual([]);
  });

  it("a named pipe nobody writes to waits until it is cancelled, and holds nothing then", async () => {
    const path = await pipe();
    expect(await outcome(open(path, { signal: AbortSignal.timeout(100) }))).toBe("DEADLINE_EXCEEDED");
    await expect.poll(() => opened(path)).toEqual([]);
  });

  it("a process that waits for a named pipe can end", async () => {
    const path = await pipe();
    const result = await runProgram(`
      transcribe(${JSON.stringify(path)}, DEMO).catch(() => {});
      setTimeout(() => process.exit(7), 500);
    `);
    expect(result.code).toBe(7);
  });

  it("an empty pipe is empty, as an empty file is", async () => {
    const path = await pipe();
    const decoding = outcome(open(path));
    await writeFile(path, "");
    expect(await decoding).toBe("DECODE_FAILED");
  });

  it("counts against the limit of bytes", async () => {
    const path = await pipe();
    const decoding = outcome(
      open(path, { limits: { maxBytes: 100_000 } }).then(async (audio) => {
        for await (const _ of audio.blocks());
      }),
    );
    await writeFile(path, RECORDING).catch(() => {});
    expect(await decoding).toBe("AUDIO_TOO_LARGE");
  });
});
