import { checkOptions, integer } from "./config/checks.js";
import { resolveRequest } from "./config/options.js";
import { Peaks } from "./pipeline/peaks.js";
import { withRecording } from "./pipeline/with-recording.js";
import { type AudioInput, SAMPLE_RATE } from "./types/audio.js";
import type { TranscribeOptions } from "./types/options.js";
import type { Waveform } from "./types/waveform.js";

/** Options of {@link waveform}. */
export interface WaveformOptions extends Pick<TranscribeOptions, "track" | "limits" | "timeout" | "signal"> {
  /** Stretches a second, an integer from 1 to 100. Default 20. */
  perSecond?: number;
}

const CHECKS = { perSecond: integer(1, 100) };

/**
 * What each channel of a recording looks like, for drawing: 20 stretches a second are enough for a screen. Of more than two
 * channels, the mix.
 * @throws TranscriptionError INVALID_ARGUMENT, and all that reading a recording throws
 */
export async function waveform(input: AudioInput, options: WaveformOptions = {}): Promise<Waveform> {
  const { perSecond: wanted, ...others } = options;
  const { perSecond = 20 } = checkOptions("options", { perSecond: wanted }, CHECKS);
  const request = resolveRequest(others);
  return withRecording(input, request, "parties", {}, async (audio, { scope }) => {
    const tracks = Array.from({ length: audio.trackCount }, () => new Peaks(SAMPLE_RATE / perSecond));
    for await (const block of audio.blocks()) {
      scope.throwIfEnded();
      for (const [index, samples] of block.entries()) tracks[index]!.push(samples);
    }
    const channels = tracks.map((track) => track.finish());
    return { perSecond, channels, duration: audio.duration, warnings: [...audio.warnings] };
  });
}
