import type { TranscriptionResult } from "../../../src/types/result.js";
import type { Party, Turn } from "./turns.js";

/** What a file is made of. */
export interface Written {
  title: string;
  result: TranscriptionResult;
  turns: readonly Turn[];
  parties: readonly Party[];
  /** Of the page. */
  language: string;
}
