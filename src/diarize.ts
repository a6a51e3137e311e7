import { openAudio } from "./audio/open.js";
import type { ResolvedDiarization } from "./config/diarization.js";
import { resolveRequest, resolveTranscriberOptions } from "./config/options.js";
import { acquireDiarizer, acquireVad } from "./engine/loading.js";
import { RequestScope } from "./pipeline/request-scope.js";
import { voiceTurns } from "./pipeline/voice-turns.js";
import { Parties } from "./speakers/parties.js";
import { assignRoles } from "./speakers/roles.js";
import { namedTurns, speakersOf } from "./speakers/turns.js";
import { speakerWarnings } from "./speakers/warnings.js";
import type { AudioInput, DecodedAudio } from "./types/audio.js";
import type { TranscribeOptions, TranscriberOptions } from "./types/options.js";
import type {
  DiarizationOptions,
  DiarizationResult,
  Diarizer,
  RoleOptions,
  SpeakerTurn,
} from "./types/speakers.js";

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

interface FoundTurns {
  turns: SpeakerTurn[];
  embeddings: readonly Float32Array[];
  /** What told the speakers apart; undefined: their channels. */
  diarizer: Diarizer | undefined;
}

/** Seconds that the model is kept loaded for the next call. */
const KEEP_LOADED = 30;

/**
 * Who speaks when in a recording, without its text.
 * @throws TranscriptionError INVALID_ARGUMENT, and all that reading a recording and loading a model throw
 */
export async function diarize(input: AudioInput, options: DiarizeOptions = {}): Promise<DiarizationResult> {
  const startedAt = performance.now();
  const { engine, model, numSpeakers, minSpeakers, maxSpeakers, embeddings, roles, channels, ...rest } =
    options;
  const { threads, download, cacheDir, onDownload, ...others } = rest;
  const diarization = Object.fromEntries(
    Object.entries({ engine, model, numSpeakers, minSpeakers, maxSpeakers, embeddings }).filter(
      ([, value]) => value !== undefined,
    ),
  ) as DiarizationOptions;
  const request = resolveRequest({ ...others, channels, diarize: diarization, ...(roles && { roles }) });
  const loading = resolveTranscriberOptions({ threads, download, cacheDir, onDownload });
  const scope = new RequestScope(request.signal, request.timeout);
  let audio: DecodedAudio | undefined;
  try {
    scope.throwIfEnded();
    const selection = channels === undefined ? "parties" : request.channels;
    audio = await openAudio(input, {
      channels: selection,
      track: request.track,
      limits: request.limits,
      signal: scope.signal,
    });
    const parties = await Parties.of(audio);
    const found: FoundTurns = parties.areApart
      ? { turns: await turnsByChannel(parties, loading, scope), embeddings: [], diarizer: undefined }
      : await diarizeMixed(parties, request.diarize!, loading, scope);
    const speakers = speakersOf(found.turns, request.diarize!.embeddings ? found.embeddings : []);
    return {
      turns: found.turns,
      speakers: request.roles ? assignRoles(speakers, channelsOf(found.turns), request.roles) : speakers,
      duration: parties.duration,
      processingTime: (performance.now() - startedAt) / 1000,
      warnings: [...parties.warnings, ...speakerWarnings(speakers.length, request.diarize!, found.diarizer)],
    };
  } catch (error) {
    throw scope.fail(error);
  } finally {
    scope.close();
    await audio?.close();
  }
}

async function turnsByChannel(
  audio: DecodedAudio,
  options: TranscriberOptions,
  scope: RequestScope,
): Promise<SpeakerTurn[]> {
  const lease = (await acquireVad(true, options, scope.signal))!;
  try {
    return await voiceTurns(audio, lease.value, scope.signal);
  } finally {
    await lease.release(KEEP_LOADED);
  }
}

async function diarizeMixed(
  audio: DecodedAudio,
  request: ResolvedDiarization,
  options: TranscriberOptions,
  scope: RequestScope,
): Promise<FoundTurns> {
  const lease = await acquireDiarizer(request, options, scope.signal);
  const session = lease.value.createSession();
  try {
    for await (const [samples] of audio.blocks()) {
      scope.throwIfEnded();
      await session.push(samples!, scope.signal);
    }
    const { turns, embeddings } = await session.finish(request.count, scope.signal);
    return { turns: namedTurns(turns), embeddings, diarizer: lease.value };
  } finally {
    session.close();
    await lease.release(KEEP_LOADED);
  }
}

/** For roles by channel and by who speaks first, without words. */
function channelsOf(turns: readonly SpeakerTurn[]) {
  return turns.map(({ speaker, channel }) => ({
    speaker,
    text: "",
    ...(channel !== undefined && { channel }),
  }));
}
