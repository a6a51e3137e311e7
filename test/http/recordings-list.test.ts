import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formOf, post, startHttp } from "../support/http-server.js";
import { get, RECORDINGS } from "../support/recordings.js";
import { startS3 } from "../support/s3-server.js";
import { RECORDING } from "../support/server.js";
import { temporaryFolder } from "../support/temporary-folder.js";

/** Seconds since 1970 that are long over. */
const THEN = 1_600_000_000;

const keep = async (url: string, name: string): Promise<string> =>
  (await post(url, formOf(RECORDING, {}, name), { path: RECORDINGS })).json.id;
const listed = async (url: string, query = "") => (await get(`${url}${RECORDINGS}${query}`)).json;
// biome-ignore lint/suspicious/noExplicitAny: a document
const ids = (list: any): string[] => list.recordings.map(({ id }: { id: string }) => id);

describe("recordings in a folder", () => {
  async function startKeeping() {
    const folder = join(await temporaryFolder(), "recordings");
    return { folder, ...(await startHttp({ settings: { recordingsStore: folder } })) };
  }

  it("are listed newest first, whoever has put them there, each once, and nothing else is", async () => {
    const { folder, url } = await startKeeping();
    expect(await listed(url)).toEqual({ recordings: [], has_more: false });
    const id = await keep(url, "Звонок.wav");
    const put = (name: string, at: number) => {
      writeFileSync(join(folder, name), RECORDING);
      utimesSync(join(folder, name), at, at);
    };
    put("17.wav", THEN + 2);
    put("17.mp3", THEN);
    put("18.mp3", THEN + 1);
    for (const name of ["notes.txt", ".hidden.wav", "a b.wav", "..wav"]) put(name, THEN + 3);
    mkdirSync(join(folder, "a-folder"));
    const list = await listed(url);
    expect(ids(list)).toEqual([id, "17", "18"]);
    expect(list.recordings[0]).toMatchObject({ filename: "Звонок.wav", bytes: RECORDING.length });
    expect(list.recordings[1]).toMatchObject({ filename: "17.wav", sha256: null });
  });

  it("are listed in parts, also where they are as old as one another and some are deleted meanwhile", async () => {
    const { folder, url } = await startKeeping();
    mkdirSync(folder);
    const names = Array.from({ length: 7 }, (_, i) => `${i}`);
    for (const name of names) {
      writeFileSync(join(folder, `${name}.wav`), RECORDING);
      utimesSync(join(folder, `${name}.wav`), THEN, THEN);
    }
    const first = await listed(url, "?limit=3");
    const [, , last] = ids(first);
    expect(first.has_more).toBe(true);
    const before = ids(first);
    await get(`${url}${RECORDINGS}/${before[0]}`, { method: "DELETE" });
    const second = await listed(url, `?limit=3&after=${last}`);
    const third = await listed(url, `?limit=3&after=${ids(second)[2]}`);
    expect(
      [before, second, third].flatMap((part) => (Array.isArray(part) ? part : ids(part))).sort(),
    ).toEqual(names);
    expect(third.has_more).toBe(false);
    const { json, status } = await get(`${url}${RECORDINGS}?after=${before[0]}`);
    expect({ status, code: json.code }).toEqual({ status: 400, code: "INVALID_ARGUMENT" });
    for (const limit of ["0", "101", "x"])
      expect((await get(`${url}${RECORDINGS}?limit=${limit}`)).status).toBe(400);
  });
});

it("recordings in a bucket are listed newest first", async () => {
  const s3 = await startS3();
  const recordingsStore = `s3://calls/kept?endpoint=${s3.url}&region=eu-central-1`;
  const { url } = await startHttp({ settings: { recordingsStore } });
  const id = await keep(url, "Звонок.wav");
  const object = { bytes: RECORDING, type: "audio/wav", metadata: {}, modifiedAt: new Date(1000 * THEN) };
  s3.objects.set("kept/17.wav", object);
  s3.objects.set("kept/18", { ...object, modifiedAt: new Date(1000 * (THEN + 1)) });
  s3.objects.set("kept/notes.txt", object);
  s3.objects.set("kept/deeper/19.wav", object);
  s3.objects.set("elsewhere/20.wav", object);
  const list = await listed(url);
  expect(ids(list)).toEqual([id, "18", "17"]);
  expect(list.recordings[0].filename).toBe("Звонок.wav");
  expect(ids(await listed(url, "?after=18"))).toEqual(["17"]);
});

it("recordings that another system has are found by their ids, and not listed", async () => {
  const { url } = await startHttp({ settings: { recordingsStore: "http://127.0.0.1:9/{id}" } });
  expect(await get(`${url}${RECORDINGS}`)).toMatchObject({
    status: 405,
    json: { code: "METHOD_NOT_ALLOWED" },
  });
  const without = await startHttp();
  expect((await get(`${without.url}${RECORDINGS}`)).status).toBe(404);
});
