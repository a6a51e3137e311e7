import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { ffmpeg, random, wav } from "../support/audio.js";
import { bursts } from "../support/fake-engine.js";
import { RECORDING, startFakeServer, until } from "../support/server.js";
import { latch } from "../support/transcribe-fake.js";
import { chunked, type Running, statusOf } from "../support/transcription-client.js";

/** FFmpeg processes that this process has started and that run. */
function decoders(): number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        const [, name, state, parent] = /^\d+ \((.*)\) (\w) (\d+)/.exec(
          readFileSync(`/proc/${pid}/stat`, "utf8"),
        )!;
        return name === "ffmpeg" && state !== "Z" && Number(parent) === process.pid;
      } catch {
        return false;
      }
    });
}

it("fails one request when its decoder dies, and no other", async () => {
  const { opened, open } = latch();
  const { client, engine } = await startFakeServer({ concurrency: 1, gate: () => opened });
  // Long enough that the decoder waits for the engine.
  const long = ffmpeg([wav([bursts(30)], 16_000)], [], "flac");
  const doomed = client.unary({ audio_data: long, filename: "a.flac" });
  await until(() => engine.running > 0 && decoders().length === 1);
  const other = client.stream(chunked(RECORDING, "a.wav"));
  for (const pid of decoders()) process.kill(pid, "SIGKILL");
  open();
  const failed = await doomed;
  expect(failed).toMatchObject({ success: false, transcript: "" });
  expect(failed.error_message).toMatch(/^Ошибка при транскрипции: The decoder/);
  expect(await other).toMatchObject({ success: true, transcript: "1" });
});

it("answers or ends every one of many calls that go wrong in many ways, and keeps nothing of them", async () => {
  const chance = random(7);
  const { client, engine, lines, server } = await startFakeServer({
    gate: () => new Promise((resolve) => setTimeout(resolve, 20 * chance())),
    settings: { maxWorkers: 3, maxQueue: 20 },
  });
  const files = [
    RECORDING,
    RECORDING.subarray(0, 5000),
    Buffer.from("PK\x03\x04"),
    Buffer.alloc(0),
    Buffer.alloc(5000, 7),
  ];
  const ended: Promise<number>[] = [];
  for (let i = 0; i < 150; i++) {
    const bytes = files[Math.floor(chance() * files.length)]!;
    const options = chance() < 0.2 ? { deadline: Date.now() + 50 * chance() } : {};
    let call: Running;
    if (chance() < 0.5) {
      call = client.startUnary({ audio_data: bytes, filename: "a.wav" }, options);
    } else {
      const stream = client.openStream(options);
      for (const chunk of chunked(bytes, chance() < 0.1 ? "a.exe" : "a.wav", 20_000))
        void stream.write(chunk);
      if (chance() < 0.9) stream.end();
      else setTimeout(stream.cancel, 50 * chance());
      call = stream;
    }
    if (chance() < 0.3) setTimeout(call.cancel, 50 * chance());
    ended.push(statusOf(call.response));
    if (chance() < 0.1) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  // OK, CANCELLED or DEADLINE_EXCEEDED.
  expect([...new Set(await Promise.all(ended))].filter((code) => ![0, 1, 4].includes(code))).toEqual([]);
  await until(() => engine.running === 0 && decoders().length === 0);
  expect((await client.unary({ audio_data: RECORDING, filename: "a.wav" })).transcript).toBe("1");
  expect(lines.filter((line) => line.includes(" - ERROR - "))).toEqual([]);
  await server.stop();
});
