import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { TranscribeOptions } from "../../src/index.js";
import { decode, wav } from "../../test/support/audio.js";
import { LONG_FORMS, longForm } from "../../test/support/long-form.js";
import { dialogue, librispeech, monoCall, russian, stereoCall } from "../../test/support/real-recordings.js";
import { unspokenSounds } from "../../test/support/unspoken-sounds.js";

const RATE = 16_000;

/** One recording of a row; every program hears the same file. */
export interface Recording {
  path: string;
  language: string;
  /** What is said; empty where nobody speaks. */
  text: string;
}

/** Recordings whose errors are counted together. */
export interface Row {
  name: string;
  recordings: Recording[];
  /** Of this package, where its defaults are not what the row is about. */
  request?: TranscribeOptions;
}

/** @param folder for recordings that are made here */
export async function accuracyRows(folder: string): Promise<Row[]> {
  mkdirSync(folder, { recursive: true });
  const made = (name: string, samples: Float32Array, rate = RATE) => {
    const file = path.join(folder, `${name.replace(/\W+/g, "-")}.wav`);
    writeFileSync(file, wav([samples], rate));
    return file;
  };
  const single = librispeech();
  const rows: Row[] = [{ name: "LibriSpeech, 50 single files", recordings: single }];
  for (const form of LONG_FORMS) {
    const name = `long form, pauses of ${form.pause} s`;
    const { samples, text } = await longForm(single, form);
    rows.push({ name, recordings: [{ path: made(name, samples), language: "en", text }] });
  }
  const call = stereoCall();
  const { tracks } = await decode(call.path, { channels: "each" });
  const parties = tracks.map((samples, channel) => ({
    path: made(`call-channel-${channel}`, samples),
    language: "en",
    text: call.texts[channel]!,
  }));
  const unspoken = ["en", "ru"].flatMap((language) =>
    unspokenSounds().map(({ name, samples }) => ({ path: made(name, samples), language, text: "" })),
  );
  rows.push(
    { name: "Russian", recordings: russian() },
    { name: "dialogue, WAV and MP3", recordings: [dialogue("wav"), dialogue("mp3")] },
    { name: "telephone call, each party", recordings: parties },
    { name: "telephone call, mixed", recordings: [monoCall()] },
    { name: "nobody speaks", recordings: unspoken },
    { name: "nobody speaks, without VAD", recordings: unspoken, request: { vadFilter: false } },
  );
  return rows;
}
