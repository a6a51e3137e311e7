import { once } from "node:events";
import { copyFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { status } from "@grpc/grpc-js";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { modelPath } from "../../src/models/cache.js";
import { registry } from "../../src/models/registry.js";
import { wav } from "../support/audio.js";
import { bursts } from "../support/fake-engine.js";
import { RECORDING } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { failureOf } from "../support/v2-client.js";
import { startV2 } from "../support/v2-server.js";

/** In the catalogue, but no part of the package. */
const UNCACHED_VAD = "silero-v5.1.2";

describe("options", () => {
  it("reach the engine, every one of them", async () => {
    const { v2, engine } = await startV2();
    await v2.transcribe({
      audio: RECORDING,
      config: {
        options: {
          language: "Russian",
          task: "TASK_TRANSLATE",
          beam_size: 4,
          best_of: 3,
          patience: 1.5,
          length_penalty: { value: 0 },
          temperatures: [0.2, 0.6],
          compression_ratio_threshold: { off: true },
          log_prob_threshold: { value: -2 },
          no_speech_threshold: { value: 0.3 },
          initial_prompt: "after this",
          carry_initial_prompt: true,
          prefix: " So ",
          vad_filter: "VAD_FILTER_OFF",
          vad_options: { max_speech_duration: 20 },
          hotwords: ["Борис", "Agora"],
          suppress_blank: { value: false },
          suppress_tokens: { ids: [5, 6] },
          without_timestamps: true,
          word_timestamps: true,
          max_tokens: 99,
          seed: 17,
          repetition_penalty: 1.2,
          no_repeat_ngram_size: 3,
          hallucination_silence_threshold: 2,
          max_initial_timestamp: { value: 0.5 },
          prepend_punctuations: { value: "(" },
          append_punctuations: { value: "" },
          top_k: { value: 0 },
          top_p: 0.5,
          system_prompt: "system",
          user_prompt: "user",
          track: { value: 0 },
          priority: "PRIORITY_BULK",
        },
      },
    });
    expect(engine.windows).toEqual([
      {
        language: "ru",
        task: "translate",
        beamSize: 4,
        bestOf: 3,
        patience: 1.5,
        lengthPenalty: 0,
        temperatures: [0.2, 0.6],
        compressionRatioThreshold: null,
        logProbThreshold: -2,
        noSpeechThreshold: 0.3,
        hotwords: "Борис, Agora",
        initialPrompt: "after this",
        prefix: "So",
        previousText: "",
        speech: [],
        request: expect.any(Number),
        priority: "bulk",
        suppressBlank: false,
        suppressTokens: [5, 6],
        suppressNonSpeech: false,
        suppressNumerals: false,
        withoutTimestamps: true,
        wordTimestamps: true,
        maxTokens: 99,
        seed: 17,
        repetitionPenalty: 1.2,
        noRepeatNgramSize: 3,
        hallucinationSilenceThreshold: 2,
        maxInitialTimestamp: 0.5,
        prependPunctuations: "(",
        generation: { topK: 0, topP: 0.5, systemPrompt: "system", userPrompt: "user" },
        appendPunctuations: "",
      },
    ]);
  });

  it("that are left out are those of the library, and the server's language and window", async () => {
    const { v2, engine } = await startV2({ settings: { language: "ru", chunkDuration: 3 } });
    await v2.transcribe({
      audio: wav([bursts(1, 5)], 16_000),
      config: { options: { vad_filter: "VAD_FILTER_OFF" } },
    });
    expect(engine.windows.length).toBeGreaterThan(1);
    expect(engine.windows[0]).toMatchObject({
      language: "ru",
      beamSize: 1,
      suppressNonSpeech: true,
      suppressNumerals: false,
      seed: 0,
    });
    engine.windows.length = 0;
    await v2.transcribe({
      audio: wav([bursts(1, 5)], 16_000),
      config: { options: { language: "auto", chunk_length: 20, vad_filter: "VAD_FILTER_OFF" } },
    });
    expect(engine.windows).toHaveLength(1);
    expect(engine.windows[0]).toMatchObject({ language: "en" });
  });

  it("may say that the language changes, whatever the server's is", async () => {
    const { v2, engine } = await startV2({ settings: { language: "ru" } });
    const { segments } = await v2.transcribe({
      audio: RECORDING,
      config: {
        options: { multilingual: true, language_detection_segments: 1, vad_filter: "VAD_FILTER_OFF" },
      },
    });
    expect(engine.windows[0]).toMatchObject({ language: "en" });
    expect(segments[0]).toMatchObject({ language: "en" });
  });

  it("may name stretches of the recording", async () => {
    const { v2 } = await startV2();
    const config = { options: { clip_timestamps: [0, 5] } };
    expect((await v2.transcribe({ audio: RECORDING, config })).text).toBe("");
  });

  it("look for speech with the model of the package", async () => {
    const { v2, engine } = await startV2({ settings: { vadModel: undefined } });
    const config = { options: { vad_filter: "VAD_FILTER_ON" } };
    expect((await v2.transcribe({ audio: RECORDING, config })).text).toBe("");
    expect(engine.windows).toEqual([]);
  });

  it("never make the server download a model, whatever it has", async () => {
    let requests = 0;
    const hub = createServer((_, response) => {
      requests++;
      response.writeHead(404).end();
    }).listen(0, "localhost");
    onTestFinished(() => {
      hub.close();
      vi.unstubAllEnvs();
    });
    await once(hub, "listening");
    vi.stubEnv("AGORA_MODEL_MIRROR", `http://localhost:${(hub.address() as AddressInfo).port}`);
    vi.stubEnv("AGORA_OFFLINE", "");
    const cache = await temporaryFolder();
    vi.stubEnv("AGORA_CACHE_DIR", cache);
    // Its own start does, for a model that it is told to have.
    await expect(startV2({ settings: { vadModel: UNCACHED_VAD } })).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
    });
    expect(requests).toBeGreaterThan(0);
    requests = 0;
    const bundled = fileURLToPath(new URL("../../models/silero-v6.2.0.bin", import.meta.url));
    // There at the start, gone at the requests; as long as what the catalogue has under the name.
    const files: Record<string, string> = {
      [UNCACHED_VAD]: modelPath(registry().find(UNCACHED_VAD)!, cache),
      [join(cache, "named.bin")]: join(cache, "named.bin"),
    };
    for (const vadModel of [undefined, null, ...Object.keys(files)]) {
      const file = files[vadModel ?? ""];
      if (file) await copyFile(bundled, file);
      const { v2 } = await startV2({ settings: { vadModel } });
      if (file) await rm(file);
      for (const vad_filter of ["VAD_FILTER_ON", "VAD_FILTER_AUTO", "VAD_FILTER_OFF"]) {
        const call = v2.transcribe({ audio: RECORDING, config: { options: { vad_filter } } });
        if (vadModel === null && vad_filter === "VAD_FILTER_ON") {
          const { INVALID_ARGUMENT: code } = status;
          expect(await failureOf(call)).toMatchObject({ code, reason: "INVALID_ARGUMENT" });
        } else if (file && vad_filter !== "VAD_FILTER_OFF") {
          const { FAILED_PRECONDITION: code } = status;
          expect(await failureOf(call)).toMatchObject({ code, reason: "MODEL_NOT_FOUND" });
        } else {
          expect(await call).toHaveProperty("text");
        }
      }
    }
    expect(requests).toBe(0);
  });
});
