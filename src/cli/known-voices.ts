import {
  type DiarizationOptions,
  type RoleOptions,
  type TranscribeOptions,
  TranscriptionError,
  type VoiceOptions,
} from "../index.js";
import type { CliContext } from "./context.js";
import { describeFor } from "./messages.js";
import type { KnownVoice } from "./option-values.js";
import type { VoiceFlags } from "./settings.js";

/**
 * Options about speakers, with the voices that are to be known, each of whom is heard alone in a recording. Once for all
 * files.
 * @throws TranscriptionError that names the flag and the recording
 */
export async function withVoices(
  given: TranscribeOptions,
  { sellerVoice = [], knownVoice = [] }: VoiceFlags,
  options: VoiceOptions,
  context: CliContext,
): Promise<TranscribeOptions> {
  const sellerVoices: (readonly number[])[] = [];
  for (const path of sellerVoice)
    sellerVoices.push(await voiceIn(path, `--seller-voice ${path}`, options, context));
  const known: (readonly [string, readonly number[]])[] = [];
  for (const { name, path } of knownVoice)
    known.push([name, await voiceIn(path, `--known-voice ${name}=${path}`, options, context)]);
  const { diarize, roles } = given;
  return {
    ...given,
    ...(known.length > 0 && { diarize: { ...settingsIn(diarize), knownVoices: Object.fromEntries(known) } }),
    ...(sellerVoices.length > 0 && { roles: { ...settingsIn(roles), sellerVoices } }),
  };
}

function settingsIn<T extends DiarizationOptions | RoleOptions>(
  option: boolean | T | undefined,
): T | undefined {
  return typeof option === "object" ? option : undefined;
}

async function voiceIn(
  path: KnownVoice["path"],
  flag: string,
  options: VoiceOptions,
  { api, signal }: CliContext,
): Promise<readonly number[]> {
  try {
    return await api.voiceOf(path, { ...options, signal });
  } catch (error) {
    const { code } = TranscriptionError.from(error);
    throw new TranscriptionError(code, describeFor(flag, error), { cause: error });
  }
}
