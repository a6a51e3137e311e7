import { TranscriptionError } from "../errors.js";
import type { DecodeTask } from "./decode-task.js";
import type { AudioStream } from "./ffmpeg-log.js";
import type { FfmpegRun } from "./ffmpeg-run.js";

/** Tracks of no use that are told of one by one. */
const MOST_TOLD = 8;

/** Starts decoding one of the audio streams. */
type Start = (track: number) => Promise<FfmpegRun>;

/**
 * Decodes the audio track that was chosen or, of several, the one to hear: of those with sound in them the one that the
 * container flags as default, else the first; commentaries come after all others. What is left out becomes a warning.
 * @param chosen index of a track; undefined: choose
 * @throws TranscriptionError UNSUPPORTED_FORMAT, DECODE_FAILED, INVALID_ARGUMENT (no such track)
 */
export async function openTrack(
  start: Start,
  chosen: number | undefined,
  task: DecodeTask,
): Promise<FfmpegRun> {
  const first = await start(chosen ?? 0);
  const failed = await failure(first.open(), task);
  const { streams } = first;
  if (chosen !== undefined || streams.length < 2) {
    if (failed) throw failed;
    if (streams.length > 1) await warnOfSilence(first, start, task);
    return first;
  }
  const indices = streams.map((_, index) => index);
  const rank = ({ isDefault, isSecondary }: AudioStream) => (isSecondary ? 2 : 0) + (isDefault ? 0 : 1);
  const order = indices.toSorted((a, b) => rank(streams[a]!) - rank(streams[b]!));
  const faults = new Map<number, string>();
  if (failed) faults.set(0, `cannot be decoded (${failed.message})`);
  if (failed || order[0] !== 0) await first.close();
  for (const index of order) {
    if (faults.has(index)) continue;
    const run = index === 0 && order[0] === 0 ? first : await start(index);
    let sound = false;
    const fault = await failure(
      (async () => {
        if (run !== first) await run.open();
        sound = await run.hasSound();
      })(),
      task,
    );
    if (sound) {
      task.warn(explain(streams, order, index, faults));
      return run;
    }
    faults.set(index, fault ? `cannot be decoded (${fault.message})` : "is silent");
    await run.close();
  }
  // Silent or broken, all of them.
  const silent = order.find((index) => faults.get(index) === "is silent") ?? order[0]!;
  const run = await start(silent);
  await run.open();
  task.warn(explain(streams, order, silent, faults));
  return run;
}

/** Says so where the track that was chosen is silent and another is not. */
async function warnOfSilence(chosen: FfmpegRun, start: Start, task: DecodeTask): Promise<void> {
  if (await chosen.hasSound()) return;
  for (const index of chosen.streams.keys()) {
    if (index === chosen.track) continue;
    const other = await start(index);
    let sound = false;
    await failure(
      (async () => {
        await other.open();
        sound = await other.hasSound();
      })(),
      task,
    );
    await other.close();
    if (!sound) continue;
    task.warn(`Track ${chosen.track}, which was chosen, is silent, while track ${index} has sound`);
    return;
  }
}

/** What says that a track is of no use; anything else is thrown. */
async function failure(work: Promise<void>, task: DecodeTask): Promise<TranscriptionError | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    task.check();
    const known = TranscriptionError.from(error);
    if (known.code === "DECODE_FAILED" || known.code === "UNSUPPORTED_FORMAT") return known;
    throw error;
  }
}

function explain(
  streams: readonly AudioStream[],
  order: readonly number[],
  used: number,
  faults: ReadonlyMap<number, string>,
): string {
  const { codec, language, isDefault } = streams[used]!;
  const others = [...faults].filter(([index]) => index !== used);
  const besides = streams.filter(
    (stream, i) => stream.isSecondary && i !== used && !streams[used]!.isSecondary,
  );
  const why = besides.some((stream) => stream.isDefault)
    ? "because the default is a commentary"
    : isDefault
      ? "which is flagged as default"
      : order[0] === used
        ? "the first of them"
        : "the first of them with sound";
  const about = [codec, language].filter(Boolean).join(", ");
  return [
    `There are ${streams.length} audio tracks; track ${used} (${about}) was used, ${why}`,
    ...(faults.has(used) ? [`track ${used} ${faults.get(used)}`] : []),
    ...others.slice(0, MOST_TOLD).map(([index, fault]) => `track ${index} ${fault}`),
    ...(others.length > MOST_TOLD
      ? [`${others.length - MOST_TOLD} more are silent or cannot be decoded`]
      : []),
    'the option "track" chooses another',
  ].join("; ");
}
