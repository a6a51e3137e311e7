import { type Checks, checkOptions, picked } from "./config/checks.js";
import { DIARIZATION_CHECKS, resolveDiarization } from "./config/diarization.js";
import {
  oneTrack,
  REQUEST_CHECKS,
  refuseOthers,
  resolveRequest,
  TRANSCRIBER_CHECKS,
} from "./config/options.js";
import { TranscriptionError } from "./errors.js";
import { withRecording } from "./pipeline/with-recording.js";
import { withSpeakers } from "./pipeline/with-speakers.js";
import type { AudioInput } from "./types/audio.js";
import type { TranscribeOptions, TranscriberOptions } from "./types/options.js";
import type { DiarizationOptions, DiarizationResult, RoleOptions } from "./types/speakers.js";

/** Options of {@link diarize}. */
export interface DiarizeOptions
  extends DiarizationOptions,
    Pick<TranscribeOptions, "track" | "limits" | "timeout" | "signal">,
    Pick<TranscriberOptions, "threads" | "download" | "cacheDir" | "onDownload"> {
  /** A channel's index, 0 to 63, or `"mix"`: all in one. Default: parties on two channels apart, else mixed. */
  channels?: "mix" | number;
  /** What is known of the roles; what is said is not. Default: none. */
  roles?: RoleOptions;
}

/** Options of {@link voiceOf}: those of {@link diarize} about the recording and the model. */
export type VoiceOptions = Omit<
  DiarizeOptions,
  "engine" | "numSpeakers" | "minSpeakers" | "maxSpeakers" | "embeddings" | "knownVoices" | "roles"
>;

const { track, limits, timeout, signal, roles } = REQUEST_CHECKS;
const { threads, cacheDir, onDownload } = TRANSCRIBER_CHECKS;
const OF_LOADING = { threads, cacheDir, onDownload };
const OF_RECORDING = { channels: oneTrack, track, limits, timeout, signal, roles };
const CHECKS = { ...DIARIZATION_CHECKS, ...OF_LOADING, ...OF_RECORDING } as Checks<DiarizeOptions>;

/** Seconds of speech that a voice needs. */
const LEAST_SPEECH = 1;

/**
 * Who speaks when in a recording, without its text.
 * @throws TranscriptionError INVALID_ARGUMENT, and all that reading a recording and loading a model throw
 */
export async function diarize(input: AudioInput, options: DiarizeOptions = {}): Promise<DiarizationResult> {
  const startedAt = performance.now();
  const { loading, request, selection } = resolve(options);
  return withRecording(input, request, selection, loading, (audio, means) =>
    withSpeakers(audio, request, { loading, ...means }, async (parties, pass) => {
      const { scope } = means;
      try {
        for await (const block of parties.blocks()) {
          scope.throwIfEnded();
          await pass.push(block, scope.signal);
        }
        const { turns, speakers, warnings } = await pass.finish([], scope.signal);
        return {
          turns,
          speakers,
          duration: parties.duration,
          processingTime: (performance.now() - startedAt) / 1000,
          warnings: [...parties.warnings, ...warnings],
        };
      } finally {
        pass.close();
      }
    }),
  );
}

function resolve(options: DiarizeOptions) {
  if (typeof options === "object" && options !== null)
    refuseOthers(options, CHECKS, "telling speakers apart");
  const checked = checkOptions<DiarizeOptions>("options", options, CHECKS);
  const diarization = picked(checked, DIARIZATION_CHECKS);
  // By the names that the options have here: there they are those of `diarize`.
  resolveDiarization(diarization, "");
  return {
    loading: { ...picked(checked, OF_LOADING), ...picked(checked, { download: true }) },
    request: resolveRequest({ ...picked(checked, OF_RECORDING), diarize: diarization }),
    selection: checked.channels ?? ("parties" as const),
  };
}

/**
 * The voice of the one who speaks in a recording, as a vector of unit length: for `roles.sellerVoices`, to know a seller
 * again, and for `knownVoices`. Ten seconds of nobody else's speech are enough; channels are mixed unless one is named.
 * @throws TranscriptionError INVALID_ARGUMENT also where nobody speaks for a second, and all that {@link diarize} throws
 */
export async function voiceOf(input: AudioInput, options: VoiceOptions = {}): Promise<readonly number[]> {
  const { speakers } = await diarize(input, {
    channels: "mix",
    ...options,
    engine: "community",
    numSpeakers: 1,
    embeddings: true,
  });
  const [speaker] = speakers;
  if (speaker?.embedding && speaker.talkTime >= LEAST_SPEECH) return speaker.embedding;
  throw new TranscriptionError(
    "INVALID_ARGUMENT",
    `Expected somebody who speaks for at least ${LEAST_SPEECH} s in the recording of a voice but heard ${speaker?.talkTime ?? 0} s`,
    { option: "input" },
  );
}
