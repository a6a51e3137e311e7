import type { SpeakerRole } from "./speakers.js";

/** What is said in a segment. */
export interface TextCorrection {
  /** That this is about the text of a segment. */
  op: "text";
  /** `id` of the segment. */
  segment: number;
  /** All that is said in it; empty: nothing is, and the segment goes. */
  text: string;
}

/** Who says a segment. */
export interface SpeakerCorrection {
  /** That this is about the speaker of a segment. */
  op: "speaker";
  /** `id` of the segment. */
  segment: number;
  /** `id` of somebody who is heard, or of one more: a free one, as `SPEAKER_02`. */
  speaker: string;
}

/** What a speaker is called. */
export interface NameCorrection {
  /** That this is about the name of a speaker. */
  op: "name";
  /** `id` of the speaker. */
  speaker: string;
  /** 1 to 200 characters; empty: no longer anything. */
  name: string;
}

/** Who a speaker is. */
export interface RoleCorrection {
  /** That this is about the role of a speaker. */
  op: "role";
  /** `id` of the speaker. */
  speaker: string;
  /** `null`: not known. */
  role: SpeakerRole | null;
}

/** Two speakers are one. */
export interface MergeCorrection {
  /** That two speakers are one. */
  op: "merge";
  /** `id` of the one who goes. */
  speaker: string;
  /** `id` of the one who stays. */
  into: string;
}

/** One thing that somebody has put right about a result. */
export type Correction =
  | TextCorrection
  | SpeakerCorrection
  | NameCorrection
  | RoleCorrection
  | MergeCorrection;
