const PREFIX = "SPEAKER_";

/** `SPEAKER_00` for 0. */
export function speakerId(index: number): string {
  return `${PREFIX}${String(index).padStart(2, "0")}`;
}

/** 0 for `SPEAKER_00`: ids are in order of first speech by their numbers, not as texts (`SPEAKER_100`, `SPEAKER_99`). */
export function speakerNumber(id: string): number {
  return Number(id.slice(PREFIX.length));
}

/** Whether it is one that {@link speakerId} gives. */
export function isSpeakerId(id: string): boolean {
  const number = speakerNumber(id);
  return Number.isSafeInteger(number) && number >= 0 && id === speakerId(number);
}
