import type { FileHandle } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { type Transcriber, TranscriptionError, type TranscriptionResult } from "../../index.js";
import { Call, ClientGone, Unavailable } from "../call/call.js";
import type { KnownSpeaker } from "../known-speakers.js";
import type { OpenRecording } from "../recordings/store.js";
import type { Service } from "../service.js";
import { cut } from "../text.js";
import { withVariableNames } from "../told-settings.js";
import type { Work } from "../workers.js";
import { type Job, type JobError, type JobSummary, NotWanted } from "./job.js";
import type { JobStorage } from "./job-storage.js";
import type { Attempt, Outcome } from "./store.js";

/** What may go better the next time: no fault of the recording's, nor of what was asked. */
const PASSING: readonly string[] = [
  "STORAGE_FAILED",
  "OUT_OF_MEMORY",
  "DEVICE_UNAVAILABLE",
  "DECODER_UNAVAILABLE",
];
/** Milliseconds before another look for a worker or for room, and before a result is written again, at first. */
const BUSY = 1000;
const WRITE_AGAIN = 500;
/** Times that a result is written before its work is thrown away. */
const WRITES = 4;
const LONGEST_MESSAGE = 1000;
/** Milliseconds by which clocks of machines that share jobs may differ. */
const CLOCKS_DIFFER = 2000;

/** Works on jobs as a door does on calls: with the same queue, limits, log and end. */
export class JobRunner {
  readonly #service: Service;
  readonly #storage: JobStorage;

  constructor(service: Service, storage: JobStorage) {
    this.#service = service;
    this.#storage = storage;
  }

  /** Does one job, once. Does not throw. */
  async run(job: Job, attempt: Attempt): Promise<Outcome> {
    const call = new Call(job.id, "job", job.peer);
    const leave = () => call.fail(new ClientGone((attempt.signal.reason as Error).message));
    attempt.signal.addEventListener("abort", leave, { once: true });
    if (attempt.signal.aborted) leave();
    this.#service.calls.add(call);
    call.markReading();
    call.markReceived();
    call.bytes = job.recording.bytes ?? 0;
    let outcome: Outcome = { type: "returned" };
    try {
      const before =
        job.attempts > 1 ? await this.#storage.results.get(job.id).catch(() => undefined) : undefined;
      // Whoever had it before has ended between the result and the word of it.
      if (before) return { type: "succeeded", summary: summaryOf(before) };
      await call.attempt(
        () => this.#work(job, attempt, call),
        (work) => {
          this.#service.logSuccess(call, work);
          outcome = {
            type: "succeeded",
            summary: { ...summaryOf(work.result), processing: work.processing },
          };
        },
        (reason) => {
          outcome = this.#failed(call, reason);
        },
      );
    } finally {
      attempt.signal.removeEventListener("abort", leave);
      this.#service.calls.end(call);
    }
    const { reason } = attempt.signal;
    // What somebody else does now is theirs.
    if (reason instanceof NotWanted && reason.isCancelled)
      await this.#storage.results.delete(job.id).catch(() => {});
    return outcome;
  }

  async #work(job: Job, attempt: Attempt, call: Call): Promise<Work> {
    const { options, languages, model, speakersIfPossible } = job.request;
    this.#requireTime(job);
    const deadline = { timeout: options.timeout, timeoutName: "timeout" };
    const opened = await this.#open(job, call);
    try {
      const knownSpeakers = await this.#speakersOf(job, call);
      const transcribe = (transcriber: Transcriber, file: FileHandle) =>
        this.#service.transcribe(
          call,
          file,
          {
            transcriber,
            ...options,
            ...(languages && { languages }),
            ...(knownSpeakers && { knownSpeakers }),
            ...(speakersIfPossible && { speakersIfPossible }),
            onProgress: ({ processed, speedFactor, total }) =>
              attempt.progress({ processed, total, speedFactor }),
            onSegment: (segment) => attempt.segment(segment),
          },
          deadline.timeoutName,
        );
      const work = await this.#patiently(call, () =>
        this.#service.withFile(call, opened, (file) =>
          // Once it is here it stays: another system is not asked for it again for want of a worker.
          this.#patiently(call, () =>
            this.#service.withModel(call, model, (transcriber) => transcribe(transcriber, file), deadline),
          ),
        ),
      );
      // Of one that stood still for so long that somebody else has the job nothing is kept; where nobody tells, it is.
      await attempt.check().catch(() => {});
      call.signal.throwIfAborted();
      await this.#keep(job, work, call);
      return work;
    } finally {
      await opened.close();
    }
  }

  /** @throws TranscriptionError DEADLINE_EXCEEDED */
  #requireTime({ deadline }: Job): void {
    const slack = this.#service.settings.queueUrl === undefined ? 0 : CLOCKS_DIFFER;
    if (deadline === undefined || Date.now() <= deadline + slack) return;
    const message = `The job's deadline had passed before its turn came: ${new Date(deadline).toISOString()}`;
    throw new TranscriptionError("DEADLINE_EXCEEDED", message);
  }

  async #open({ recording }: Job, { signal }: Call): Promise<OpenRecording> {
    const source = recording.isKept ? this.#service.recordings : this.#storage.recordings;
    const found = await source?.open(recording.id, signal);
    if (found) return found;
    const message = `The recording ${recording.id} is not there any more`;
    throw new TranscriptionError("FILE_NOT_FOUND", message);
  }

  async #speakersOf({ request }: Job, call: Call): Promise<KnownSpeaker[] | undefined> {
    if (!request.knownSpeakers) return undefined;
    const memory = this.#service.budgets.memory.open(call);
    const speakers: KnownSpeaker[] = [];
    for (const { name, recordingId } of request.knownSpeakers) {
      const voice = await this.#storage.recordings.open(recordingId);
      if (!voice)
        throw new TranscriptionError("FILE_NOT_FOUND", `The voice of ${cut(name)} is not there any more`);
      try {
        await this.#patiently(call, () => memory.wait(voice.recording.bytes ?? 0));
        speakers.push({ name, recording: await buffer(await voice.read(undefined, call.signal)) });
      } finally {
        await voice.close();
      }
    }
    return speakers;
  }

  /** Does `work`, when there is room for it: a job has been accepted and waits where a call would be refused. */
  async #patiently<T>(call: Call, work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (call.signal.aborted || TranscriptionError.from(error).code !== "QUEUE_FULL") throw error;
        await call.race(sleep(BUSY));
      }
    }
  }

  async #keep(job: Job, { result }: Work, call: Call): Promise<void> {
    for (let writes = 1; ; writes++) {
      try {
        return await this.#storage.results.put(job.id, result);
      } catch (error) {
        if (writes === WRITES) throw error;
        await call.race(sleep(WRITE_AGAIN * 2 ** writes));
      }
    }
  }

  #failed(call: Call, reason: unknown): Outcome {
    const leaving = leavingOf(reason);
    const error = leaving ? undefined : errorOf(call.id, reason);
    const told = leaving ?? (reason instanceof Error ? reason : TranscriptionError.from(reason));
    this.#service.logFailure(call, told, error?.message ?? told.message, error?.code ?? "CANCELLED");
    if (!error) return { type: "returned" };
    return { type: PASSING.includes(error.code) ? "again" : "failed", error };
  }
}

/** Why a job was left, no fault of its own: cancelled, which its state says, or at the server's end, where models are closed. */
function leavingOf(reason: unknown): ClientGone | Unavailable | undefined {
  if (reason instanceof ClientGone || reason instanceof Unavailable) return reason;
  const { code, message } = TranscriptionError.from(reason);
  return code === "CANCELLED" ? new Unavailable(message) : undefined;
}

function summaryOf({ duration, language, model, stats }: TranscriptionResult): JobSummary {
  return { duration, language, model, processing: stats.processingTime };
}

/** What the client of a job is told of its failure; of a defect the log alone tells more. */
function errorOf(id: string, reason: unknown): JobError {
  const { code, message, option } = TranscriptionError.from(reason);
  const told =
    code === "INTERNAL" ? `Internal error, see ${id} in the server's log` : withVariableNames(message);
  return { code, message: cut(told, LONGEST_MESSAGE), ...(option !== undefined && { option }) };
}
