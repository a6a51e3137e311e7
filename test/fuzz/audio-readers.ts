import { readFileSync } from "node:fs";
import { mkdtemp, open as openFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ByteReader } from "../../src/audio/byte-reader.js";
import { DecodeTask } from "../../src/audio/decode-task.js";
import { FRAME_KINDS, type FrameKind, isFrameKind } from "../../src/audio/frame-header.js";
import { repairFrames } from "../../src/audio/frame-repair.js";
import { frameStretches } from "../../src/audio/frame-survey.js";
import { findJoinedRecordings } from "../../src/audio/joined-recordings.js";
import { MatroskaReader } from "../../src/audio/matroska-reader.js";
import { type ReadAt, readerAt } from "../../src/audio/read-at.js";
import { refuseForeign, sniffContainer } from "../../src/audio/sniff.js";
import { DEFAULT_AUDIO_LIMITS } from "../../src/config/limits.js";
import { TranscriptionError } from "../../src/errors.js";
import { chunk, glide, int16, open, pieces, rawWav, wav } from "../support/audio.js";
import type { Mutator } from "./mutator.js";
import type { Reader } from "./reader.js";

/** A quarter of a second of a tone, or less, in formats that FFmpeg decodes. */
export const RECORDINGS = [
  ...[
    "mp3",
    "m4a",
    "webm",
    "ogg",
    "opus",
    "flac",
    "aac",
    "wma",
    "mpegts",
    "caf",
    "aiff",
    "w64",
    "avi",
    "au",
    "ac3",
    "eac3",
    "dts",
  ],
];

export function recording(name: string): Buffer {
  return readFileSync(fileURLToPath(new URL(`./seeds/${name}`, import.meta.url)));
}

const SOUND = glide(0.05, 16_000);
const INFO = chunk("LIST", Buffer.from("INFOISFT\x04\0\0\0test", "latin1"));
const SAMPLES = int16(SOUND);
/** The extension of a format chunk, for 16 bits and one channel. */
const EXTENSION = Buffer.from("16001000040000000100000000001000800000aa00389b71", "hex");
const EXTENSION_PLACE = 36;
const EXTENSIBLE = rawWav({ tag: 0xfffe, fmtSize: 40 }, SAMPLES);
EXTENSION.copy(EXTENSIBLE, EXTENSION_PLACE);
const WAVS = [
  wav([SOUND], 16_000),
  wav([SOUND, SOUND], 44_100, "24"),
  ...(["8", "32", "32f", "64", "8m", "8a"] as const).map((depth) => wav([SOUND], 8000, depth)),
  rawWav({ dataSize: 0xffff_ffff, riffSize: 0xffff_ffff }, SAMPLES),
  // Nothing but names of chunks where the samples should be.
  rawWav({ dataSize: 0xffff_ffff, riffSize: 0xffff_ffff }, Buffer.alloc(64 * 1024, "BW64")),
  rawWav({ before: INFO, first: chunk("JUNK", Buffer.alloc(28)) }, SAMPLES),
  rawWav({ id: "RF64", first: chunk("ds64", Buffer.alloc(28)), dataSize: 0xffff_ffff }, SAMPLES),
  EXTENSIBLE,
  Buffer.concat([rawWav({}, SAMPLES), INFO, rawWav({ channels: 2, sampleRate: 22_050 }, SAMPLES)]),
  rawWav({ sampleRate: 767_999, channels: 3, blockAlign: 6 }, SAMPLES),
];
const CHUNK_NAMES = [
  "RIFF",
  "RF64",
  "BW64",
  "WAVE",
  "fmt ",
  "data",
  "ds64",
  "LIST",
  "bext",
  "id3 ",
  "BW6",
  "axml",
];

/** Frames without a container. */
const FRAMES = ["mp3", "aac", "ac3", "eac3", "dts"].map((kind) => recording(`tone.${kind}`));
const TAGS = ["ID3\x04\0\0\0\0\0\x0a", "APETAGEX", "TAG", "\xff\xfb\x90\x64", "\xff\xf1\x50\x80", "\xff"];
const MARKS = [
  ...[
    "RIFF",
    "OggS\0\x02",
    "fLaC",
    "ftypM4A ",
    "\0\0\0\x18ftyp",
    "moov",
    "mdat",
    "#!AMR\n",
    ".snd",
    "FORM",
    "caff",
  ],
  ...["\x1aE\xdf\xa3", "\x47", "\x0bw", "riff\x2e\x91\xcf\x11", "0&\xb2u\x8ef\xcf\x11"],
];

const newTask = () => new DecodeTask("the file", { ...DEFAULT_AUDIO_LIMITS, maxDuration: 600 });

/** Readers of recordings that need no other program. */
export function audioReaders(): Reader[] {
  const recordings = RECORDINGS.map((kind) => recording(`tone.${kind}`));
  return [
    {
      name: "wav",
      seeds: WAVS,
      words: CHUNK_NAMES,
      read: readWav,
      refusals: ["DECODE_FAILED", "UNSUPPORTED_FORMAT", "AUDIO_TOO_LONG", "DECODER_UNAVAILABLE"],
    },
    {
      name: "sniff",
      seeds: [...recordings, ...WAVS, ...doubled(recordings)],
      words: [...MARKS, ...TAGS],
      read: sniff,
      refusals: ["DECODE_FAILED", "UNSUPPORTED_FORMAT"],
    },
    {
      name: "frames",
      seeds: FRAMES.flatMap((bytes) => [bytes, Buffer.concat([bytes, Buffer.alloc(99, 7), bytes, bytes])]),
      words: TAGS,
      read: repair,
      refusals: [],
    },
    {
      name: "matroska",
      seeds: [recording("decoded.mkv")],
      words: ["\x1fC\xb6u", "\xa3", "\xe7", "\x9f\x81", "\xff", "\x01\xff\xff\xff\xff\xff\xff\xff"],
      read: readMatroska,
      refusals: [],
    },
  ];
}

function doubled(recordings: readonly Buffer[]): Buffer[] {
  return recordings.map((bytes, i) => Buffer.concat([bytes, recordings[(i + 1) % recordings.length]!]));
}

/** From memory or from a stream, which is spooled where it turns out to be something else. */
async function readWav(bytes: Buffer, choice: Mutator): Promise<number> {
  const { AGORA_FFMPEG } = process.env;
  // What would be FFmpeg's work is none here.
  process.env.AGORA_FFMPEG = "/nonexistent/ffmpeg";
  try {
    const input = choice.below(3) === 0 ? pieces(bytes, 1 + choice.below(9000)) : bytes;
    const audio = await open(input, { channels: choice.one(["mix", "each"]), limits: { maxDuration: 600 } });
    let blocks = 0;
    for await (const tracks of audio.blocks()) blocks += finite(tracks);
    return blocks;
  } finally {
    if (AGORA_FFMPEG === undefined) delete process.env.AGORA_FFMPEG;
    else process.env.AGORA_FFMPEG = AGORA_FFMPEG;
  }
}

/** The number of blocks, which is one where there are samples. @throws Error where one is no number */
export function finite(tracks: readonly Float32Array[]): number {
  for (const samples of tracks) {
    const wrong = samples.find((sample) => !Number.isFinite(sample));
    if (wrong !== undefined) throw new Error(`a sample is ${wrong}`);
  }
  return tracks.some(({ length }) => length > 0) ? 1 : 0;
}

async function sniff(bytes: Buffer): Promise<number> {
  const task = newTask();
  const readAt: ReadAt = async (position, count) => bytes.subarray(position, position + count);
  refuseForeign(bytes.subarray(0, 4096), task);
  const container = await sniffContainer(readAt, task);
  const found = await findJoinedRecordings(container, readAt, bytes.length, task);
  for (const { start, end } of found) {
    if (!(start >= 0 && start <= end && end <= bytes.length))
      throw new Error(`a recording of ${start} to ${end}`);
  }
  return found.length;
}

/** As the kind that it begins with, or as any where it begins with none. */
async function repair(bytes: Buffer, choice: Mutator): Promise<number> {
  const task = newTask();
  const folder = await mkdtemp(join(tmpdir(), "agora-fuzz-"));
  try {
    await writeFile(join(folder, "file"), bytes);
    const file = await task.owning(openFile(join(folder, "file")));
    const readAt = readerAt(file, task);
    const kind = (await kindOf(readAt, task)) ?? choice.one(FRAME_KINDS);
    const container = { name: kind, demuxer: kind, skip: choice.below(4) === 0 ? choice.below(100) : 0 };
    await repairFrames(file, container, kind, readAt, task);
    let frames = 0;
    for await (const stretches of frameStretches(kind, readAt, container.skip, task))
      frames += stretches.filter(({ frame }) => frame !== undefined).length;
    return frames;
  } finally {
    await task.close();
    await rm(folder, { recursive: true });
  }
}

async function kindOf(readAt: ReadAt, task: DecodeTask): Promise<FrameKind | undefined> {
  try {
    const { demuxer } = await sniffContainer(readAt, task);
    return isFrameKind(demuxer) ? demuxer : undefined;
  } catch (error) {
    if (error instanceof TranscriptionError) return undefined;
    throw error;
  }
}

async function readMatroska(bytes: Buffer, choice: Mutator): Promise<number> {
  const stream = pieces(bytes, 1 + choice.below(5000));
  const source = { size: undefined, next: async () => (await stream.next()).value as Uint8Array | undefined };
  const reader = new MatroskaReader(new ByteReader(source, newTask()));
  if (!(await reader.open())) return 0;
  let blocks = 0;
  for await (const { samples } of reader.blocks()) blocks += finite([samples]);
  return blocks;
}
