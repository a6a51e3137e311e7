import { ac3FrameHeader } from "./ac3-header.js";
import { dtsFrameHeader } from "./dts-header.js";
import type { FrameHeader, FrameKind } from "./frame-header.js";
import { mpegFrameHeader } from "./mpeg-header.js";

/** Frames in a row that are no coincidence: the chance is below 1e-8 in 64 KiB of noise. */
const CONVINCING_FRAMES = 3;
/** Where much is searched. */
const FRAMES_FURTHER_IN = 5;

/** What frames of each kind begin with. */
const SYNC_BYTES: Readonly<Record<FrameKind, number>> = {
  mp3: 0xff,
  aac: 0xff,
  ac3: 0x0b,
  eac3: 0x0b,
  dts: 0x7f,
};
const FIRST_BYTES = [0xff, 0x0b, 0x7f];

/** Place of the next byte from `from` on that a frame of the kind may begin with, or -1. */
export function nextSync(bytes: Uint8Array, kind: FrameKind, from: number): number {
  return bytes.indexOf(SYNC_BYTES[kind], from);
}

/**
 * Finds frames, with or without garbage before them. At the very start a chain that ends with the data is enough;
 * further in it takes several frames.
 * @param fromStart whether `bytes` begin where frames are expected
 * @param from place in `bytes` from which on to look
 */
export function findFrames(
  bytes: Uint8Array,
  fromStart = true,
  from = 0,
): { kind: FrameKind; offset: number } | undefined {
  let earliest: { kind: FrameKind; offset: number } | undefined;
  for (const sync of FIRST_BYTES) {
    const until = earliest?.offset ?? bytes.length;
    for (let start = bytes.indexOf(sync, from); start >= 0 && start < until; ) {
      const first = frameHeader(bytes, start);
      const frames = start < 65_536 && fromStart ? CONVINCING_FRAMES : FRAMES_FURTHER_IN;
      if (first && isChain(bytes, start, frames, fromStart && start === 0)) {
        earliest = { kind: first.kind, offset: start };
        break;
      }
      start = bytes.indexOf(sync, start + 1);
    }
  }
  return earliest;
}

/** Whether a convincing chain of frames begins with the first byte. */
export function beginsWithFrames(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && isChain(bytes, 0, CONVINCING_FRAMES, true);
}

/** Whether `frames` frames of one kind follow each other from `start` on. @param short they may end with the bytes */
export function isChain(bytes: Uint8Array, start: number, frames: number, short: boolean): boolean {
  const first = frameHeader(bytes, start);
  if (!first) return false;
  let offset = start + first.bytes;
  for (let count = 1; count < frames; count++) {
    if (offset + 4 > bytes.length) return short;
    const next = frameHeader(bytes, offset);
    if (next?.kind !== first.kind || next.signature !== first.signature) return false;
    offset += next.bytes;
  }
  return true;
}

/** Whether bytes are frames of AAC in LOAS: 11 bits of 0x2b7, 13 of length. */
export function isLoas(bytes: Uint8Array): boolean {
  let offset = 0;
  for (let frames = 0; frames < CONVINCING_FRAMES; frames++) {
    if (bytes[offset] !== 0x56 || (bytes[offset + 1] ?? 0) >>> 5 !== 7) return false;
    offset += 3 + (((bytes[offset + 1]! & 0x1f) << 8) | (bytes[offset + 2] ?? 0));
  }
  return true;
}

export function frameHeader(bytes: Uint8Array, offset: number): FrameHeader | undefined {
  if (offset + 4 > bytes.length) return undefined;
  switch (bytes[offset]) {
    case 0xff:
      return mpegFrameHeader(bytes, offset);
    case 0x0b:
      return ac3FrameHeader(bytes, offset);
    case 0x7f:
      return dtsFrameHeader(bytes, offset);
    default:
      return undefined;
  }
}
