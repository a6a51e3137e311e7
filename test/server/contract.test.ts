import { describe, expect, it } from "vitest";
import { TranscriptionError } from "../../src/errors.js";
import { rawWav, wav } from "../support/audio.js";
import { bursts, fakeSegment } from "../support/fake-engine.js";
import { RECORDING, startFakeServer } from "../support/server.js";
import { type Chunk, chunked, statusOf, type TranscriptionClient } from "../support/transcription-client.js";

const MB = 1000 * 1000;

/** The two ways to send a recording. */
const MODES = {
  unary: (client: TranscriptionClient, bytes: Uint8Array, filename: string, format = "") =>
    client.unary({ audio_data: Buffer.from(bytes), filename, format }),
  stream: (client: TranscriptionClient, bytes: Uint8Array, filename: string, format = "") =>
    client.stream(chunked(bytes, filename, 10_000, format)),
};
const PREFIX = { unary: "Ошибка при транскрипции: ", stream: "Ошибка при обработке стрима: " };

describe.each(["unary", "stream"] as const)("%s", (mode) => {
  const send = MODES[mode];

  it("answers text, times and statistics", async () => {
    const { client } = await startFakeServer({
      answer: () => ({ segments: [fakeSegment("Да, это 👍", 0, 1), fakeSegment("я\u00a0сам", 1, 2)] }),
    });
    const response = await send(client, RECORDING, "call.wav", "wav");
    expect(response).toEqual({
      transcript: "Да, это 👍 я\u00a0сам",
      success: true,
      error_message: "",
      processing_time: expect.any(Number),
      audio_duration: 13,
      stats: { word_count: 5, char_count: 15, speed_factor: expect.any(Number) },
    });
    expect(response.processing_time).toBeGreaterThan(0);
    expect(response.stats?.speed_factor).toBeCloseTo(13 / response.processing_time, 6);
  });

  it("joins the windows' texts with one space, in order of time", async () => {
    const { client } = await startFakeServer({ maxWindow: 8 });
    expect((await send(client, wav([bursts(3)], 16_000), "a.wav")).transcript).toBe("1 2 3");
  });

  it("takes silence for a success without text", async () => {
    const { client } = await startFakeServer();
    const response = await send(client, wav([new Float32Array(16_000)], 16_000), "a.wav");
    expect(response).toMatchObject({ transcript: "", success: true, error_message: "", audio_duration: 1 });
    expect(response.stats).toMatchObject({ word_count: 0, char_count: 0 });
  });

  it.each([
    ["nothing at all", "", Buffer.alloc(0), "Имя файла не указано"],
    ["no name, with data", "", RECORDING, "Имя файла не указано"],
    ["no data, with a wrong extension", "call.exe", Buffer.alloc(0), "Данные файла пустые"],
    ["no data", "call.wav", Buffer.alloc(0), "Данные файла пустые"],
    ["a wrong extension", "Call.EXE", RECORDING, "Неподдерживаемый формат файла: .exe"],
    ["an extension of more parts", "call.wav.gz", RECORDING, "Неподдерживаемый формат файла: .gz"],
    ["no extension", "call", RECORDING, "Неподдерживаемый формат файла: "],
    ["a dot at the end", "call.", RECORDING, "Неподдерживаемый формат файла: "],
    ["nothing but an extension", ".wav", RECORDING, "Неподдерживаемый формат файла: "],
    ["an extension of a folder", "a.wav/call", RECORDING, "Неподдерживаемый формат файла: "],
    [
      "an audio format that is not on the list",
      "call.opus",
      RECORDING,
      "Неподдерживаемый формат файла: .opus",
    ],
  ])("refuses %s in band", async (_, filename, bytes, message) => {
    const { client } = await startFakeServer();
    const response = await send(client, bytes, filename);
    expect(response).toEqual({
      transcript: "",
      success: false,
      error_message: message,
      processing_time: expect.any(Number),
      audio_duration: 0,
      stats: { word_count: 0, char_count: 0, speed_factor: 0 },
    });
    expect(response.processing_time).toBeGreaterThan(0);
  });

  it.each(["call.mp3", "call.wav", "call.m4a", "call.flac", "call.ogg", "call.aac", "my.CALL.Mp3"])(
    "lets the content decide whatever %s promises",
    async (filename) => {
      const { client } = await startFakeServer();
      expect(await send(client, RECORDING, filename, "nonsense")).toMatchObject({
        success: true,
        transcript: "1",
      });
    },
  );

  it.each([
    "../../etc/passwd.wav",
    "/dev/zero.wav",
    "a\0b.wav",
    "$(id);`id`.wav",
    `${"я".repeat(100_000)}.wav`,
  ])("takes a filename for nothing but a name", async (filename) => {
    const { client } = await startFakeServer();
    expect(await send(client, RECORDING, filename)).toMatchObject({ success: true, transcript: "1" });
  });

  it("answers what cannot be decoded in band", async () => {
    const { client } = await startFakeServer();
    const response = await send(client, Buffer.from("PK\x03\x04 and so on"), "call.mp3");
    expect(response).toMatchObject({ success: false, transcript: "", audio_duration: 0 });
    expect(response.error_message).toMatch(new RegExp(`^${PREFIX[mode]}.*ZIP archive`));
  });

  it("fails one request with the engine's error and goes on", async () => {
    const { client } = await startFakeServer({
      answer: (_samples, _options, index) => {
        if (index === 0) throw new TranscriptionError("OUT_OF_MEMORY", "The batch did not fit");
        return { segments: [] };
      },
    });
    const failed = await send(client, RECORDING, "a.wav");
    expect(failed).toMatchObject({ success: false, error_message: `${PREFIX[mode]}The batch did not fit` });
    expect((await send(client, RECORDING, "a.wav")).success).toBe(true);
  });

  it("keeps the details of a defect to the log", async () => {
    const { client, lines } = await startFakeServer({
      answer: () => {
        throw new Error("secret of the house");
      },
    });
    const { error_message } = await send(client, RECORDING, "a.wav");
    const [, id] = /internal error, see ([0-9a-f]{16}) in the server's log$/.exec(error_message)!;
    expect(error_message).not.toContain("secret");
    expect(lines.join("")).toMatch(new RegExp(`ERROR - \\[${id}\\] Failed .*secret of the house`));
  });

  it("takes 190 MB", async () => {
    const { client } = await startFakeServer();
    // What is to be heard comes last.
    const padding = Buffer.alloc(190 * MB);
    padding.write("junk");
    padding.writeUInt32LE(padding.length - 8, 4);
    const bytes = rawWav({ before: padding }, RECORDING.subarray(44));
    const response = await (mode === "unary"
      ? client.unary({ audio_data: bytes, filename: "a.wav" })
      : client.stream(chunked(bytes, "a.wav", MB)));
    expect(response).toMatchObject({ error_message: "", transcript: "1", audio_duration: 13 });
  });

  it("refuses a message of 210 MB with RESOURCE_EXHAUSTED, and goes on", async () => {
    const { client } = await startFakeServer();
    const bytes = Buffer.alloc(210 * MB);
    const call =
      mode === "unary"
        ? client.unary({ audio_data: bytes, filename: "a.wav" })
        : client.stream([{ chunk_data: bytes, filename: "a.wav" }]);
    expect(await statusOf(call)).toBe(8);
    expect((await send(client, RECORDING, "a.wav")).success).toBe(true);
  });
});

describe("stream", () => {
  it("of 210 MB in small chunks is refused in band, as soon as it is too large", async () => {
    const { client } = await startFakeServer();
    let sent = 0;
    function* chunks(): Generator<Chunk> {
      for (const chunk of chunked(Buffer.alloc(210 * MB), "a.wav", MB)) {
        yield chunk;
        sent++;
      }
    }
    const response = await client.stream(chunks());
    expect(response).toMatchObject({ success: false, transcript: "", audio_duration: 0 });
    expect(response.error_message).toBe(
      "Ошибка при обработке стрима: The recording is larger than SERVER_MAX_UPLOAD_BYTES (209715200 bytes)",
    );
    expect(sent).toBeGreaterThanOrEqual(209);
    expect((await client.stream(chunked(RECORDING, "a.wav"))).success).toBe(true);
  });

  const data = (...parts: Chunk[]): Chunk[] => parts;

  it("without a chunk has no filename", async () => {
    const { client } = await startFakeServer();
    expect((await client.stream([])).error_message).toBe("Имя файла не указано");
  });

  it("has its filename in the first chunk or nowhere", async () => {
    const { client } = await startFakeServer();
    const late = data({ chunk_data: RECORDING }, { filename: "a.wav" });
    expect((await client.stream(late)).error_message).toBe("Имя файла не указано");
    const changed = data(
      { filename: "a.wav", chunk_data: RECORDING.subarray(0, 50) },
      { filename: "b.exe", format: "exe", sample_rate: -1, chunk_data: RECORDING.subarray(50) },
    );
    expect(await client.stream(changed)).toMatchObject({ success: true, transcript: "1" });
  });

  it("may begin with a chunk that has no data, and have empty ones in between", async () => {
    const { client } = await startFakeServer();
    const chunks = data(
      { filename: "a.wav" },
      { chunk_data: RECORDING.subarray(0, 9) },
      {},
      {
        chunk_data: RECORDING.subarray(9),
      },
    );
    expect(await client.stream(chunks)).toMatchObject({ success: true, transcript: "1" });
  });

  it("of empty chunks only is empty, whatever its extension", async () => {
    const { client } = await startFakeServer();
    expect((await client.stream(data({ filename: "a.exe" }, {}, {}))).error_message).toBe(
      "Данные файла пустые",
    );
  });

  it("is refused before the rest of it arrives", async () => {
    const { client } = await startFakeServer();
    const { response, write } = client.openStream();
    await write({ filename: "a.exe", chunk_data: RECORDING });
    expect((await response).error_message).toBe("Неподдерживаемый формат файла: .exe");
  });
});
