import type { AudioLimits } from "../types/audio.js";

/** Limits on one input where the caller sets none. */
export const DEFAULT_AUDIO_LIMITS: Readonly<AudioLimits> = {
  maxBytes: 4 * 1024 ** 3,
  maxDuration: 12 * 60 * 60,
  decodeTimeout: 600,
};

/** What a decoded recording may look like. Telephony starts at 8 kHz, studio formats end at 768 kHz. */
export const MIN_SAMPLE_RATE = 1_000;
export const MAX_SAMPLE_RATE = 768_000;
export const MAX_CHANNELS = 64;
