import type { FileHandle } from "node:fs/promises";
import type { Container } from "./containers.js";
import type { DecodeTask } from "./decode-task.js";
import { matroskaCluster, matroskaHead } from "./matroska-writer.js";
import type { FrameHeader } from "./mpeg-frames.js";
import { mpegStretches } from "./mpeg-survey.js";
import type { ReadAt } from "./sniff.js";
import { store } from "./spool.js";

/** Frames on each side of a break whose mean size tells how many were lost in it. */
const NEIGHBOURS = 10;
const CLUSTER_MS = 5000;
/** Bytes behind the last frame that are worth a word. */
const NOTED_REST = 4096;

interface Break {
  offset: number;
  bytes: number;
  /** Mean bytes of a frame before and after it. */
  sizes: { sum: number; count: number };
}

interface Survey {
  first: FrameHeader | undefined;
  frames: number;
  /** All frames are of one kind and rate. */
  uniform: boolean;
  breaks: Break[];
  /** Seconds that the decoder starts ahead of the sound, where the first frame says so. */
  lead: number;
}

/**
 * MP3 and ADTS files have no clock but their frames: what is lost makes all that follows come too early. Where the chain
 * of frames is broken, whole frames are put into Matroska with times that leave room for those lost, estimated from the
 * bytes between; intact files are left as they are.
 * @returns the file to decode and what it is
 */
export async function repairMpegFrames(
  file: FileHandle,
  container: Container,
  readAt: ReadAt,
  task: DecodeTask,
): Promise<{ file: FileHandle; container: Container }> {
  const from = container.skip ?? 0;
  const survey = await surveyFrames(readAt, from, task);
  const { breaks, first, uniform } = survey;
  if (breaks.length === 0 || !first) {
    // Without breaks the frames' times are right as long as their rate is one.
    return { file, container: uniform ? { ...container, times: "stream" } : container };
  }
  const frameSeconds = first.samples / first.sampleRate;
  const lost = breaks.map(({ bytes, sizes }) => Math.round((bytes * sizes.count) / sizes.sum));
  const seconds = lost.reduce((sum, frames) => sum + frames, 0) * frameSeconds;
  const bytes = breaks.reduce((sum, gap) => sum + gap.bytes, 0);
  const places = breaks.length === 1 ? "one place" : `${breaks.length} places`;
  task.warnings.push(
    `The file is damaged in ${places} (${bytes} bytes in all, the first at byte ${breaks[0]!.offset}): about ${seconds.toFixed(1)} s of sound were lost and became silence`,
  );
  const repaired = await wrap(readAt, from, survey, lost, task);
  const { name } = container;
  return {
    file: repaired,
    container: { name, demuxer: "matroska", times: "file", lead: survey.lead },
  };
}

async function surveyFrames(readAt: ReadAt, from: number, task: DecodeTask): Promise<Survey> {
  const survey: Survey = { first: undefined, frames: 0, uniform: true, breaks: [], lead: 0 };
  let recent: number[] = [];
  let rest = 0;
  let pending: Break | undefined;
  for await (const stretches of mpegStretches(readAt, from, task)) {
    for (const { frame, bytes, offset, ...more } of stretches) {
      if (!frame) {
        pending = { offset, bytes, sizes: { sum: sumOf(recent), count: recent.length } };
        recent = [];
        rest = bytes;
        continue;
      }
      if (pending) survey.breaks.push(pending);
      pending = undefined;
      if (!survey.first) {
        survey.first = frame;
        survey.lead = encoderDelay((more as { data: Uint8Array }).data, frame);
      }
      if (frame.signature !== survey.first.signature) survey.uniform = false;
      survey.frames++;
      recent.push(bytes);
      if (recent.length > NEIGHBOURS) recent.shift();
      const last = survey.breaks.at(-1);
      if (last && recent.length < NEIGHBOURS) {
        last.sizes.sum += bytes;
        last.sizes.count++;
      }
    }
  }
  if (pending && rest >= NOTED_REST) {
    task.warnings.push(`There are no frames of sound in the last ${rest} bytes`);
  }
  // A break before the first frame is what the search for frames has skipped.
  survey.breaks = survey.breaks.filter(({ sizes }) => sizes.count > 0);
  return survey;
}

async function wrap(
  readAt: ReadAt,
  from: number,
  survey: Survey,
  lost: readonly number[],
  task: DecodeTask,
): Promise<FileHandle> {
  const places = new Map(survey.breaks.map(({ offset }, i) => [offset, lost[i]!]));
  const pieces = clusters();
  return store(task, async () => (await pieces.next()).value ?? new Uint8Array(0));

  async function* clusters(): AsyncGenerator<Uint8Array> {
    let seconds = 0;
    let isFirst = true;
    yield matroskaHead(survey.first!);
    let blocks: Array<{ time: number; data: Uint8Array }> = [];
    for await (const stretches of mpegStretches(readAt, from, task)) {
      for (const stretch of stretches) {
        if (!stretch.frame) {
          const { samples, sampleRate } = survey.first!;
          seconds += ((places.get(stretch.offset) ?? 0) * samples) / sampleRate;
          continue;
        }
        const { frame, data } = stretch;
        // The frame with the encoder's notes is no sound.
        if (isFirst && isInfoFrame(data, frame)) {
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

/** Place of the tag of Xing and LAME in a Layer III frame: after header and side information. */
function infoOffset({ samples, channels }: FrameHeader): number {
  const sideBytes = samples === 1152 ? [17, 32] : [9, 17];
  return 4 + sideBytes[channels - 1]!;
}

function isInfoFrame(data: Uint8Array, frame: FrameHeader): boolean {
  if (frame.layer !== 3) return false;
  const offset = infoOffset(frame);
  return ["Xing", "Info"].includes(Buffer.from(data).toString("latin1", offset, offset + 4));
}

/** Seconds of the encoder's and the decoder's delay, where LAME's tag tells: what FFmpeg leaves out of intact files. */
function encoderDelay(data: Uint8Array, frame: FrameHeader): number {
  if (!isInfoFrame(data, frame)) return 0;
  const offset = infoOffset(frame);
  const flags = data[offset + 7]!;
  const fields = (flags & 1 ? 4 : 0) + (flags & 2 ? 4 : 0) + (flags & 4 ? 100 : 0) + (flags & 8 ? 4 : 0);
  const delay = offset + 8 + fields + 21;
  if (delay + 1 >= data.length) return 0;
  const samples = (data[delay]! << 4) | (data[delay + 1]! >>> 4);
  return samples === 0 ? 0 : (samples + 529) / frame.sampleRate;
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, value) => sum + value, 0);
}
