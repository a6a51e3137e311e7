/** Turns interleaved frames into the tracks to be transcribed. */
export interface ChannelSelector {
  readonly trackCount: number;
  /** All arrays are of one length, which may be less or more than that of `interleaved`. */
  select(interleaved: Float32Array): Float32Array[];
  /** What `select` still held back. */
  flush(): Float32Array[];
  /** What was odd about the channels, at the end. */
  warnings(): string[];
}
