import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { answered, formOf, post } from "../support/http-server.js";
import { type ManyModels, startManyModels } from "../support/many-models.js";
import { readMetrics } from "../support/metrics.js";
import { RECORDING, until } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";
import { latch } from "../support/transcribe-fake.js";
import { failureOf, uploadOf, V2Client } from "../support/v2-client.js";

const MIB = 1024 ** 2;
const ask = ({ url }: ManyModels, model: string | undefined, init: RequestInit & { path?: string } = {}) =>
  post(url, formOf(RECORDING, model === undefined ? {} : { model }), init);
const get = async ({ url }: ManyModels, path: string, init?: RequestInit) =>
  answered(await fetch(url + path, init));
const namesOf = ({ loaded }: ManyModels) => loaded.map(({ name }) => name);

describe("a request", () => {
  it("may name any installed model, which is loaded for it once", async () => {
    const server = await startManyModels({ models: { "one.bin": 1, "ggml-two.bin": 1 } });
    expect(namesOf(server)).toEqual(["main.bin"]);
    const texts = async (...names: (string | undefined)[]) =>
      (await Promise.all(names.map((name) => ask(server, name)))).map(({ json }) => json.text);
    expect(await texts(undefined, "whisper-1", "main", "one.bin", "one", "openai/whisper-two")).toEqual([
      "main.bin",
      "main.bin",
      "main.bin",
      "one.bin",
      "one.bin",
      "ggml-two.bin",
    ]);
    expect(namesOf(server).sort()).toEqual(["ggml-two.bin", "main.bin", "one.bin"]);
    const line = server.lines.find((each) => each.includes("Loaded model one.bin"));
    expect(line).toMatch(/Loaded model one\.bin in [\d.]+ s: \d+ MiB, models \d+ MiB of \d+ MiB/);
  });

  it("names it at every door and path, and each says which one it was", async () => {
    const server = await startManyModels({ models: { "one.bin": 1 } });
    const v2 = new V2Client(server.server.port);
    const config = { model: "one" };
    expect(await v2.transcribe({ audio: RECORDING, config })).toMatchObject({
      model: "one.bin",
      text: "one.bin",
    });
    expect(await v2.upload(uploadOf(RECORDING, config))).toMatchObject({ model: "one.bin" });
    const form = formOf(undefined, { model: "one" });
    form.append("audio_file", new Blob([RECORDING as Uint8Array<ArrayBuffer>]), "a.wav");
    expect((await post(server.url, form, { path: "/asr" })).text.trim()).toBe("one.bin");
    expect((await ask(server, "one", { path: "/inference" })).json.text.trim()).toBe("one.bin");
    expect((await ask(server, "one", { path: "/v1/audio/translations" })).json.text).toBe("one.bin");
    expect(namesOf(server)).toEqual(["main.bin", "one.bin"]);
  });

  it("of a sales product gets the model of WhisperX that it names where that is installed, else the server's", async () => {
    const recordingsStore = await temporaryFolder();
    const models = { "base.bin": 1, "whisper-large-v3.bin": 1 };
    const server = await startManyModels({ models, settings: { recordingsStore } });
    const kept = await post(server.url, formOf(RECORDING), { path: "/api/recordings" });
    const path = `/api/recordings/${kept.json.id}/transcribe-whisperx`;
    const headers = { "content-type": "application/json" };
    const used = async (model: string) =>
      (await post(server.url, JSON.stringify({ model, hf_token: "hf_x" }), { path, headers })).json.metadata
        .model;
    expect(await used("base")).toBe("base.bin");
    expect(await used("large-v3")).toBe("whisper-large-v3.bin");
    for (const model of ["tiny", "small", "medium", "large-v2"]) expect(await used(model)).toBe("main.bin");
    expect(namesOf(server)).toEqual(["main.bin", "base.bin", "whisper-large-v3.bin"]);
    expect(server.lines.join("")).not.toContain("hf_x");
  });

  it("that names none that is here is told what there is", async () => {
    const server = await startManyModels({ models: { "one.bin": 1 } });
    expect(await ask(server, "onne.bin")).toMatchObject({
      status: 404,
      json: {
        error: {
          code: "model_not_found",
          param: "model",
          message: 'No model "onne.bin" is installed here: did you mean one.bin?',
        },
      },
    });
    for (const name of ["../one.bin", join(server.folder, "one.bin"), "tiny", "a".repeat(10_000)])
      expect((await ask(server, name)).status).toBe(404);
    const v2 = new V2Client(server.server.port);
    const unknown = { model: "large-v9" };
    for (const call of [
      () => v2.transcribe({ audio: RECORDING, config: unknown }),
      () => v2.upload(uploadOf(RECORDING, unknown)),
    ])
      expect(await failureOf(call())).toMatchObject({ reason: "MODEL_NOT_FOUND", field: "config.model" });
    expect(namesOf(server)).toEqual(["main.bin"]);
  });

  it("names no other one where the settings have none, and those alone that they have, also by paths", async () => {
    const none = await startManyModels({ models: { "one.bin": 1 }, settings: { modelsServed: "none" } });
    expect((await ask(none, "one.bin")).status).toBe(404);
    expect((await ask(none, "demo")).status).toBe(404);
    const folder = (await startManyModels({ models: { "my own.bin": 1 } })).folder;
    const some = await startManyModels({
      models: { "one.bin": 1, "two.bin": 1 },
      settings: { modelsServed: `one.bin,${join(folder, "my own.bin")},/nowhere/three.bin` },
    });
    expect((await ask(some, "one.bin")).json.text).toBe("one.bin");
    expect((await ask(some, "my own")).json.text).toBe("my own.bin");
    expect((await ask(some, "two.bin")).status).toBe(404);
    await until(() => some.lines.some((line) => line.includes("there is no model /nowhere/three.bin here")));
    expect(some.lines.filter((line) => line.includes("MODELS_SERVED"))).toHaveLength(1);
  });

  it("is refused by the options that the model has, once it is loaded", async () => {
    const server = await startManyModels({
      models: { "one.bin": 1 },
      engine: (name) => ({ languages: name === "one.bin" ? ["en"] : ["en", "ru"] }),
      settings: { language: "ru" },
    });
    const spoken = (model: string, language: string) =>
      post(server.url, formOf(RECORDING, { model, language }));
    expect((await spoken("one.bin", "ru")).json.error).toMatchObject({
      code: "INVALID_ARGUMENT",
      param: "language",
    });
    expect((await spoken("main.bin", "ru")).status).toBe(200);
    // The language of the settings is no wish of the request.
    expect((await ask(server, "one.bin")).status).toBe(200);
    const v2 = new V2Client(server.server.port);
    const config = { model: "one", options: { language: "ru" } };
    expect(await failureOf(v2.upload(uploadOf(RECORDING, config)))).toMatchObject({
      field: "config.options.language",
    });
  });

  it("that comes with nineteen others has the model loaded once", async () => {
    const { opened, open } = latch();
    const server = await startManyModels({
      models: { "one.bin": 1 },
      loading: (name) => (name === "one.bin" ? opened : Promise.resolve()),
    });
    const answers = Promise.all(Array.from({ length: 20 }, () => ask(server, "one")));
    await until(async () =>
      (await get(server, "/api/ps")).json.details.some((each: { requests: number }) => each.requests === 20),
    );
    // What is loaded goes on meanwhile.
    expect((await ask(server, undefined)).json.text).toBe("main.bin");
    open();
    expect(new Set((await answers).map(({ json }) => json.text))).toEqual(new Set(["one.bin"]));
    expect(namesOf(server)).toEqual(["main.bin", "one.bin"]);
  });

  it("for a job of a recording that is not there loads none", async () => {
    const recordingsStore = await temporaryFolder();
    const server = await startManyModels({ models: { "base.bin": 1 }, settings: { recordingsStore } });
    const body = { model: "base", recording_id: "nobody" };
    for (const path of ["/v1/jobs", "/api/recordings/nobody/transcribe-whisperx"]) {
      const headers = { "content-type": "application/json", prefer: "respond-async" };
      expect((await post(server.url, JSON.stringify(body), { path, headers })).status).toBe(404);
    }
    expect(namesOf(server)).toEqual(["main.bin"]);
  });

  it("may be given up while its model is loaded, and has its deadline then", async () => {
    const { opened, open } = latch();
    const server = await startManyModels({
      models: { "one.bin": 1 },
      loading: (name) => (name === "one.bin" ? opened : Promise.resolve()),
    });
    const leaving = new AbortController();
    const left = ask(server, "one", { signal: leaving.signal });
    const late = await post(server.url, formOf(RECORDING, { model: "one", timeout: "0.05" }));
    expect(late).toMatchObject({ status: 504, json: { error: { code: "DEADLINE_EXCEEDED" } } });
    expect(late.json.error.message).toContain("timeout (0.05 s)");
    leaving.abort();
    await expect(left).rejects.toThrow();
    await until(async () => (await get(server, "/api/ps")).json.details[1]?.requests === 0);
    open();
    expect((await ask(server, "one")).json.text).toBe("one.bin");
    expect(namesOf(server)).toEqual(["main.bin", "one.bin"]);
  });

  it("whose model is damaged is told so without its path, and the server goes on", async () => {
    const server = await startManyModels({ models: { "broken.bin": 1, "one.bin": 1 } });
    for (let attempt = 0; attempt < 2; attempt++) {
      const refused = await ask(server, "broken");
      expect(refused).toMatchObject({
        status: 500,
        json: {
          error: {
            code: "MODEL_INVALID",
            message: "Model broken.bin cannot be loaded: its file is damaged, or is no speech model",
          },
        },
      });
      expect(refused.headers.get("x-should-retry")).toBe("false");
    }
    expect(server.lines.join("")).toContain("Cannot load model broken.bin");
    expect(server.lines.join("")).toContain("3 bytes are missing");
    expect((await ask(server, "one")).json.text).toBe("one.bin");
    const v2 = new V2Client(server.server.port);
    expect(await failureOf(v2.transcribe({ audio: RECORDING, config: { model: "broken" } }))).toMatchObject({
      reason: "MODEL_INVALID",
    });
    rmSync(join(server.folder, "one.bin"));
    // What is loaded needs its file no more, and is not installed any more.
    expect((await ask(server, "one.bin")).status).toBe(404);
  });
});

describe("memory for models", () => {
  it("is that of those which were not used for longest, and of none that is in use", async () => {
    const { opened, open } = latch();
    const server = await startManyModels({
      models: { "one.bin": 100, "two.bin": 100, "three.bin": 100 },
      // Two of them, at 125 MiB and a little each.
      settings: { modelsMaxMemory: 300 * MIB + 20 * MIB },
      engine: (name) => (name === "one.bin" ? { gate: () => opened } : {}),
    });
    await ask(server, "two");
    const busy = ask(server, "one");
    await until(() => server.loaded.length === 3 && server.loaded[2]!.engine.running === 1);
    expect((await ask(server, "three")).json.text).toBe("three.bin");
    const loaded = async () => (await get(server, "/api/ps")).json.models;
    expect(await loaded()).toEqual(["main.bin", "one.bin", "three.bin"]);
    expect(server.loaded.map(({ name, engine }) => [name, engine.closed])).toEqual([
      ["main.bin", 0],
      ["two.bin", 1],
      ["one.bin", 0],
      ["three.bin", 0],
    ]);
    open();
    expect((await busy).json.text).toBe("one.bin");
    const samples = await readMetrics(server.server.httpPort!);
    expect(samples.get('agora_model_unloads_total{model="two.bin",reason="memory"}')).toBe(1);
    expect(samples.get('agora_model_loads_total{model="three.bin",outcome="ok"}')).toBe(1);
    expect(samples.get("agora_models_loaded")).toBe(3);
    expect(samples.get("agora_model_load_seconds_count")).toBe(3);
    expect(samples.get('agora_model_requests{model="one.bin"}')).toBe(0);
  });
});

describe("loaded models", () => {
  it("are listed, loaded and unloaded as speaches has it", async () => {
    const server = await startManyModels({ models: { "one.bin": 1 }, settings: { modelTtl: 60 } });
    const ps = (method: string, name: string) => get(server, `/api/ps/${name}`, { method });
    const { json } = await get(server, "/api/ps");
    expect(json).toMatchObject({
      models: ["main.bin"],
      details: [{ name: "main.bin", state: "loaded", requests: 0, expires_at: null }],
      max_memory_bytes: expect.any(Number),
    });
    expect(await ps("DELETE", "one")).toMatchObject({
      status: 404,
      json: { message: "Model one.bin is not loaded" },
    });
    expect(await ps("POST", "one")).toMatchObject({ status: 201, json: { message: "Model one.bin loaded" } });
    expect(await ps("POST", "one")).toMatchObject({
      status: 409,
      json: { message: "Model one.bin is already loaded" },
    });
    const after = (await get(server, "/api/ps")).json;
    expect(after.models).toEqual(["main.bin", "one.bin"]);
    const { expires_at, loaded_at, memory_bytes } = after.details[1];
    expect(expires_at - Date.now() / 1000).toBeGreaterThan(50);
    expect(expires_at - Date.now() / 1000).toBeLessThanOrEqual(60);
    expect(Math.abs(loaded_at - Date.now() / 1000)).toBeLessThan(30);
    expect(after.memory_bytes).toBe(after.details[0].memory_bytes + memory_bytes);
    expect(await ps("DELETE", "one")).toMatchObject({
      status: 200,
      json: { message: "Model one.bin unloaded" },
    });
    expect(server.loaded[1]!.engine.closed).toBe(1);
    for (const method of ["POST", "DELETE"])
      expect(await ps(method, "onne")).toMatchObject({
        status: 404,
        json: { message: 'No model "onne" is installed here: did you mean one.bin?' },
      });
    // The server's own goes as well, and comes again with the next request.
    expect((await ps("DELETE", "whisper-1")).status).toBe(200);
    expect((await get(server, "/api/ps")).json.models).toEqual([]);
    expect((await get(server, "/ready")).status).toBe(200);
    expect((await ask(server, undefined)).json.text).toBe("main.bin");
    expect(namesOf(server)).toEqual(["main.bin", "one.bin", "main.bin"]);
  });

  it("are not unloaded while a request uses them", async () => {
    const { opened, open } = latch();
    const server = await startManyModels({
      models: { "one.bin": 1 },
      engine: () => ({ gate: () => opened }),
    });
    const busy = ask(server, "one");
    await until(() => server.loaded[1]?.engine.running === 1);
    expect(await get(server, "/api/ps/one", { method: "DELETE" })).toMatchObject({
      status: 409,
      json: { message: "Model one.bin is in use" },
    });
    open();
    expect((await busy).json.text).toBe("one.bin");
  });

  it("go after their time, the server's own too where it has one, whose requests never see that", async () => {
    const server = await startManyModels({
      models: { "one.bin": 1 },
      settings: { modelTtl: 0, modelMainTtl: 0.05 },
    });
    expect((await ask(server, "one")).json.text).toBe("one.bin");
    await until(async () => (await get(server, "/api/ps")).json.details.length === 0);
    expect(server.loaded.map(({ engine }) => engine.closed)).toEqual([1, 1]);
    const v2 = new V2Client(server.server.port);
    expect(await v2.upload(uploadOf(RECORDING))).toMatchObject({ text: "main.bin" });
    const info = await v2.serverInfo();
    expect(info.models).toEqual([expect.objectContaining({ name: "main.bin" })]);
    expect(server.lines.join("")).toContain("Unloaded model one.bin");
  });

  it("are among those that can be asked for", async () => {
    const server = await startManyModels({ models: { "one.bin": 2 }, settings: { modelAliases: "ours" } });
    const listed = async () =>
      (await get(server, "/v1/models")).json.data.map((each: { id: string; loaded: boolean }) => [
        each.id,
        each.loaded,
      ]);
    const rest = ["demo", false];
    expect(await listed()).toEqual([
      ["main.bin", true],
      ["whisper-1", true],
      ["ours", true],
      rest,
      ["one.bin", false],
    ]);
    expect((await get(server, "/v1/models/one")).json).not.toHaveProperty("languages");
    await ask(server, "one");
    expect(await listed()).toContainEqual(["one.bin", true]);
    expect((await get(server, "/v1/models/one")).json).toMatchObject({
      model: "one.bin",
      languages: ["en", "ru", "de"],
    });
    const list = await new V2Client(server.server.port).models();
    expect(list.models.map(({ name, state }) => [name, state])).toEqual([
      ["main.bin", "MODEL_STATE_LOADED"],
      ["demo", "MODEL_STATE_UNLOADED"],
      ["one.bin", "MODEL_STATE_LOADED"],
    ]);
    expect(list.models[2]).toMatchObject({ file_bytes: 2 * MIB, requests: 0, model: { name: "one.bin" } });
    expect(list.models[2]!.expires_in).toBeGreaterThan(250);
    expect(list.models[1]!.model).toBeNull();
    expect(list.memory_bytes).toBeGreaterThanOrEqual(list.models[2]!.memory_bytes);
  });
});
