/** Codecs whose files are nothing but frames, by FFmpeg's demuxers: MPEG audio of any layer, ADTS, AC-3, E-AC-3, DTS. */
export const FRAME_KINDS = ["mp3", "aac", "ac3", "eac3", "dts"] as const;
export type FrameKind = (typeof FRAME_KINDS)[number];

/** A frame by its header. */
export interface FrameHeader {
  kind: FrameKind;
  bytes: number;
  /** What must not change in the next one. */
  signature: number;
  sampleRate: number;
  /** Samples of a channel. */
  samples: number;
  /** Of MPEG audio, 1 to 3; 0 for the others. */
  layer: number;
  channels: number;
}

export function isFrameKind(name: string): name is FrameKind {
  return (FRAME_KINDS as readonly string[]).includes(name);
}
