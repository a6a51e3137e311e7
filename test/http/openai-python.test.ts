import { execFile, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";
import { formatResult, transcribe } from "../../src/index.js";
import { startServer } from "../../src/server/server.js";
import { DEMO_WITH_VAD } from "../support/demo.js";
import { realWhisperFolder } from "../support/real-whisper-models.js";
import { samplePath } from "../support/samples.js";
import { temporaryFolder } from "../support/temporary-folder.js";

/** Seconds of the calls that are sent. */
const SECONDS = 6;
const TOKEN = "correct-horse-battery";
const CLIENT = fileURLToPath(new URL("../support/openai_client.py", import.meta.url));
const INSTALLED = fileURLToPath(new URL("../../build/tools/openai/bin/python", import.meta.url));
/** One that has OpenAI's client; undefined: none here does. */
const python = [INSTALLED, "python3", join(realWhisperFolder(), "venv/bin/python")].find(
  (path) => spawnSync(path, ["-c", "import openai"]).status === 0,
);

/** A WAV file with the first seconds of a sample of 16 kHz. */
function beginning(folder: string, name: string, channels: number): string {
  const bytes = readFileSync(samplePath(name)).subarray(0, 44 + SECONDS * 16_000 * 2 * channels);
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.writeUInt32LE(bytes.length - 44, 40);
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

it.skipIf(python === undefined)(
  "OpenAI's client in Python gets what it asks for, by every method of audio and models (needs scripts/install-openai-python.sh, or a Python that has the package openai)",
  async () => {
    const folder = await temporaryFolder();
    const mono = beginning(folder, "sales-call-en.wav", 1);
    const stereo = beginning(folder, "sales-call-en.stereo.wav", 2);
    const server = await startServer(
      {
        grpc: false,
        httpPort: 0,
        model: "demo",
        implementation: "whisper",
        apiToken: TOKEN,
        modelAliases: "our/speech",
      },
      { log: () => {} },
    );
    onTestFinished(() => server.stop());
    await server.ready;
    const direct = await transcribe(mono, DEMO_WITH_VAD);
    const args = [CLIENT, `http://localhost:${server.httpPort}`, TOKEN, mono, stereo];
    const found = JSON.parse((await promisify(execFile)(python!, args, { maxBuffer: 2 ** 24 })).stdout);
    const { text } = direct;
    expect(text).toMatch(/^My phone number is/);
    expect(found).toMatchObject({
      file: text,
      path: text,
      bytes: text,
      named: text,
      typed: text,
      text: `${text}\n`,
      srt: formatResult(direct, "srt"),
      vtt: formatResult(direct, "vtt"),
      deltas: text,
      done: text,
      streamed: text,
      raw: [200, text, true],
      models: ["demo", "whisper-1", "our/speech"],
      model: "our/speech",
      asynchronous: [text, text, text, text, text],
      failures: [
        ["NotFoundError", 404, "model_not_found", "model", true],
        ["BadRequestError", 400, "INVALID_ARGUMENT", "response_format", true],
        ["BadRequestError", 400, "UNSUPPORTED_FORMAT", null, true],
        ["NotFoundError", 404, "model_not_found", "model", true],
        ["AuthenticationError", 401, "invalid_api_key", null, true],
      ],
    });
    expect(found.verbose).toMatchObject({ language: "english", text: expect.any(String) });
    expect(found.verbose.duration).toBeCloseTo(SECONDS, 3);
    expect(found.verbose.words.length).toBeGreaterThan(3);
    expect(found.verbose.segments.length).toBeGreaterThan(0);
    expect(found.diarized.segments[0]).toMatchObject({
      id: "seg_001",
      speaker: expect.stringMatching(/^[AB]$/),
    });
    expect(found.logprobs.logprobs.map(({ token }: { token: string }) => token).join("")).toBe(text);
    for (const name of ["vad", "extra", "translation"]) expect(found[name]).toMatch(/\w/);
  },
);
