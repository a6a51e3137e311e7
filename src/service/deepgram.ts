import { createHash } from "node:crypto";
import { type ModelInfo, VERSION, type Word } from "../index.js";

/** A word as Deepgram writes it, without who says it. */
export interface DeepgramWord {
  /** In small letters, without punctuation. */
  word: string;
  start: number;
  end: number;
  confidence: number;
  punctuated_word: string;
}

export function deepgramWord({ confidence, end, start, text }: Word): DeepgramWord {
  const word = text.toLowerCase().replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, "");
  return { word: word === "" ? text : word, start, end, confidence, punctuated_word: text };
}

/** Number of a speaker: 2 of `SPEAKER_02`. */
export function deepgramSpeaker(id: string): number {
  return Number(id.slice(id.lastIndexOf("_") + 1));
}

/** Words to expect, of both of the parameters that name them. */
export function keywordsOf(keyterms: readonly string[], keywords: readonly string[]): string[] {
  // How much to expect them stands behind a colon.
  return [...keyterms, ...keywords.map((word) => word.replace(/:[-\d.]+$/, ""))].filter(
    (word) => word.trim() !== "",
  );
}

/** What Deepgram's metadata says of a model. */
export function deepgramModel({ name, type }: Pick<ModelInfo, "name" | "type">) {
  return { model_info: { name, version: VERSION, arch: type }, model_uuid: uuidOf(name) };
}

/** The same for the same model. */
function uuidOf(name: string): string {
  const hex = createHash("sha256").update(name).digest("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}
