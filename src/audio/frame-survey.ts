import { frameHeader, isChain, nextSync } from "./coded-frames.js";
import { startsWith } from "./containers.js";
import type { DecodeTask } from "./decode-task.js";
import type { FrameHeader, FrameKind } from "./frame-header.js";
import type { ReadAt } from "./read-at.js";

/** A frame with its place in the file, or bytes between frames that are none. */
export type Stretch =
  | { offset: number; bytes: number; frame: FrameHeader; data: Uint8Array }
  /** `isTag`: it is no damage, but one or more tags; `isCutOff`: it is the beginning of a frame that the file ends in. */
  | { offset: number; bytes: number; frame?: undefined; isTag: boolean; isCutOff: boolean };

const STEP = 1024 * 1024;
/** Three ADTS frames of the largest size. */
const AHEAD = 32 * 1024;
const CHAIN = 3;
const ID3V1_BYTES = 128;

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
    const tagEnds = new Map<number, number>();
    let at = 0;
    while (at < searched) {
      const tag = broken === undefined ? tagsBytes(bytes, at, tagEnds) : 0;
      if (tag > 0) {
        found.push({ offset: position + at, bytes: tag, isTag: true, isCutOff: false });
        at += tag;
        continue;
      }
      const frame = frameHeader(bytes, at);
      if (frame && goesOn(bytes, at, frame, { ended, resync: broken !== undefined, tagEnds })) {
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
function goesOn(
  bytes: Uint8Array,
  at: number,
  frame: FrameHeader,
  { ended, resync, tagEnds }: { ended: boolean; resync: boolean; tagEnds: Map<number, number> },
): boolean {
  const next = at + frame.bytes;
  if (resync) return isChain(bytes, at, CHAIN, false);
  if (next + 4 > bytes.length) return ended && next <= bytes.length;
  const after = frameHeader(bytes, next);
  if (after?.kind === frame.kind && after.signature === frame.signature) return true;
  return tagsBytes(bytes, next, tagEnds) > 0 || isChain(bytes, next, CHAIN, false);
}

/**
 * Bytes of the tags that stand between frames or behind them, one after the other: "TAG" may be sound as well, unless
 * it leads to a frame, another tag or the end.
 * @param ends where the tags end that begin at a place, for those places that were looked at before: each is once
 */
function tagsBytes(bytes: Uint8Array, at: number, ends: Map<number, number>): number {
  const places: number[] = [];
  let place = at;
  let sure = at;
  for (;;) {
    if (place >= bytes.length || frameHeader(bytes, place)) {
      sure = place;
      break;
    }
    const known = ends.get(place);
    if (known !== undefined) {
      if (known > place) sure = known;
      break;
    }
    const isUnsure = startsWith(bytes, place, "TAG");
    const tag = isUnsure ? ID3V1_BYTES : markedTagBytes(bytes, place);
    if (tag === 0) break;
    places.push(place);
    place += tag;
    if (!isUnsure) sure = place;
  }
  for (const each of places) ends.set(each, Math.max(each, sure));
  return sure - at;
}

/** Bytes of a tag that is none by chance. */
function markedTagBytes(bytes: Uint8Array, at: number): number {
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
