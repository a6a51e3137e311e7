import { randomInt } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { TranscriptionError } from "../../index.js";
import { variableOf } from "../settings.js";

/** What is known of a recording that is kept. */
export interface StoredRecording {
  id: string;
  /** As its client called it; plays no part in where it lies. */
  filename: string;
  /** Media type that it came with. */
  type: string;
  bytes: number;
  /** Of its bytes, in hexadecimal; undefined where it did not come through this server. */
  sha256: string | undefined;
  createdAt: Date;
}

/** A recording that is open: the file is its reader's to close. */
export interface OpenRecording {
  recording: StoredRecording;
  file: FileHandle;
}

/** Where recordings are kept for longer than a call. No client names a path or an address: only ids. */
export interface RecordingStore {
  /**
   * Keeps a copy of `file`, and nothing of it where `signal` fires before it is kept.
   * @throws RecordingsFull; TranscriptionError STORAGE_FAILED; the reason of `signal`
   */
  put(
    file: FileHandle,
    facts: { filename: string; type: string },
    signal?: AbortSignal,
  ): Promise<StoredRecording>;
  /** @returns undefined where there is none of that id. @throws TranscriptionError STORAGE_FAILED */
  stat(id: string): Promise<StoredRecording | undefined>;
  /** As {@link stat}. */
  open(id: string): Promise<OpenRecording | undefined>;
  /** @returns whether there was one */
  delete(id: string): Promise<boolean>;
  close(): void;
}

/** Recordings take all the room that they may. */
export class RecordingsFull extends TranscriptionError {
  constructor(most: number) {
    super(
      "STORAGE_FAILED",
      `The recordings that are kept take all the room that they may (${variableOf("recordingsMaxBytes")}, ${most} bytes): delete some`,
    );
  }
}

/** Ids of other systems are often numbers. No dot, so no way to another folder, and no ending. */
const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

export function isRecordingId(id: string): boolean {
  return ID.test(id);
}

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH = 22;

/** 131 bits that nobody guesses. */
export function newRecordingId(): string {
  return `rec_${Array.from({ length: LENGTH }, () => DIGITS[randomInt(DIGITS.length)]).join("")}`;
}
