import { frameHeader, isChain, nextSync } from "./coded-frames.js";
import { startsWith } from "./containers.js";
import type { DecodeTask } from "./decode-task.js";
import type { FrameHeader, FrameKind } from "./frame-header.js";
import type { ReadAt } from "./read-at.js";

/** A frame with its place in the file, or bytes between frames that are none. */
export type Stretch =
  | { offset: number; bytes: number; frame: FrameHeader; data: Uint8Array }
  /** `isTag`: it is no damage; `isCutOff`: it is the beginning of a frame that the file ends in. */
  | { offset: number; bytes: number; frame?: undefined; isTag: boolean; isCutOff: boolean };

const STEP = 1024 * 1024;
/** Three ADTS frames of the largest size. */
const AHEAD = 32 * 1024;
const CHAIN = 3;

/**
 * Walks through the frames of a file and tells where the chain is broken. A frame whose successor is not
 * at its place is damaged itself and belongs to the break. Tags are stretches of their own; what follows the last
 * frame is no break but the end, given as a last stretch without frame.
 */
export async function* frameStretches(
  kind: FrameKind,
  readAt: ReadAt,
  from: number,
  task: DecodeTask,
): AsyncGenerator<Stretch[]> {
  let position = from;
  let broken: number | undefined;
  for (;;) {
    task.check();
    const bytes = await readAt(position, STEP + AHEAD);
    const ended = bytes.length < STEP + AHEAD;
    const searched = ended ? bytes.length : STEP;
    const found: Stretch[] = [];
    let at = 0;
    while (at < searched) {
      const tag = broken === undefined ? tagBytes(bytes, at) : 0;
      if (tag > 0) {
        found.push({ offset: position + at, bytes: tag, isTag: true, isCutOff: false });
        at += tag;
        continue;
      }
      const frame = frameHeader(bytes, at);
      if (frame && goesOn(bytes, at, frame, ended, broken !== undefined)) {
        if (broken !== undefined) {
          found.push({ offset: broken, bytes: position + at - broken, isTag: false, isCutOff: false });
          broken = undefined;
        }
        const data = bytes.subarray(at, at + frame.bytes);
        found.push({ offset: position + at, bytes: frame.bytes, frame, data });
        at += frame.bytes;
        continue;
      }
      broken ??= position + at;
      at = nextSync(bytes, kind, at + 1);
      if (at < 0) at = bytes.length;
    }
    if (ended && broken !== undefined) {
      const rest = position + bytes.length - broken;
      const frame = broken < position ? undefined : frameHeader(bytes, broken - position);
      const isCutOff = frame?.kind === kind && frame.bytes > rest;
      found.push({ offset: broken, bytes: rest, isTag: false, isCutOff });
    }
    yield found;
    if (ended) return;
    position += at;
  }
}

/** Whether a frame is followed by another, or by what may end a chain. */
function goesOn(bytes: Uint8Array, at: number, frame: FrameHeader, ended: boolean, resync: boolean): boolean {
  const next = at + frame.bytes;
  if (resync) return isChain(bytes, at, CHAIN, false);
  if (next + 4 > bytes.length) return ended && next <= bytes.length;
  const after = frameHeader(bytes, next);
  if (after?.kind === frame.kind && after.signature === frame.signature) return true;
  return tagBytes(bytes, next) > 0 || isChain(bytes, next, CHAIN, false);
}

/** Bytes of a tag that stands between frames or behind them. */
function tagBytes(bytes: Uint8Array, at: number): number {
  if (startsWith(bytes, at, "TAG")) {
    const behind = at + 128;
    const ends = behind >= bytes.length || tagBytes(bytes, behind) > 0;
    if (ends || frameHeader(bytes, behind)) return 128;
  }
  if (startsWith(bytes, at, "ID3") && at + 10 <= bytes.length) {
    return 10 + [6, 7, 8, 9].reduce((sum, i) => sum * 128 + (bytes[at + i]! & 0x7f), 0);
  }
  if (startsWith(bytes, at, "APETAGEX") && at + 32 <= bytes.length) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const isHeader = (view.getUint32(at + 20, true) & 0x2000_0000) !== 0;
    return 32 + (isHeader ? view.getUint32(at + 12, true) : 0);
  }
  return 0;
}
