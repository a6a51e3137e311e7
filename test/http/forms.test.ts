import { request } from "node:http";
import { describe, expect, it } from "vitest";
import { OPTION_FIELDS, optionPaths } from "../../src/service/options/fields.js";
import {
  answered,
  answerToBeginning,
  formOf,
  type HttpServer,
  post,
  startHttp,
  uploadsOnDisk,
} from "../support/http-server.js";
import { RECORDING, until } from "../support/server.js";

const BOUNDARY = "----a-boundary";
const TYPE = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };

/** A part as it is written. */
const part = (disposition: string, value: string | Uint8Array): Buffer =>
  Buffer.concat([
    Buffer.from(`--${BOUNDARY}\r\ncontent-disposition: form-data; ${disposition}\r\n\r\n`),
    Buffer.from(value),
    Buffer.from("\r\n"),
  ]);
const END = Buffer.from(`--${BOUNDARY}--\r\n`);
const FILE = part('name="file"; filename="a.wav"', RECORDING);

const raw = (url: string, ...parts: Uint8Array[]) =>
  post(url, Buffer.concat(parts) as unknown as RequestInit["body"], { headers: TYPE });

/** Nothing of any request is left, and another one is answered. */
async function expectRecovery({ engine, url }: HttpServer): Promise<void> {
  await until(() => engine.running === 0 && uploadsOnDisk() === 0);
  expect((await post(url, formOf(RECORDING))).json.text).toBe("1");
}

describe("a form", () => {
  it("may have its fields before the file or after it, at either path", async () => {
    const { engine, url } = await startHttp();
    const language = part('name="language"', "ru");
    for (const parts of [
      [FILE, language],
      [language, FILE],
    ]) {
      expect((await raw(url, ...parts, END)).json).toMatchObject({ text: "1", languages: [{ code: "ru" }] });
    }
    expect(engine.windows.map((window) => window.language)).toEqual(["ru", "ru"]);
    expect((await post(url, formOf(RECORDING), { path: "/audio/transcriptions" })).json.text).toBe("1");
  });

  it("comes in whatever pieces, byte by byte too", async () => {
    const { server } = await startHttp();
    const body = Buffer.concat([part('name="prompt"', "Ёлка"), FILE, END]);
    const answer = await new Promise<string>((resolve, reject) => {
      const sending = request({
        port: server.httpPort,
        method: "POST",
        path: "/v1/audio/transcriptions",
        headers: { ...TYPE, "transfer-encoding": "chunked" },
      });
      sending.on("error", reject);
      sending.on("response", async (response) => {
        let text = "";
        for await (const piece of response) text += piece;
        resolve(text);
      });
      for (let i = 0; i < 300; i++) sending.write(body.subarray(i, i + 1));
      sending.end(body.subarray(300));
    });
    expect(JSON.parse(answer).text).toBe("1");
  });

  it("has the options of the library under their names, lists with and without brackets", async () => {
    const { engine, url } = await startHttp();
    const fields = {
      beam_size: "3",
      temperature: "0",
      suppress_blank: "False",
      log_prob_threshold: "none",
      "hotwords[]": ["Agora", "Ёлка"],
      suppress_tokens: "1, 2",
      initial_prompt: "Hello.",
      response_format: "verbose_json",
      "timestamp_granularities[]": ["word", "segment"],
      user: "somebody",
    };
    const { json } = await post(url, formOf(RECORDING, fields));
    expect(json).toMatchObject({ language: "english", text: "1", words: [] });
    expect(engine.windows[0]).toMatchObject({
      beamSize: 3,
      suppressBlank: false,
      logProbThreshold: null,
      suppressTokens: [1, 2],
      wordTimestamps: true,
      // OpenAI's 0 tries higher ones where the text is no good.
      temperatures: [0, 0.2, 0.4, 0.6, 0.8, 1],
    });
  });

  it.each([
    ["beam_size", "many", 'Expected a whole number for beam_size but received "many"'],
    // Read in one pass: a request may have millions of digits.
    ["beam_size", `${"1".repeat(900_000)}x`, /^Expected a whole number for beam_size but received "1{50,}/],
    ["beam_size", "99", "Expected an integer from 1 to 8 for beam_size but received 99 of type number"],
    [
      "vad_threshold",
      "7",
      "Expected a number from 0.01 to 1 for vad_threshold but received 7 of type number",
    ],
    ["temperature[]", "3", "Expected a number from 0 to 2 for temperature but received 3 of type number"],
    ["language", "klingon", /^Expected a language .* for language but received "klingon"/],
    ["word_timestamps", "perhaps", 'Expected true or false for word_timestamps but received "perhaps"'],
    ["response_format", "docx", /^Expected one of json, text, .* for response_format but received "docx"/],
    ["beam_sise", "3", 'Unknown field "beam_sise": did you mean beam_size?'],
    ["chunking_strategy", "{", 'Expected an object for chunking_strategy but received "{"'],
    [
      "chunking_strategy[type]",
      "magic",
      'Expected server_vad for chunking_strategy.type but received "magic"',
    ],
    ["prompt", "x".repeat(100_001), / for prompt but received/],
    ["initial_prompt", "x".repeat(100_001), / for initial_prompt but received/],
    ["keywords[]", "x".repeat(201), / for keywords\[0\] but received/],
    ["hotwords", "x".repeat(100_001), / for hotwords but received/],
    ["chunking_strategy[threshold]", "7", / for chunking_strategy\.threshold but received 7/],
    ["languages[]", "klingon", 'Expected codes or names of languages for languages but received "klingon"'],
    ["speaker_roles[SPEAKER_00]", "king", /^Expected one of seller, client for speaker_roles\[SPEAKER_00\]/],
  ])("is refused for %s, by name: %#", async (name, value, message) => {
    const { engine, url } = await startHttp();
    const { json, status } = await post(url, formOf(RECORDING, { [name]: value }));
    expect(status).toBe(400);
    expect(json.error).toMatchObject({ type: "invalid_request_error", code: "INVALID_ARGUMENT" });
    expect(json.error.message).toEqual(
      typeof message === "string" ? message : expect.stringMatching(message),
    );
    expect(json.error.param).toContain(name.replace(/\[\]$/, "").split("[")[0]);
    expect(engine.windows).toHaveLength(0);
  });

  it("is refused where it is none, or not whole, or more than a form may be", async () => {
    const fake = await startHttp();
    const { url } = fake;
    const cases: [Promise<{ status: number; json: { error: { message: string } } }>, number, RegExp][] = [
      [raw(url, END), 400, /Expected a recording in the field file/],
      [raw(url, part('name="file"', "text"), END), 400, /Expected a recording in the field file/],
      [raw(url, part('name="file"; filename="a"', ""), END), 400, /it is empty/],
      [raw(url, FILE, FILE, END), 400, /Expected one file but received more/],
      [raw(url, FILE), 400, /ends before its last boundary/],
      [raw(url, FILE.subarray(0, 5000)), 400, /ends before its last boundary/],
      [raw(url, part(`name="${"n".repeat(101)}"`, "x"), FILE, END), 400, /at most 100 characters/],
      [
        raw(url, part('name="prompt"', "x".repeat(3 * 1024 ** 2 + 1)), FILE, END),
        400,
        /at most 3145728 bytes for prompt/,
      ],
      [
        raw(url, ...Array.from({ length: 5 }, () => part('name="hotwords[]"', "x".repeat(2_900_000))), END),
        400,
        /for all fields/,
      ],
      [raw(url, part('name="__proto__"', "x"), part('name="constructor"', "x"), FILE, END), 200, /./],
      [
        post(url, FILE as unknown as RequestInit["body"], {
          headers: { "content-type": "multipart/form-data" },
        }),
        400,
        /boundary/,
      ],
      [post(url, "{}", { headers: { "content-type": "application/json" } }), 415, /multipart\/form-data/],
      [post(url, "x", { headers: { "content-type": "audio/wav" } }), 415, /multipart\/form-data/],
      [post(url, undefined), 415, /received none/],
    ];
    for (const [sent, status, message] of cases) {
      const found = await sent;
      expect({ status: found.status, message: JSON.stringify(found.json) }).toEqual({
        status,
        message: expect.stringMatching(message),
      });
    }
    await expectRecovery(fake);
  });

  it("of 100 000 parts is refused before they are read", async () => {
    const fake = await startHttp();
    const field = part('name="hotwords[]"', "x");
    const text = await answerToBeginning(
      fake.server.httpPort!,
      { ...TYPE, "content-length": 100_000 * field.length },
      Buffer.concat(Array.from({ length: 201 }, () => field)),
    );
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
    expect(text).toContain("Expected at most 200 fields in a form");
    await expectRecovery(fake);
  });

  it("too large is refused by its length, before a byte of it is sent", async () => {
    const { server } = await startHttp({ settings: { maxUploadBytes: 1024 ** 2 } });
    const { hasContinued, status } = await new Promise<{ hasContinued: boolean; status: number }>(
      (resolve, reject) => {
        let hasContinued = false;
        const sending = request({
          port: server.httpPort,
          method: "POST",
          path: "/v1/audio/transcriptions",
          headers: { ...TYPE, "content-length": String(2 * 1024 ** 3), expect: "100-continue" },
        });
        sending.on("continue", () => {
          hasContinued = true;
        });
        sending.on("error", reject);
        sending.on("response", (response) => {
          resolve({ hasContinued, status: response.statusCode! });
          sending.destroy();
        });
        sending.flushHeaders();
      },
    );
    expect({ hasContinued, status }).toEqual({ hasContinued: false, status: 413 });
  });

  it("too large without a length is refused when it has become too large, and its client sees why", async () => {
    const fake = await startHttp({ settings: { maxUploadBytes: 1024 ** 2 } });
    const chunk = new Uint8Array(64 * 1024);
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent === 0) controller.enqueue(FILE.subarray(0, FILE.length - 2));
        sent += chunk.length;
        if (sent < 200 * 1024 ** 2) controller.enqueue(chunk);
        else controller.close();
      },
    });
    const response = await fetch(`${fake.url}/v1/audio/transcriptions`, {
      method: "POST",
      headers: TYPE,
      body,
      duplex: "half",
    } as RequestInit);
    const { json, status } = await answered(response);
    expect(status).toBe(413);
    expect(json.error).toMatchObject({
      code: "AUDIO_TOO_LARGE",
      message: "The recording is larger than SERVER_MAX_UPLOAD_BYTES (1048576 bytes)",
    });
    expect(sent).toBeLessThan(100 * 1024 ** 2);
    await expectRecovery(fake);
  });

  it("takes the likeliest of the languages that may be spoken", async () => {
    const probabilities = [
      { language: "en", probability: 0.8 },
      { language: "de", probability: 0.15 },
      { language: "ru", probability: 0.05 },
    ];
    const { engine, url } = await startHttp({ detect: () => probabilities });
    await post(url, formOf(RECORDING, { "languages[]": ["ru", "german"] }));
    await post(url, formOf(RECORDING, { "languages[]": "ru" }));
    expect(engine.windows.map(({ language }) => language)).toEqual(["de", "ru"]);
  });
});

it("every option of contract v2 is a field, and none is another", async () => {
  const { loadDefinitions, serviceIn, V2_SERVICE } = await import("../../src/doors/grpc/definitions.js");
  const definitions = loadDefinitions() as unknown as Record<
    string,
    { type?: { field: { name: string }[] } }
  >;
  expect(serviceIn(loadDefinitions(), V2_SERVICE)).toBeDefined();
  const fieldsOf = (message: string) =>
    definitions[`transcription.v2.${message}`]!.type!.field.map(({ name }) => name);
  const camel = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  /** Those that the library calls otherwise, and messages of their own. */
  const renamed: Record<string, string> = { temperatures: "temperature", maxDuration: "limits.maxDuration" };
  const nested = { vadOptions: "VadOptions", diarize: "Diarization", roles: "Roles" };
  const options = fieldsOf("TranscriptionOptions").map(camel);
  const paths = options
    .filter((name) => name !== "vadOptions")
    .map((name) => renamed[name] ?? name)
    .concat(
      Object.entries(nested).flatMap(([name, message]) =>
        fieldsOf(message)
          // Maps, which forms have as speaker_roles[…] and, of recordings, as known_speaker_references[].
          .filter((field) => field !== "speakers" && field !== "known_voices")
          .map((field) => `${name}.${camel(field)}`),
      ),
    );
  expect([...paths].sort()).toEqual([...optionPaths()].sort());
  expect(Object.keys(OPTION_FIELDS)).toHaveLength(paths.length);
});
