import { type Checks, checkOptions, picked, text } from "./config/checks.js";
import {
  oneTrack,
  REQUEST_CHECKS,
  refuseOthers,
  resolveRequest,
  resolveVadOptions,
  TRANSCRIBER_CHECKS,
  VAD_CHECKS,
} from "./config/options.js";
import { LevelledVad } from "./pipeline/levelled-vad.js";
import type { RequestScope } from "./pipeline/request-scope.js";
import { type Region, SpeechRegions } from "./pipeline/speech-regions.js";
import { withRecording } from "./pipeline/with-recording.js";
import { type AudioInput, type DecodedAudio, SAMPLE_RATE } from "./types/audio.js";
import type { VadModel } from "./types/engine.js";
import type { TranscribeOptions, TranscriberOptions, VadOptions } from "./types/options.js";
import type { SpeechDetection } from "./types/speech.js";

/** Options of {@link detectSpeech}. */
export interface DetectSpeechOptions
  extends VadOptions,
    Pick<TranscribeOptions, "track" | "limits" | "timeout" | "signal">,
    Pick<TranscriberOptions, "download" | "cacheDir" | "onDownload"> {
  /** A channel's index, 0 to 63, or `"mix"`: all in one. Default `"mix"`. */
  channels?: "mix" | number;
  /** Name or path of a VAD model. Default: the one that comes with the package. */
  vadModel?: string;
}

const { track, limits, timeout, signal } = REQUEST_CHECKS;
const { download, cacheDir, onDownload } = TRANSCRIBER_CHECKS;
const OF_LOADING = { vadModel: text(1, 4096), download, cacheDir, onDownload };
const OF_RECORDING = { channels: oneTrack, track, limits, timeout, signal };
const CHECKS: Checks<DetectSpeechOptions> = { ...VAD_CHECKS, ...OF_LOADING, ...OF_RECORDING };

/**
 * Where somebody speaks in a recording, as `vadFilter` finds it: the stretches that would be transcribed, with their pads.
 * @throws TranscriptionError INVALID_ARGUMENT, and all that reading a recording and loading a model throw
 */
export async function detectSpeech(
  input: AudioInput,
  options: DetectSpeechOptions = {},
): Promise<SpeechDetection> {
  const startedAt = performance.now();
  const { rules, loading, request } = resolve(options);
  return withRecording(input, request, request.channels, loading, async (audio, { findVad, scope }) => {
    const regions = await regionsOf(audio, await findVad(), new SpeechRegions(rules), scope);
    return {
      speech: regions.map(({ start, end }) => ({ start: start / SAMPLE_RATE, end: end / SAMPLE_RATE })),
      duration: audio.duration,
      processingTime: (performance.now() - startedAt) / 1000,
      warnings: [...audio.warnings],
    };
  });
}

function resolve(options: DetectSpeechOptions) {
  if (typeof options === "object" && options !== null) refuseOthers(options, CHECKS, "finding speech");
  const checked = checkOptions("options", options, CHECKS);
  return {
    rules: resolveVadOptions(picked(checked, VAD_CHECKS), ""),
    loading: picked(checked, OF_LOADING),
    request: resolveRequest(picked(checked, OF_RECORDING)),
  };
}

/** In samples of the first track. */
async function regionsOf(
  audio: DecodedAudio,
  vad: VadModel,
  rules: SpeechRegions,
  scope: RequestScope,
): Promise<Region[]> {
  const session = new LevelledVad(vad);
  const regions: Region[] = [];
  let length = 0;
  try {
    for await (const [samples] of audio.blocks()) {
      scope.throwIfEnded();
      length += samples!.length;
      regions.push(...rules.push(await session.push(samples!)));
    }
    regions.push(...rules.push(await session.flush()), ...rules.flush(length));
    return regions;
  } finally {
    session.close();
  }
}
