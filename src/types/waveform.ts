/** What a recording looks like, for drawing. */
export interface Waveform {
  /** Stretches a second. */
  perSecond: number;
  /** By channel: least and greatest sample of each stretch in turn, −127 to 127 for −1 to 1. */
  channels: Int8Array[];
  /** Seconds of audio. */
  duration: number;
  /** What was odd about the input but survivable. */
  warnings: string[];
}
