import { type RoleOptions, TranscriptionError, type VoiceOptions } from "../index.js";
import type { CliContext } from "./context.js";
import { describeFor } from "./messages.js";

/**
 * What is known of the roles, with the voices of sellers, each of whom is heard alone in a recording. Once for all files.
 * @param recordings paths
 * @throws TranscriptionError that names the recording
 */
export async function rolesWithVoices(
  roles: boolean | RoleOptions | undefined,
  recordings: readonly string[],
  options: VoiceOptions,
  { api, signal }: CliContext,
): Promise<boolean | RoleOptions | undefined> {
  if (recordings.length === 0) return roles;
  const sellerVoices: (readonly number[])[] = [];
  for (const recording of recordings) {
    try {
      sellerVoices.push(await api.voiceOf(recording, { ...options, signal }));
    } catch (error) {
      const { code } = TranscriptionError.from(error);
      const message = `--seller-voice ${describeFor(recording, error)}`;
      throw new TranscriptionError(code, message, { cause: error });
    }
  }
  return { ...(typeof roles === "object" && roles), sellerVoices };
}
