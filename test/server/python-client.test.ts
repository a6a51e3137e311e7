import { execFile, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { startServer } from "../../src/server/server.js";
import { wav } from "../support/audio.js";
import { decodeStatus } from "../support/decode-status.js";
import { sampleAudio, sampleTurns } from "../support/samples.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { wordErrorRate } from "../support/word-error-rate.js";

/** Debian's Python, which its packages python3-grpcio and python3-grpc-tools are for. */
const PYTHON = "/usr/bin/python3";
const CLIENT = fileURLToPath(new URL("../support/contract_client.py", import.meta.url));
const V2_CLIENT = fileURLToPath(new URL("../support/v2_client.py", import.meta.url));
const hasClient = spawnSync(PYTHON, ["-c", "import grpc, grpc_tools"]).status === 0;

describe.skipIf(!hasClient)("a Python client (needs python3-grpcio and python3-grpc-tools)", () => {
  it("gets from the demo model what the contract says", async () => {
    const server = await startServer(
      { host: "localhost", port: 0, http: false, model: "demo", language: "ru" },
      { log: () => {} },
    );
    onTestFinished(() => server.stop());
    await server.ready;
    const { recording, text } = await beginningOfCall();
    const args = [CLIENT, String(server.port), await temporaryFolder(), recording];
    const { stdout } = await promisify(execFile)(PYTHON, args);
    const answers = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const named = (name: string) => answers.find((answer) => answer.name === name);

    const failed = {
      success: false,
      transcript: "",
      audio_duration: 0,
      word_count: 0,
      char_count: 0,
      speed_factor: 0,
    };
    for (const mode of ["unary", "stream"]) {
      const answer = named(`${mode} recording`);
      expect(answer).toMatchObject({ success: true, error_message: "" });
      expect(wordErrorRate(text, answer.transcript).rate).toBeLessThan(0.05);
      expect(answer.word_count).toBe(answer.transcript.split(" ").length);
      expect(answer.char_count).toBe([...answer.transcript].length);
      expect(answer.speed_factor).toBeCloseTo(answer.audio_duration / answer.processing_time, 6);
      const refused = (name: string, error_message: string) =>
        expect(named(`${mode} ${name}`)).toMatchObject({ ...failed, error_message });
      refused("no name", "Имя файла не указано");
      refused("no data", "Данные файла пустые");
      refused("extension", "Неподдерживаемый формат файла: .exe");
      const prefix = mode === "unary" ? "Ошибка при транскрипции: " : "Ошибка при обработке стрима: ";
      expect(named(`${mode} not audio`)).toMatchObject(failed);
      expect(named(`${mode} not audio`).error_message).toMatch(new RegExp(`^${prefix}.*ZIP`));
      expect(named(`${mode} deadline`).status).toBe("DEADLINE_EXCEEDED");
      expect(named(`${mode} too large`).status).toBe("RESOURCE_EXHAUSTED");
    }
    expect(named("stream nothing").error_message).toBe("Имя файла не указано");
    expect(named("stream large and refused early").error_message).toBe("Неподдерживаемый формат файла: .exe");
    expect(named("stream too large in chunks")).toMatchObject({
      ...failed,
      error_message: expect.stringContaining("SERVER_MAX_UPLOAD_BYTES"),
    });
    for (const name of ["unary 190 MB", "stream 190 MB"]) {
      expect(named(name)).toMatchObject({
        error_message: "",
        transcript: named("unary recording").transcript,
      });
    }
    expect(named("afterwards").transcript).toBe(named("unary recording").transcript);
  });
});

describe.skipIf(!hasClient)("a Python client of contract v2", () => {
  it("gets segments and words three ways, news, and errors with details", async () => {
    const server = await startServer(
      { host: "localhost", port: 0, http: false, model: "demo", implementation: "whisper" },
      { log: () => {} },
    );
    onTestFinished(() => server.stop());
    await server.ready;
    const { recording, text } = await beginningOfCall();
    const args = [V2_CLIENT, String(server.port), await temporaryFolder(), recording];
    const { stdout } = await promisify(execFile)(PYTHON, args);
    const answer = JSON.parse(stdout);
    for (const way of ["unary", "upload", "events"]) {
      const result = answer[way];
      expect(wordErrorRate(text, result.text).rate).toBeLessThan(0.05);
      expect(result).toMatchObject({ language: "ru", model: "demo", implementation: "whisper" });
      expect(result.request_id).toBe(`python-${way}`);
      expect(result.words.join(" ")).toBe(result.text);
    }
    expect(answer.kinds.at(-1)).toBe("result");
    expect(new Set(answer.kinds)).toEqual(new Set(["upload", "progress", "segment", "result"]));
    expect(answer.failure.status).toBe("INVALID_ARGUMENT");
    expect(decodeStatus(Buffer.from(answer.failure.details, "hex"))).toMatchObject({
      code: 3,
      message: answer.failure.message,
      reason: "INVALID_ARGUMENT",
      field: "config.options.beam_size",
      metadata: { request_id: "python-failure" },
    });
    expect(answer.info).toMatchObject({ implementation: "whisper", models: ["demo"], upload: 209715200 });
  });
});

/** The first turns of a call, as a file and as text. */
async function beginningOfCall(): Promise<{ recording: string; text: string }> {
  const turns = sampleTurns("sales-call-ru").slice(0, 4);
  const { samples, sampleRate } = sampleAudio("sales-call-ru", 0, turns.at(-1)!.end + 0.2);
  const recording = join(await temporaryFolder(), "call.wav");
  await writeFile(recording, wav([Float32Array.from(samples, (sample) => sample / 32768)], sampleRate));
  return { recording, text: turns.map((turn) => turn.text).join(" ") };
}
