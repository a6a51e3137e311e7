import { invalidArgument } from "../errors.js";
import {
  DIARIZATION_ENGINES,
  type DiarizationEngine,
  type DiarizationOptions,
  type RoleOptions,
  SPEAKER_ROLES,
  type SpeakerCount,
  type SpeakerRole,
} from "../types/speakers.js";
import {
  boolean,
  type Check,
  type Checks,
  checkOptions,
  integer,
  listOf,
  number,
  oneOf,
  text,
} from "./checks.js";
import { MAX_CHANNELS } from "./limits.js";

const MAX_SPEAKERS = 1000;
const MAX_VOICES = 1000;
/** Above the size of any encoder's vectors. */
const MAX_VOICE_SIZE = 8192;
const MAX_NAME_LENGTH = 200;

/** {@link DiarizationOptions}, checked. */
export interface ResolvedDiarization {
  /** Undefined: none was named. */
  engine: DiarizationEngine | undefined;
  /** Undefined: none was named. */
  model: string | undefined;
  count: SpeakerCount;
  embeddings: boolean;
  /** By name; undefined: none are known. */
  knownVoices: NonNullable<DiarizationOptions["knownVoices"]> | undefined;
  /** Undefined: as for other models. */
  download: boolean | undefined;
}

const voice: Check<readonly number[]> = (name, value) => {
  const values = listOf(number(-1e6, 1e6), 1, MAX_VOICE_SIZE)(name, value);
  if (values.some((each) => each !== 0)) return values;
  throw invalidArgument(name, "a voice", "zeros alone");
};

const voicesByName: Check<NonNullable<DiarizationOptions["knownVoices"]>> = (name, value) => {
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
  if (entries.length === 0 || entries.length > MAX_VOICES || Array.isArray(value))
    throw invalidArgument(name, `an object of 1 to ${MAX_VOICES} voices by their names`, value);
  for (const [key] of entries) text(1, MAX_NAME_LENGTH)(name, key);
  return Object.fromEntries(entries.map(([key, given]) => [key, voice(`${name}.${key}`, given)]));
};

export const DIARIZATION_CHECKS: Checks<DiarizationOptions> = {
  engine: oneOf(...DIARIZATION_ENGINES),
  model: text(1, 4096),
  numSpeakers: integer(1, MAX_SPEAKERS),
  minSpeakers: integer(1, MAX_SPEAKERS),
  maxSpeakers: integer(1, MAX_SPEAKERS),
  embeddings: boolean,
  knownVoices: voicesByName,
  download: boolean,
};

const ROLE_CHECKS: Checks<RoleOptions> = {
  sellerChannel: integer(0, MAX_CHANNELS - 1),
  direction: oneOf("inbound", "outbound"),
  sellerVoices: listOf(voice, 1, MAX_VOICES),
  speakers: (name, value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw invalidArgument(name, "an object of speaker ids and roles", value);
    const role = oneOf<SpeakerRole>(...SPEAKER_ROLES);
    return Object.fromEntries(Object.entries(value).map(([id, given]) => [id, role(`${name}.${id}`, given)]));
  },
};

export const diarize: Check<boolean | DiarizationOptions> = (name, value) =>
  typeof value === "boolean" ? value : checkOptions(name, value, DIARIZATION_CHECKS, `${name}.`);

export const roles: Check<boolean | RoleOptions> = (name, value) =>
  typeof value === "boolean" ? value : checkOptions(name, value, ROLE_CHECKS, `${name}.`);

/**
 * @param parent what messages put before the names of options
 * @throws TranscriptionError INVALID_ARGUMENT for numbers of speakers that contradict each other
 */
export function resolveDiarization(
  given: boolean | DiarizationOptions | undefined,
  parent = "diarize.",
): ResolvedDiarization | undefined {
  if (given === undefined || given === false) return undefined;
  const {
    engine,
    model,
    numSpeakers,
    minSpeakers,
    maxSpeakers,
    embeddings = false,
    knownVoices,
    download,
  } = given === true ? {} : given;
  if (numSpeakers !== undefined && (minSpeakers !== undefined || maxSpeakers !== undefined)) {
    throw invalidArgument(
      `${parent}numSpeakers`,
      `no ${parent}minSpeakers or ${parent}maxSpeakers beside an exact number`,
      numSpeakers,
    );
  }
  if (minSpeakers !== undefined && maxSpeakers !== undefined && minSpeakers > maxSpeakers) {
    throw invalidArgument(
      `${parent}minSpeakers`,
      `at most ${parent}maxSpeakers, which is ${maxSpeakers},`,
      minSpeakers,
    );
  }
  return {
    engine,
    model,
    count: {
      ...(numSpeakers !== undefined && { exactly: numSpeakers }),
      ...(minSpeakers !== undefined && { least: minSpeakers }),
      ...(maxSpeakers !== undefined && { most: maxSpeakers }),
    },
    embeddings,
    knownVoices,
    download,
  };
}

/** Undefined: roles are not wanted. */
export function resolveRoles(given: boolean | RoleOptions | undefined): RoleOptions | undefined {
  if (given === undefined || given === false) return undefined;
  return given === true ? {} : given;
}
