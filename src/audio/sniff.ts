import { beginsWithFrames, findFrames, frameHeader, isLoas } from "./coded-frames.js";
import {
  CONTAINERS,
  type Container,
  FOREIGN,
  isTransportStream,
  matchSignature,
  startsWith,
  TRANSPORT_STREAM,
} from "./containers.js";
import type { DecodeTask } from "./decode-task.js";
import { decodeFailed, unsupportedFormat } from "./errors.js";
import { frameStretches } from "./frame-survey.js";
import type { ReadAt } from "./read-at.js";
import { nextBeginning } from "./recording-beginnings.js";

/** As much is searched for frames at a time, after tags and zeros, and as often. */
const SEARCHED_BYTES = 1024 * 1024;
const SEARCHES = 4;
/** Frames that begin in one piece are followed into the next. */
const OVERLAP = 32 * 1024;
const HEAD_BYTES = 4096;
/** Tags in a row that are skipped. */
const MAX_TAGS = 8;
/**
 * Chains occur in noise. So many frames without a break do not; of damaged files at least this part of as many bytes from
 * the first frame on is frames.
 */
const UNBROKEN = 12;
const WEIGHED_BYTES = 64 * 1024;
const LEAST_PART = 0.25;
/** Chains in a row that are weighed. */
const CANDIDATES = 16;
/** Bytes in front of a recording – of HTTP, of a form, a byte order mark – that its beginning is looked for behind. */
const LONGEST_PREFIX = 64 * 1024;

/** What stands in the middle of recordings, how often it takes to be no coincidence, and what they are. */
const MIDDLES = [
  ["OggS\0", 1, "Ogg"],
  ["\x1f\x43\xb6\x75\x01\0\0", 1, "Matroska or WebM"],
  ["\x1f\x43\xb6\x75", 2, "Matroska or WebM"],
  ["wvpk", 2, "WavPack"],
] as const;

/** Short enough for the messages of every protocol. */
const HEADERLESS =
  "sound without a header (G.711, G.722, GSM or plain samples, as from telephone systems) does not say what it is and has " +
  "to be wrapped first, for example: ffmpeg -f mulaw -ar 8000 -ac 1 -i FILE out.wav (or -f alaw, g722, gsm, s16le)";
const HEADERLESS_GSM =
  "it looks like GSM 06.10; sound without a header has to be wrapped first: ffmpeg -f gsm -i FILE out.wav";

/**
 * What the content is, whatever its name. Only what is recognised here ever reaches FFmpeg.
 * @throws TranscriptionError UNSUPPORTED_FORMAT, DECODE_FAILED (tags with nothing after them)
 */
export async function sniffContainer(readAt: ReadAt, task: DecodeTask): Promise<Container> {
  const start = await skipTags(readAt);
  const head = await readAt(start, HEAD_BYTES);
  if (start > 0 && head.length === 0) throw decodeFailed(task.name, "there is nothing after its tag");
  const known = knownContainer(head);
  if (known) return start > 0 ? { ...known, skip: start } : known;
  const first = await skipZeros(readAt, start);
  if (first > start) {
    // MP4 begins with zeros of its own: the upper bytes of its first box's size.
    for (let place = first; place >= Math.max(start, first - 3); place--) {
      const behind = knownContainer(await readAt(place, HEAD_BYTES));
      if (behind) return behindOthers(behind, place, task);
    }
  }
  for (let search = 0; search < SEARCHES; search++) {
    task.check();
    const position = first + search * (SEARCHED_BYTES - OVERLAP);
    const bytes = await readAt(position, SEARCHED_BYTES);
    const found = await findSound(bytes, position, search === 0, readAt, task);
    if (found) return found;
    if (bytes.length < SEARCHED_BYTES) break;
  }
  const prefix = await nextBeginning(readAt, start, start + LONGEST_PREFIX, task);
  const behind = prefix === undefined ? undefined : knownContainer(await readAt(prefix, HEAD_BYTES));
  if (behind) return behindOthers(behind, prefix!, task);
  const middle = middleOf(await readAt(start, SEARCHED_BYTES));
  if (middle !== undefined) {
    throw decodeFailed(task.name, `its beginning is missing, without which ${middle} cannot be decoded`);
  }
  const how = isGsm(head) ? HEADERLESS_GSM : HEADERLESS;
  throw unsupportedFormat(task.name, `it is not in a known audio format; ${how}`);
}

function behindOthers(container: Container, place: number, task: DecodeTask): Container {
  task.warn(`The first ${place} bytes are no recording and were left out: times count from what follows`);
  return { ...container, skip: place };
}

/** What bytes are from the middle of. */
function middleOf(bytes: Uint8Array): string | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return MIDDLES.find(([mark, times]) => {
    let at = -1;
    for (let found = 0; found < times; found++) {
      at = buffer.indexOf(mark, at + 1, "latin1");
      if (at < 0) return false;
    }
    return true;
  })?.[2];
}

/** Frames in `bytes`, which lie at `position`, that go on like a file of frames. */
async function findSound(
  bytes: Uint8Array,
  position: number,
  fromStart: boolean,
  readAt: ReadAt,
  task: DecodeTask,
): Promise<Container | undefined> {
  let found = findFrames(bytes, fromStart);
  for (let tries = 0; found && tries < CANDIDATES; tries++) {
    const { kind, offset } = found;
    const weighed: ReadAt = (at, count) =>
      readAt(at, Math.max(0, Math.min(count, start + WEIGHED_BYTES - at)));
    const start = position + offset;
    let [all, inFrames, run, longest] = [0, 0, 0, 0];
    for await (const stretches of frameStretches(kind, weighed, start, task)) {
      for (const stretch of stretches) {
        const { bytes: length, frame } = stretch;
        if (stretch.frame === undefined && stretch.isTag) continue;
        all += length;
        if (frame) inFrames += length;
        run = frame ? run + 1 : 0;
        longest = Math.max(longest, run);
      }
    }
    if (longest >= UNBROKEN || inFrames >= LEAST_PART * all)
      return { name: kind, demuxer: kind, skip: start };
    found = findFrames(bytes, fromStart, offset + 1);
  }
  return undefined;
}

/** The container that begins with these bytes, where they tell by themselves. */
export function knownContainer(head: Uint8Array): Container | undefined {
  const known = matchSignature(CONTAINERS, head);
  if (known) return known;
  if (isTransportStream(head)) return TRANSPORT_STREAM;
  const first = head[0] === 0x0b ? frameHeader(head, 0) : undefined;
  if (first && beginsWithFrames(head)) return { name: first.kind, demuxer: first.kind };
  return isLoas(head) ? { name: "loas", demuxer: "loas" } : undefined;
}

/** Refuses what is clearly no audio from its first bytes, before anything is stored or searched. */
export function refuseForeign(head: Uint8Array, task: DecodeTask): void {
  const start = head.subarray(0, HEAD_BYTES);
  const foreign = matchSignature(FOREIGN, start);
  const isPlain = isText(start) && !CONTAINERS.some(([at, mark]) => at === 0 && startsWith(start, 0, mark));
  // Marks behind the first bytes are words: "the free market" is no MP4.
  if (foreign === undefined && !isPlain && knownContainer(start)) return;
  const kind = foreign ?? (isPlain ? textKind(start) : undefined);
  if (kind) throw unsupportedFormat(task.name, `it is ${kind}, not audio`);
}

/** Bytes of the ID3v2 and APE tags at the beginning. */
async function skipTags(readAt: ReadAt): Promise<number> {
  let position = 0;
  for (let tags = 0; tags < MAX_TAGS; tags++) {
    const head = await readAt(position, 32);
    const size = await tagBytes(readAt, position, head);
    if (size === 0) break;
    position += size;
  }
  return position;
}

async function tagBytes(readAt: ReadAt, position: number, head: Uint8Array): Promise<number> {
  if (startsWith(head, 0, "APETAGEX") && head.length >= 32) {
    return 32 + Buffer.from(head).readUInt32LE(12);
  }
  const size = id3Bytes(head);
  if (size === 0) return 0;
  // Four bytes of 7 bits each, says ID3v2; some writers put a plain number there. Frames tell which.
  const plain = id3Bytes(head, 8);
  if (plain === size || (await soundAt(readAt, position + size))) return size;
  return (await soundAt(readAt, position + plain)) ? plain : size;
}

async function soundAt(readAt: ReadAt, position: number): Promise<boolean> {
  const head = await readAt(position, HEAD_BYTES);
  return beginsWithFrames(head) || matchSignature(CONTAINERS, head) !== undefined;
}

/**
 * Bytes of the ID3v2 tag that begins here, 0 where none does: ten bytes of header, then its size; a footer repeats the
 * header.
 * @param bits of each byte of the size
 */
export function id3Bytes(head: Uint8Array, bits: 7 | 8 = 7): number {
  if (!startsWith(head, 0, "ID3") || head.length < 10) return 0;
  const size = [6, 7, 8, 9].reduce((sum, i) => sum * 2 ** bits + (head[i]! & (2 ** bits - 1)), 0);
  return 10 + size + (head[5]! & 0x10 ? 10 : 0);
}

async function skipZeros(readAt: ReadAt, start: number): Promise<number> {
  for (let position = start; ; position += SEARCHED_BYTES) {
    const bytes = await readAt(position, SEARCHED_BYTES);
    const first = bytes.findIndex((byte) => byte !== 0);
    if (first >= 0) return position + first;
    if (bytes.length < SEARCHED_BYTES) return position;
  }
}

/** Frames of 33 bytes that begin with 1101. */
function isGsm(head: Uint8Array): boolean {
  const frames = Math.floor(head.length / 33);
  return frames >= 8 && Array.from({ length: frames }, (_, i) => head[i * 33]! >>> 4).every((x) => x === 13);
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
