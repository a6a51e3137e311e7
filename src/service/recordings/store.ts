import { randomInt } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import type { Readable } from "node:stream";
import { TranscriptionError } from "../../index.js";
import { variableOf } from "../settings.js";

/** What is known of a recording that is kept. */
export interface StoredRecording {
  id: string;
  /** As its client called it; plays no part in where it lies. */
  filename: string;
  /** Media type that it came with. */
  type: string;
  /** undefined where another system keeps it that does not tell. */
  bytes: number | undefined;
  /** Of its bytes, in hexadecimal; undefined where it did not come through this server. */
  sha256: string | undefined;
  /** undefined as {@link bytes}. */
  createdAt: Date | undefined;
}

/** Which of the recordings that are kept. */
export interface RecordingQuery {
  /** At most. */
  limit: number;
  /** Id of the one after which to go on. */
  after?: string | undefined;
}

/** Newest first. */
export interface RecordingPage {
  recordings: StoredRecording[];
  /** Whether there are more after them. */
  hasMore: boolean;
}

/** Bytes of a file from `start` to `end`, both included. */
export interface ByteRange {
  start: number;
  end: number;
}

/** A recording that is open: its reader's to close. */
export interface OpenRecording {
  recording: StoredRecording;
  /** Where it lies on a disk of this machine. */
  file: FileHandle | undefined;
  /**
   * All of it, or a range that it has, as it comes. What is read from is closed when all of it has been read, or the stream
   * is destroyed.
   * @throws TranscriptionError STORAGE_FAILED; the reason of `signal`
   */
  read(range?: ByteRange, signal?: AbortSignal): Promise<Readable>;
  /** Safe to call more than once, and after {@link read}. */
  close(): Promise<void>;
}

/** Where recordings are found. No client names a path or an address: only ids. */
export interface RecordingSource {
  /**
   * @returns undefined where there is none of that id
   * @throws TranscriptionError STORAGE_FAILED; the reason of `signal`
   */
  stat(id: string, signal?: AbortSignal): Promise<StoredRecording | undefined>;
  /** As {@link stat}. */
  open(id: string, signal?: AbortSignal): Promise<OpenRecording | undefined>;
  close(): void;
}

/** Where recordings are kept for longer than a call. */
export interface RecordingStore extends RecordingSource {
  /**
   * Keeps a copy of `file`, and nothing of it where `signal` fires before it is kept.
   * @throws RecordingsFull; TranscriptionError STORAGE_FAILED; the reason of `signal`
   */
  put(
    file: FileHandle,
    facts: { filename: string; type: string },
    signal?: AbortSignal,
  ): Promise<StoredRecording>;
  /**
   * Those that are kept, newest first, whoever has put them there.
   * @throws TranscriptionError INVALID_ARGUMENT where the one to go on after is not there any more; STORAGE_FAILED
   */
  list(query: RecordingQuery): Promise<RecordingPage>;
  /** @returns whether there was one. @throws TranscriptionError STORAGE_FAILED */
  delete(id: string): Promise<boolean>;
}

/** Whether recordings can be put there, too. */
export function isStore(source: RecordingSource): source is RecordingStore {
  return "put" in source;
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

/**
 * @param why for people, without anything that another system has written
 * @param variable setting that says where it is
 */
export function storeFailure(
  why: string,
  cause?: unknown,
  variable = variableOf("recordingsStore"),
): TranscriptionError {
  const message = `Cannot use the store of recordings (${variable}): ${why}`;
  return new TranscriptionError("STORAGE_FAILED", message, { cause });
}

/** Ids of other systems are often numbers. No dot, so no way to another folder, and no ending. */
const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

export function isRecordingId(id: string): boolean {
  return ID.test(id);
}

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH = 22;
const OURS = new RegExp(`^rec_[0-9A-Za-z]{${LENGTH}}$`);

/** 131 bits that nobody guesses. */
export function newRecordingId(): string {
  return `rec_${Array.from({ length: LENGTH }, () => DIGITS[randomInt(DIGITS.length)]).join("")}`;
}

/** Whether an id is one of {@link newRecordingId}. */
export function isOurId(id: string): boolean {
  return OURS.test(id);
}
