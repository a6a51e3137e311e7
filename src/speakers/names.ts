/** `SPEAKER_00` for 0. */
export function speakerId(index: number): string {
  return `SPEAKER_${String(index).padStart(2, "0")}`;
}
