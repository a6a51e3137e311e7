/** Seconds left out as silence from which on a result says so. */
const MUCH = 10;

/** What a track left out as silence though it is not quite: a recording as loud as one and as soft as the other. */
export interface SkippedSound {
  skippedSound: number;
  /** Undefined where channels are not apart. */
  channel: number | undefined;
}

/** A warning for each track of which much was left out. */
export function skippedSoundWarnings(tracks: readonly SkippedSound[]): string[] {
  return tracks
    .filter(({ skippedSound }) => skippedSound >= MUCH)
    .map(({ skippedSound, channel }) => {
      const where = channel === undefined ? "" : ` of channel ${channel}`;
      return (
        `${skippedSound.toFixed(1)} s${where} were left out as silence: they lie 60 dB and more below the level of ` +
        "the recording"
      );
    });
}
