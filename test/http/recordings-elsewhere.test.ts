import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ServerSettings } from "../../src/service/settings.js";
import { post, startHttp } from "../support/http-server.js";
import { jobWhen } from "../support/jobs.js";
import { expectNothingLeft, get, RECORDINGS, startOther, transcribe } from "../support/recordings.js";
import { startS3 } from "../support/s3-server.js";
import { RECORDING } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";

/** Where recordings of another system lie. */
interface Place {
  settings: Partial<ServerSettings>;
  lay(id: string, bytes: Uint8Array): void;
}

const PLACES: Record<string, () => Promise<Place>> = {
  "a folder": async () => {
    const folder = join(await temporaryFolder(), "recordings");
    mkdirSync(folder);
    return {
      settings: { recordingsStore: `file://${folder}` },
      lay: (id, bytes) => writeFileSync(join(folder, `${id}.wav`), bytes),
    };
  },
  "a bucket": async () => {
    const { objects, url } = await startS3();
    return {
      settings: { recordingsStore: `s3://calls/of/today?endpoint=${url}` },
      lay: (id, bytes) =>
        void objects.set(`of/today/${id}.wav`, {
          bytes: Buffer.from(bytes),
          type: "binary/octet-stream",
          metadata: {},
          modifiedAt: new Date(),
        }),
    };
  },
  "another system": async () => {
    const { files, settings } = await startOther();
    return { settings, lay: (id, bytes) => void files.set(id, bytes) };
  },
};

describe.each(Object.entries(PLACES))("a recording that another system has put in %s", (_, open) => {
  it("is told, read from anywhere, and transcribed by its id", async () => {
    const place = await open();
    const fake = await startHttp({ settings: place.settings });
    place.lay("4711", RECORDING);
    const { url } = fake;
    const facts = await get(`${url}${RECORDINGS}/4711`);
    expect(facts).toMatchObject({
      status: 200,
      json: { id: "4711", bytes: RECORDING.length, type: "audio/wav", sha256: null },
    });
    const audio = `${url}${RECORDINGS}/4711/audio`;
    const whole = await fetch(audio);
    expect(Buffer.from(await whole.arrayBuffer()).equals(RECORDING)).toBe(true);
    expect(whole.headers.get("accept-ranges")).toBe("bytes");
    for (const [range, from, to] of [
      ["bytes=0-0", 0, 1],
      ["bytes=1000-1999", 1000, 2000],
      ["bytes=-10", RECORDING.length - 10, RECORDING.length],
      [`bytes=${RECORDING.length - 1}-`, RECORDING.length - 1, RECORDING.length],
    ] as const) {
      const part = await fetch(audio, { headers: { range } });
      expect({ range, status: part.status, found: part.headers.get("content-range") }).toEqual({
        range,
        status: 206,
        found: `bytes ${from}-${to - 1}/${RECORDING.length}`,
      });
      expect(Buffer.from(await part.arrayBuffer()).equals(RECORDING.subarray(from, to))).toBe(true);
    }
    expect((await get(audio, { headers: { range: "bytes=99999999-" } })).status).toBe(416);
    const head = await get(audio, { method: "HEAD" });
    expect(head.headers.get("content-length")).toBe(String(RECORDING.length));
    expect(await transcribe(url, "4711")).toMatchObject({ status: 200, json: { transcription: "1" } });
    await expectNothingLeft(fake);
  });

  it("is transcribed as a job", async () => {
    const place = await open();
    const fake = await startHttp({ settings: place.settings });
    place.lay("4711", RECORDING);
    const body = JSON.stringify({ recording_id: "4711" });
    const headers = { "content-type": "application/json" };
    const { json } = await post(fake.url, body, { path: "/v1/jobs", headers });
    await jobWhen(fake.url, json.id, "succeeded");
    expect(await get(`${fake.url}/v1/jobs/${json.id}/result`)).toMatchObject({
      status: 200,
      json: { text: "1" },
    });
    await expectNothingLeft(fake);
  });

  it("is the one of that id, and none where there is none", async () => {
    const place = await open();
    const { url } = await startHttp({ settings: place.settings });
    place.lay("47112", RECORDING);
    place.lay("a", RECORDING);
    for (const id of [
      "4711",
      "none",
      "rec_0123456789012345678901",
      "i".repeat(65),
      "..%2fa",
      "%2e%2e",
      "a.wav",
      "%00",
    ])
      for (const path of [id, `${id}/audio`])
        expect({ path, status: (await get(`${url}${RECORDINGS}/${path}`)).status }).toEqual({
          path,
          status: 404,
        });
    expect((await transcribe(url, "4711")).status).toBe(404);
  });

  it("that is larger than recordings may be is not transcribed", async () => {
    const place = await open();
    const fake = await startHttp({ settings: { ...place.settings, maxUploadBytes: 1000 } });
    place.lay("1", RECORDING);
    expect(await transcribe(fake.url, "1")).toMatchObject({
      status: 413,
      json: {
        success: false,
        code: "AUDIO_TOO_LARGE",
        error: expect.stringContaining("SERVER_MAX_UPLOAD_BYTES"),
      },
    });
    await expectNothingLeft(fake);
  });
});
