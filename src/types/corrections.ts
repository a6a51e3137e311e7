import type { SpeakerRole } from "./speakers.js";

/** One thing that somebody has put right about a result. Segments and speakers are named by their `id`. */
export type Correction =
  /** What is said in a segment, all of it; empty: nothing is, and the segment goes. */
  | { op: "text"; segment: number; text: string }
  /** Who says a segment: somebody who is heard, or one more by a free id, `SPEAKER_02`. */
  | { op: "speaker"; segment: number; speaker: string }
  /** What a speaker is called, 1 to 200 characters; empty: no longer anything. */
  | { op: "name"; speaker: string; name: string }
  /** Who a speaker is. */
  | { op: "role"; speaker: string; role: SpeakerRole | null }
  /** Two speakers are one, who goes by `into`. */
  | { op: "merge"; speaker: string; into: string };
