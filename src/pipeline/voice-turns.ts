import { throwIfAborted } from "../errors.js";
import { speakerId } from "../speakers/names.js";
import { type DecodedAudio, SAMPLE_RATE } from "../types/audio.js";
import type { VadModel } from "../types/engine.js";
import type { SpeakerTurn } from "../types/speakers.js";
import { SpokenFrames } from "./spoken-frames.js";

/** Probability from which a frame is speech. */
const THRESHOLD = 0.5;

/**
 * Turns of the parties of a recording that has a track for each: where the VAD model hears speech on it.
 * @throws TranscriptionError
 */
export async function voiceTurns(
  audio: DecodedAudio,
  vad: VadModel,
  signal: AbortSignal,
): Promise<SpeakerTurn[]> {
  const tracks = Array.from({ length: audio.trackCount }, () => ({
    session: vad.createSession(),
    frames: new SpokenFrames(THRESHOLD),
  }));
  try {
    for await (const block of audio.blocks()) {
      for (const [channel, { session, frames }] of tracks.entries()) {
        throwIfAborted(signal);
        frames.push(await session.push(block[channel]!));
      }
    }
    for (const { session, frames } of tracks) frames.push(await session.flush());
  } finally {
    for (const { session } of tracks) session.close();
  }
  const all = { start: 0, end: Math.round(audio.duration * SAMPLE_RATE) };
  const heard = tracks.flatMap(({ frames }, channel) =>
    frames.take(all).map((span) => ({ ...span, channel })),
  );
  heard.sort((a, b) => a.start - b.start || a.channel - b.channel);
  const names = new Map<number, string>();
  return heard.map(({ start, end, channel }) => {
    const speaker = names.get(channel) ?? speakerId(names.size);
    names.set(channel, speaker);
    return { start: round(start), end: round(end), speaker, confidence: 1, channel };
  });
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
