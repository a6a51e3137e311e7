import type { FileHandle } from "node:fs/promises";
import type { Container } from "./containers.js";
import type { DecodeTask } from "./decode-task.js";
import type { FrameHeader, FrameKind } from "./frame-header.js";
import { frameStretches } from "./frame-survey.js";
import { type FrameInfo, frameInfo } from "./info-frame.js";
import { matroskaCluster, matroskaHead } from "./matroska-writer.js";
import type { ReadAt } from "./read-at.js";
import { store } from "./spool.js";

/**
 * Frames on each side of a break whose mean size tells how many were lost in it. Encoders that keep to a rate do so over
 * seconds, not from one frame to the next.
 */
const NEIGHBOURS = 30;
const CLUSTER_MS = 5000;
/** Breaks that are each kept with the frames around them; of further ones the mean frame of the file tells the rest. */
const MOST_BREAKS = 10_000;
/** Bytes behind the last frame that are worth a word. */
const NOTED_REST = 4096;

interface Break {
  offset: number;
  bytes: number;
  /** Before it. */
  frames: number;
  /** Mean bytes of a frame before and after it. */
  sizes: { sum: number; count: number };
}

interface Survey {
  first: FrameHeader | undefined;
  frames: number;
  /** All frames are of one kind and rate. */
  uniform: boolean;
  /** The first {@link MOST_BREAKS}. */
  breaks: Break[];
  /** Those behind them. */
  further: { count: number; bytes: number; last: number };
  /** Bytes of all frames. */
  frameBytes: number;
  /** What the encoder has noted in the first frame. */
  info: FrameInfo | undefined;
  /** There are tags between frames, which FFmpeg takes for frames. */
  hasTagsInside: boolean;
  /** The last frame is not whole. */
  cutOff: boolean;
}

/**
 * Files of frames have no clock but these: what is lost makes all that follows come too early. Where the chain of frames
 * is broken, whole frames are put into Matroska with times that leave room for those lost: as many as are missing of those
 * that the first frame announces, else as the bytes between would have held. Intact files are left as they are.
 * @returns the file to decode and what it is
 */
export async function repairFrames(
  file: FileHandle,
  container: Container,
  kind: FrameKind,
  readAt: ReadAt,
  task: DecodeTask,
): Promise<{ file: FileHandle; container: Container }> {
  const from = container.skip ?? 0;
  const survey = await surveyFrames(kind, readAt, from, task);
  const { breaks, first, info, uniform } = survey;
  if ((breaks.length === 0 && !survey.hasTagsInside) || !first) {
    // Without breaks the frames' times are right as long as their rate is one.
    return { file, container: uniform ? { ...container, times: "stream" } : container };
  }
  const missing = missingFrames(survey);
  if (breaks.length > 0) warnOfBreaks(survey, missing, task);
  const repaired = await wrap(kind, readAt, from, survey, lostFrames(survey, missing), task);
  const { name } = container;
  const lead = (info?.delay ?? 0) / first.sampleRate;
  return { file: repaired, container: { name, demuxer: "matroska", times: "file", lead } };
}

/** How many frames the first one announces that are not there; undefined where nothing tells. */
function missingFrames({ info, frames, cutOff }: Survey): number | undefined {
  if (info?.frames === undefined || cutOff) return undefined;
  const missing = info.frames - frames;
  return missing < 0 || missing > info.frames / 2 ? undefined : missing;
}

type Place = Pick<Break, "offset" | "bytes">;

/** Frames that the bytes of a break would have held; 0 where none is. */
function heldFrames({ breaks, further, frames, frameBytes }: Survey): (place: Place) => number {
  const known = new Map(
    breaks.map(({ offset, bytes, sizes }) => [offset, (bytes * sizes.count) / sizes.sum]),
  );
  const last = breaks.at(-1)?.offset ?? 0;
  return ({ offset, bytes }) => {
    const isFurther = offset > last && offset <= further.last;
    return known.get(offset) ?? (isFurther ? (bytes * frames) / Math.max(frameBytes, 1) : 0);
  };
}

/**
 * Frames that were lost in a break, each of which is asked for once, in order.
 * @param missing in all of them, where that is known
 */
function lostFrames(survey: Survey, missing: number | undefined): (place: Place) => number {
  const held = heldFrames(survey);
  if (missing === undefined) return (place) => Math.round(held(place));
  const all = allHeld(survey);
  let before = 0;
  let given = 0;
  return (place) => {
    before += held(place);
    const lost = Math.round((missing * before) / all) - given;
    given += lost;
    return lost;
  };
}

/** In all breaks. */
function allHeld(survey: Survey): number {
  const { breaks, further, frames, frameBytes } = survey;
  return sumOf(breaks.map(heldFrames(survey))) + (further.bytes * frames) / Math.max(frameBytes, 1);
}

function warnOfBreaks(survey: Survey, missing: number | undefined, task: DecodeTask): void {
  const { breaks, further } = survey;
  const { samples, sampleRate } = survey.first!;
  const { offset, frames } = breaks[0]!;
  const seconds = (count: number) => ((count * samples) / sampleRate).toFixed(1);
  const bytes = sumOf(breaks.map((each) => each.bytes)) + further.bytes;
  const count = breaks.length + further.count;
  const places = count === 1 ? "one place" : `${count} places`;
  const doubt =
    missing === undefined
      ? "; if bytes are missing there altogether, all times behind are early by as much"
      : "";
  task.warn(
    `The file is damaged in ${places} (${bytes} bytes in all, the first at byte ${offset}, ${seconds(frames)} s): about ${seconds(missing ?? allHeld(survey))} s of sound were lost and became silence${doubt}`,
  );
}

/** @returns the break, where it is kept */
function noteBreak({ breaks, further }: Survey, found: Break): Break | undefined {
  if (breaks.length < MOST_BREAKS) {
    breaks.push(found);
    return found;
  }
  further.count++;
  further.bytes += found.bytes;
  further.last = found.offset;
  return undefined;
}

async function surveyFrames(
  kind: FrameKind,
  readAt: ReadAt,
  from: number,
  task: DecodeTask,
): Promise<Survey> {
  const survey: Survey = {
    first: undefined,
    frames: 0,
    uniform: true,
    breaks: [],
    further: { count: 0, bytes: 0, last: 0 },
    frameBytes: 0,
    info: undefined,
    hasTagsInside: false,
    cutOff: false,
  };
  let recent: number[] = [];
  let rest = 0;
  let tagged = false;
  let pending: Break | undefined;
  /** The last break, where the frames behind it are looked at. */
  let open: Break | undefined;
  for await (const stretches of frameStretches(kind, readAt, from, task)) {
    for (const stretch of stretches) {
      const { frame, bytes, offset } = stretch;
      if (stretch.frame === undefined && stretch.isTag) {
        tagged = survey.first !== undefined;
        continue;
      }
      if (!frame) {
        const sizes = { sum: sumOf(recent), count: recent.length };
        pending = { offset, bytes, frames: survey.frames, sizes };
        survey.cutOff = stretch.isCutOff;
        recent = [];
        rest = bytes;
        continue;
      }
      if (tagged) survey.hasTagsInside = true;
      if (pending) open = noteBreak(survey, pending);
      pending = undefined;
      survey.cutOff = false;
      if (!survey.first) {
        survey.first = frame;
        survey.info = frameInfo(stretch.data, frame);
        if (survey.info) continue;
      }
      if (frame.signature !== survey.first.signature) survey.uniform = false;
      survey.frames++;
      survey.frameBytes += bytes;
      recent.push(bytes);
      if (recent.length > NEIGHBOURS) recent.shift();
      if (open && recent.length < NEIGHBOURS) {
        open.sizes.sum += bytes;
        open.sizes.count++;
      }
    }
  }
  if (pending && rest >= NOTED_REST) {
    task.warn(`There are no frames of sound in the last ${rest} bytes`);
  } else if (survey.cutOff) {
    task.warn("The file is cut off in its last frame: the recording may have gone on");
  }
  // A break before the first frame is what the search for frames has skipped.
  survey.breaks = survey.breaks.filter(({ sizes }) => sizes.count > 0);
  return survey;
}

async function wrap(
  kind: FrameKind,
  readAt: ReadAt,
  from: number,
  survey: Survey,
  lost: (place: Place) => number,
  task: DecodeTask,
): Promise<FileHandle> {
  const pieces = clusters();
  return store(task, async () => (await pieces.next()).value ?? new Uint8Array(0));

  async function* clusters(): AsyncGenerator<Uint8Array> {
    let seconds = 0;
    let isFirst = true;
    yield matroskaHead(survey.first!);
    let blocks: Array<{ time: number; data: Uint8Array }> = [];
    for await (const stretches of frameStretches(kind, readAt, from, task)) {
      for (const stretch of stretches) {
        if (!stretch.frame) {
          const { samples, sampleRate } = survey.first!;
          if (!stretch.isTag) seconds += (lost(stretch) * samples) / sampleRate;
          continue;
        }
        const { frame, data } = stretch;
        // The frame with the encoder's notes is no sound.
        if (isFirst && survey.info) {
          isFirst = false;
          continue;
        }
        isFirst = false;
        const time = Math.round(seconds * 1000);
        if (blocks.length > 0 && time - blocks[0]!.time >= CLUSTER_MS) {
          yield matroskaCluster(blocks);
          blocks = [];
        }
        blocks.push({ time, data: withoutAdtsHeader(data, frame) });
        seconds += frame.samples / frame.sampleRate;
      }
      // The bytes of blocks are views of what the next step may no longer hold.
      if (blocks.length > 0) yield matroskaCluster(blocks);
      blocks = [];
    }
  }
}

/** Several blocks in one frame cannot be told apart without the header, which decoders understand. */
function withoutAdtsHeader(data: Uint8Array, { kind, samples }: FrameHeader): Uint8Array {
  if (kind !== "aac" || samples > 1024) return data;
  return data.subarray(data[1]! & 1 ? 7 : 9);
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, value) => sum + value, 0);
}
