import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { TranscriptionError } from "../../index.js";
import type { KnownSpeaker } from "../known-speakers.js";
import { hashOf } from "../recordings/pieces.js";
import type { StoredRecording } from "../recordings/store.js";
import type { JobRequest, JobWebhook, Submission } from "./job.js";

/** What a door asks for. */
export interface JobOrder {
  /** One that came with it, or one of the server's recordings. */
  recording: { file: FileHandle; filename: string; type: string } | { kept: StoredRecording };
  request: Omit<JobRequest, "knownSpeakers">;
  knownSpeakers?: readonly KnownSpeaker[] | undefined;
  answer: Submission["answer"];
  metadata?: Submission["metadata"];
  /** Milliseconds since 1970 after which it is not begun any more. */
  deadline?: number | undefined;
  /** Who is told of its end: what the client says, and where the door has the result of a job. */
  webhook?: { url: string; secretId: string | undefined; resultUrl(id: string): string } | undefined;
  /** The same key with the same order gives the same job, while it is kept. */
  idempotencyKey?: string | undefined;
}

/** A key that came before with another order. */
export class IdempotencyKeyReused extends TranscriptionError {
  constructor() {
    super("INVALID_ARGUMENT", "This key came with another request before: take a new one for a new request", {
      option: "Idempotency-Key",
    });
  }
}

/** What an order is about: the id of a recording that is kept, or the hash of one that came with it. */
export function sourceOf(recording: JobOrder["recording"], signal: AbortSignal): Promise<string> | string {
  return "kept" in recording ? recording.kept.id : hashOf(recording.file, signal);
}

/** What is the same where an order is. @param source see {@link sourceOf} */
export function fingerprintOf(
  { answer, deadline, knownSpeakers, metadata, request }: JobOrder,
  source: string | undefined,
  webhook: JobWebhook | undefined,
): string {
  const voices = knownSpeakers?.map(({ name, recording }) => [
    name,
    createHash("sha256").update(recording).digest("hex"),
  ]);
  const parts = [source, voices, request, answer, metadata, webhook, deadline];
  // Without a deadline it is what it was before there were any.
  if (deadline === undefined) parts.pop();
  return digest("request", JSON.stringify(parts.map((part) => part ?? null))).toString("hex");
}

/** @param of what is digested: the same text for another purpose gives another */
export function digest(of: string, text: string): Buffer {
  return createHash("sha256").update(`${of}\0${text}`).digest();
}
