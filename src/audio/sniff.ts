import type { DecodeTask } from "./decode-task.js";
import { decodeFailed, unsupportedFormat } from "./errors.js";
import { findMpegFrames } from "./mpeg-frames.js";

/** A container that FFmpeg decodes for us. */
export interface Container {
  /** As {@link AudioFormat.container} has it. */
  readonly name: string;
  /** FFmpeg's demuxer, always given so that FFmpeg itself never guesses. */
  readonly demuxer: string;
  /**
   * Where packets get their times from. `"file"`: a clock that all streams of the file share, so audio may have gaps
   * and may begin late; `"stream"`: a clock of its own, so it may have gaps; absent: only from the frames before, or
   * from a clock that FFmpeg reads wrongly when the rate changes, as it does in Ogg but for Opus with its fixed rate.
   */
  readonly times?: "file" | "stream";
}

/** Reads up to `count` bytes at `position`. */
export type ReadAt = (position: number, count: number) => Promise<Uint8Array>;

/** As much of the beginning is searched for frames, after tags. */
const SEARCHED_BYTES = 64 * 1024;
const HEAD_BYTES = 4096;
/** ID3 tags in a row that are skipped. */
const MAX_TAGS = 8;

type Signature<T> = readonly [offset: number, latin1: string, meaning: T];

const MP4: Container = { name: "mp4", demuxer: "mov", times: "file" };

const CONTAINERS: ReadonlyArray<Signature<Container>> = [
  [0, "fLaC", { name: "flac", demuxer: "flac" }],
  [28, "OpusHead", { name: "ogg", demuxer: "ogg", times: "stream" }],
  [0, "OggS", { name: "ogg", demuxer: "ogg" }],
  [4, "ftyp", MP4],
  [4, "moov", MP4],
  [4, "mdat", MP4],
  [4, "wide", MP4],
  [0, "\x1a\x45\xdf\xa3", { name: "matroska", demuxer: "matroska", times: "file" }],
  [8, "AIFF", { name: "aiff", demuxer: "aiff" }],
  [8, "AIFC", { name: "aiff", demuxer: "aiff" }],
  [8, "WAVE", { name: "wav", demuxer: "wav" }],
  [0, "riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb", { name: "w64", demuxer: "w64" }],
  [0, "caff", { name: "caf", demuxer: "caf" }],
  [0, "#!AMR", { name: "amr", demuxer: "amr" }],
  [0, ".snd", { name: "au", demuxer: "au" }],
  [0, "MAC ", { name: "ape", demuxer: "ape" }],
  [0, "wvpk", { name: "wavpack", demuxer: "wv" }],
  [0, "\x0b\x77", { name: "ac3", demuxer: "ac3" }],
  [0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11", { name: "asf", demuxer: "asf", times: "file" }],
];

/** Named only for the sake of the message. */
const FOREIGN: ReadonlyArray<Signature<string>> = [
  [0, "PK\x03\x04", "a ZIP archive"],
  [0, "PK\x05\x06", "a ZIP archive"],
  [0, "\x1f\x8b", "a gzip archive"],
  [0, "7z\xbc\xaf\x27\x1c", "a 7-Zip archive"],
  [0, "%PDF-", "a PDF document"],
  [0, "\x7fELF", "a program"],
  [0, "MZ", "a program"],
  [0, "\x89PNG", "a PNG image"],
  [0, "\xff\xd8\xff", "a JPEG image"],
  [0, "GIF8", "a GIF image"],
];

/**
 * What the content is, whatever its name. Only what is recognised here ever reaches FFmpeg.
 * @throws TranscriptionError UNSUPPORTED_FORMAT, DECODE_FAILED (tags with nothing after them)
 */
export async function sniffContainer(readAt: ReadAt, task: DecodeTask): Promise<Container> {
  let position = 0;
  let head = await readAt(0, SEARCHED_BYTES);
  for (let tags = 0; tags < MAX_TAGS && startsWith(head, 0, "ID3") && head.length >= 10; tags++) {
    position += id3Bytes(head);
    head = await readAt(position, SEARCHED_BYTES);
  }
  if (position > 0 && head.length === 0) throw decodeFailed(task.name, "there is nothing after its ID3 tag");
  const known = match(CONTAINERS, head);
  if (known) return known;
  const frames = findMpegFrames(head);
  if (frames) return { name: frames, demuxer: frames };
  throw unsupportedFormat(task.name, "it is not in a known audio format");
}

/** Refuses what is clearly no audio from its first bytes, before anything is stored or searched. */
export function refuseForeign(head: Uint8Array, task: DecodeTask): void {
  const start = head.subarray(0, HEAD_BYTES);
  const kind = match(FOREIGN, start) ?? (isText(start) ? textKind(start) : undefined);
  if (kind && !match(CONTAINERS, start)) throw unsupportedFormat(task.name, `it is ${kind}, not audio`);
}

function match<T>(signatures: ReadonlyArray<Signature<T>>, bytes: Uint8Array): T | undefined {
  return signatures.find(([offset, text]) => startsWith(bytes, offset, text))?.[2];
}

function startsWith(bytes: Uint8Array, offset: number, latin1: string): boolean {
  return (
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(
      "latin1",
      offset,
      offset + latin1.length,
    ) === latin1
  );
}

/** ID3v2: ten bytes of header, then a size of four 7-bit bytes; a footer repeats the header. */
function id3Bytes(head: Uint8Array): number {
  const size = [6, 7, 8, 9].reduce((sum, index) => (sum << 7) | (head[index]! & 0x7f), 0);
  return 10 + size + (head[5]! & 0x10 ? 10 : 0);
}

/** UTF-8 without control characters, or anything that says it is UTF-16. */
function isText(bytes: Uint8Array): boolean {
  if (startsWith(bytes, 0, "\xff\xfe") || startsWith(bytes, 0, "\xfe\xff"))
    return bytes.length % 2 === 0 && bytes.includes(0);
  if (bytes.some((byte) => byte < 0x20 && (byte < 0x09 || byte > 0x0d) && byte !== 0x1b)) return false;
  try {
    // A stream decoder forgives the character that is cut at the end.
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function textKind(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes).trimStart();
  if (text.startsWith("#EXTM3U") || /^\[playlist\]/i.test(text)) return "a playlist";
  if (/<svg[\s>]/i.test(text)) return "an SVG image";
  if (/^<(!doctype html|html)/i.test(text)) return "an HTML page";
  if (text.startsWith("<")) return "an XML document";
  return "text";
}
