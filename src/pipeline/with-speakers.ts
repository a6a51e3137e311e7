import type { ResolvedDiarization } from "../config/diarization.js";
import type { ResolvedRequest } from "../config/options.js";
import { namedDiarizationModel } from "../engine/loading.js";
import { invalidArgument, TranscriptionError } from "../errors.js";
import { ChannelPass } from "../speakers/channel-pass.js";
import { DiarizerPass } from "../speakers/diarizer-pass.js";
import { Parties } from "../speakers/parties.js";
import type { SpeakerPass } from "../speakers/speaker-pass.js";
import type { DecodedAudio } from "../types/audio.js";
import type { VadModel } from "../types/engine.js";
import type { TranscriberOptions } from "../types/options.js";
import type { Diarizer, RoleOptions } from "../types/speakers.js";
import { KEEP_DIARIZER, leaseDiarizer } from "./lease-diarizer.js";
import { newRequestNumber } from "./request-number.js";
import type { RequestScope } from "./request-scope.js";
import { VoiceTurns } from "./voice-turns.js";

/** What a recording's speakers are told apart with. */
export interface SpeakerMeans {
  /** How models are loaded. */
  loading: TranscriberOptions;
  /** The VAD model that finds the turns on channels; undefined where there is none. Asked where they are needed. */
  findVad: () => Promise<VadModel | undefined>;
  scope: RequestScope;
}

/**
 * Does `work` with a track for each party, or with what tells the speakers of one track apart.
 * @param audio opened with `channels: "parties"`, or as the request says; stays open
 * @throws TranscriptionError what `work` and loading a model throw
 */
export async function withSpeakers<T>(
  audio: DecodedAudio,
  request: Pick<ResolvedRequest, "channels" | "diarize" | "roles" | "window">,
  { loading, findVad, scope }: SpeakerMeans,
  work: (audio: DecodedAudio, speakers: SpeakerPass) => Promise<T>,
): Promise<T> {
  const diarize = request.diarize!;
  const { roles } = request;
  const isEach = request.channels === "each" && audio.trackCount > 1;
  const parties = isEach ? audio : await Parties.of(audio);
  const areApart = isEach || (parties as Parties).areApart;
  // A party on each channel needs no model, unless their voices are wanted.
  const isNamed = namedDiarizationModel(diarize) !== undefined;
  const compares = roles?.sellerVoices !== undefined || diarize.knownVoices !== undefined;
  const makesVoices = diarize.engine !== "nemotron";
  const given = voicesOf(diarize, roles);
  // No model is fetched to say so.
  if (!makesVoices) checkVoices(given, undefined);
  const wantsVoices = (diarize.embeddings && isNamed && makesVoices) || compares;
  // Only one engine compares voices.
  const wanted = compares && !isNamed ? { ...diarize, engine: diarize.engine ?? "community" } : diarize;
  const lease = areApart && !wantsVoices ? undefined : await leaseDiarizer(wanted, loading, scope);
  try {
    if (lease) checkVoices(given, lease.value.voices);
    const options = { diarize, roles };
    // Of its own: it takes turns with the windows of the same recording.
    const turn = { request: newRequestNumber(), priority: request.window.priority };
    if (!areApart) return await work(parties, new DiarizerPass(lease!.value, turn, options));
    const vad = await findVad();
    scope.throwIfEnded();
    const { trackCount } = parties;
    const turns = vad && new VoiceTurns(trackCount, vad);
    const diarizer = lease?.value.voices && lease.value;
    return await work(parties, new ChannelPass({ trackCount, turns, diarizer, turn }, options));
  } finally {
    await lease?.release(KEEP_DIARIZER);
  }
}

/** The voices that are given, by the names of what holds them and of each. */
function voicesOf(
  { knownVoices = {} }: Pick<ResolvedDiarization, "knownVoices">,
  { sellerVoices = [] }: RoleOptions = {},
): GivenVoice[] {
  const [known, sellers] = ["diarize.knownVoices", "roles.sellerVoices"];
  return [
    ...Object.entries(knownVoices).map(([name, voice]) => ({ of: known, name: `${known}.${name}`, voice })),
    ...sellerVoices.map((voice, index) => ({ of: sellers, name: `${sellers}[${index}]`, voice })),
  ];
}

interface GivenVoice {
  of: string;
  name: string;
  voice: readonly number[];
}

/** @throws TranscriptionError INVALID_ARGUMENT for voices that are not the model's */
function checkVoices(given: readonly GivenVoice[], voices: Diarizer["voices"]): void {
  const [first] = given;
  if (!first) return;
  if (!voices) {
    throw new TranscriptionError(
      "INVALID_ARGUMENT",
      `Expected no ${first.of}: the diarization model has no vectors of voices`,
      { option: first.of },
    );
  }
  const wrong = given.find(({ voice }) => voice.length !== voices.size);
  if (!wrong) return;
  const expected = `${voices.size} numbers, as the diarization model's voices have,`;
  throw invalidArgument(wrong.name, expected, `${wrong.voice.length} numbers`);
}
