import type { FileHandle } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import {
  applyCorrections,
  type Correction,
  TranscriptionError,
  type TranscriptionResult,
} from "../../index.js";
import type { Call } from "../call/call.js";
import type { KnownSpeaker } from "../known-speakers.js";
import { RareWarnings } from "../rare-warnings.js";
import { RecordingsFull, type StoredRecording } from "../recordings/store.js";
import type { Service } from "../service.js";
import { variableOf } from "../settings.js";
import type { JobCorrections } from "./corrections.js";
import {
  CRASHED,
  type FollowedEvent,
  type Job,
  type JobRecording,
  type JobVoice,
  type JobWebhook,
  jobIdOf,
  newJobId,
  recordingsOf,
  type Submission,
} from "./job.js";
import type { JobStorage } from "./job-storage.js";
import { openJobStorage } from "./open-storage.js";
import { digest, fingerprintOf, IdempotencyKeyReused, type JobOrder, sourceOf } from "./order.js";
import { JobRunner } from "./runner.js";
import type { Added, Cancelled, JobPage, JobQuery, JobStore, JobTally } from "./store.js";
import { WebhookSender } from "./webhooks/sender.js";
import { WebhookSecrets } from "./webhooks/signature.js";
import { WebhookTargets } from "./webhooks/targets.js";

/** Milliseconds between two looks for jobs that have expired, at most. */
const LOOK_EVERY = 60_000;
/** Milliseconds before a store that did not say whether it has kept a job is asked again. */
const ASK_AGAIN = 1000;

/**
 * Recordings that are transcribed while nobody waits for them: what a door has accepted is done, whatever becomes of its
 * client, of the connection and of the process.
 */
export class Jobs {
  readonly #service: Service;
  #opening: Promise<JobStorage> | undefined;
  /** Fires when no more is to be told to those who follow jobs. */
  readonly #closing = new AbortController();
  readonly #troubles: RareWarnings;
  #isStarted = false;
  #isExpiring = false;
  #sender: WebhookSender | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(service: Service) {
    this.#service = service;
    this.#troubles = new RareWarnings(service.log);
  }

  /** Opens what jobs are kept in, unless it is open. @throws TranscriptionError STORAGE_FAILED */
  async open(): Promise<void> {
    await this.#storage();
  }

  /** The model is loaded: jobs are worked on from now on. */
  start(): void {
    this.#isStarted = true;
    void this.#opening?.then((storage) => this.#consume(storage)).catch(() => {});
  }

  /**
   * Accepts a job. When it is answered it is kept, and survives the process.
   * @throws TranscriptionError QUEUE_FULL, STORAGE_FAILED; IdempotencyKeyReused; the reason of the call's signal
   */
  async submit(call: Call, order: JobOrder): Promise<Added> {
    const { store } = await this.#storage();
    const { idempotencyKey } = order;
    const id = idempotencyKey === undefined ? newJobId() : jobIdOf(digest("key", idempotencyKey));
    const webhook = order.webhook && this.#webhookOf(order.webhook, id);
    // What came before may be what leaves no room for it now.
    const before = idempotencyKey === undefined ? undefined : await store.get(id);
    if (before) {
      const same = fingerprintOf(order, await sourceOf(order.recording, call.signal), webhook);
      if (before.fingerprint !== same) throw new IdempotencyKeyReused();
      return { job: before, isNew: false };
    }
    const { submission, own } = await this.#submissionOf(call, order, id, webhook);
    let added: Added;
    try {
      call.signal.throwIfAborted();
      added = await store.add(submission);
    } catch (error) {
      // What has not answered may have kept it all the same.
      if (TranscriptionError.from(error).code === "STORAGE_FAILED")
        void this.#deleteUnlessKept(store, id, own);
      else await this.#deleteRecordings(own);
      throw error;
    }
    if (added.isNew) {
      this.#service.log.about(call.id).info(`Queued as ${added.job.id}`, { job: added.job.id });
      return added;
    }
    // Its like had them before.
    await this.#deleteRecordings(own);
    if (added.job.fingerprint !== submission.fingerprint) throw new IdempotencyKeyReused();
    return added;
  }

  async get(id: string): Promise<Job | undefined> {
    return (await this.#storage()).store.get(id);
  }

  async list(query: JobQuery): Promise<JobPage> {
    return (await this.#storage()).store.list(query);
  }

  async cancel(id: string): Promise<Cancelled | undefined> {
    const cancelled = await (await this.#storage()).store.cancel(id);
    if (cancelled?.isCancelled && cancelled.job.attempts === 0)
      this.#service.log.about(id, { method: "job", code: "CANCELLED" }).info("Cancelled while it waited");
    return cancelled;
  }

  /** @returns undefined where there is none, or not yet. @throws TranscriptionError STORAGE_FAILED */
  async result(id: string): Promise<TranscriptionResult | undefined> {
    return (await this.#storage()).results.get(id);
  }

  /** What has been put right about its result. @throws TranscriptionError STORAGE_FAILED */
  async corrections(id: string): Promise<JobCorrections> {
    return (await this.#storage()).corrections.get(id);
  }

  /**
   * Keeps what somebody has put right about a job's result, all of it; the result stays as it is.
   * @param replaced version that this takes the place of; undefined: whichever there is
   * @returns undefined where there is no result
   * @throws CorrectionsChanged; TranscriptionError INVALID_ARGUMENT that names a correction, STORAGE_FAILED
   */
  async correct(
    id: string,
    corrections: readonly Correction[],
    replaced: string | undefined,
  ): Promise<JobCorrections | undefined> {
    const storage = await this.#storage();
    const result = await storage.results.get(id);
    if (!result) return undefined;
    applyCorrections(result, corrections);
    return storage.corrections.put(id, corrections, replaced);
  }

  /** As `JobStore.follow`, until the server closes at the latest. */
  async *follow(id: string, after: number, signal: AbortSignal): AsyncGenerator<FollowedEvent, void> {
    const { store } = await this.#storage();
    const controller = new AbortController();
    const stop = () => controller.abort();
    for (const each of [signal, this.#closing.signal]) {
      if (each.aborted) stop();
      else each.addEventListener("abort", stop, { once: true });
    }
    try {
      yield* store.follow(id, after, controller.signal);
    } finally {
      signal.removeEventListener("abort", stop);
      this.#closing.signal.removeEventListener("abort", stop);
    }
  }

  /** undefined: no job has been kept yet. */
  async tally(): Promise<JobTally | undefined> {
    return (await this.#opening)?.store.tally();
  }

  /** Begins no more, and has those who follow leave. What is under way goes on. */
  pause(): void {
    clearTimeout(this.#timer);
    this.#closing.abort();
    void this.#opening?.then(({ store }) => store.pause()).catch(() => {});
  }

  /** When the service is drained: what was under way has ended or was handed back. */
  async close(): Promise<void> {
    this.pause();
    const storage = await this.#opening?.catch(() => undefined);
    await this.#sender?.close();
    await storage?.close();
  }

  #storage(): Promise<JobStorage> {
    if (!this.#opening) {
      this.#opening = openJobStorage(this.#service.settings, this.#service.jobRole, ({ code, message }) =>
        this.#troubles.warn(message, { method: "job", code }),
      );
      this.#opening.then(
        (storage) => this.#onOpen(storage),
        () => {
          // Told to who asked; the next one tries again.
          this.#opening = undefined;
        },
      );
    }
    return this.#opening;
  }

  #onOpen(storage: JobStorage): void {
    for (const job of storage.setAside) {
      this.#service.metrics.jobEnded(job.status, job.error?.code);
      this.#tellSetAside(job);
    }
    storage.store.onEnd(
      (job) => this.#ended(job),
      () => this.#sender?.wake(),
    );
    // Workers do jobs and nothing else: webhooks are servers', and so is what has ended.
    if (this.#service.jobRole !== "worker") this.#serve(storage);
    if (this.#isStarted) this.#consume(storage);
  }

  #serve(storage: JobStorage): void {
    this.#sender = new WebhookSender({
      store: storage.store.deliveries,
      settings: () => this.#service.settings,
      log: this.#service.log,
      onTried: (outcome) => this.#service.metrics.webhookTried(outcome),
    });
    this.#sender.wake();
    storage.store.watch();
    this.#expireSoon(storage);
  }

  #tellSetAside({ error, id, recording }: Job): void {
    this.#service.metrics.jobSetAside();
    const where = recording.isKept ? "" : `; its recording is kept as ${recording.id}`;
    this.#service.log
      .about(id, { method: "job", code: CRASHED })
      .error(`${error?.message}: set aside${where}`);
  }

  #consume(storage: JobStorage): void {
    if (this.#closing.signal.aborted || this.#service.jobRole === "server") return;
    const { jobsMaxRunning, maxWorkers } = this.#service.settings;
    const runner = new JobRunner(this.#service, storage);
    storage.store.consume({
      concurrency: Math.min(jobsMaxRunning, maxWorkers),
      run: (job, attempt) => runner.run(job, attempt),
    });
  }

  #ended(job: Job): void {
    this.#service.metrics.jobEnded(job.status, job.error?.code);
    if (job.webhook) this.#sender?.wake();
    if (job.error?.code === CRASHED) this.#tellSetAside(job);
    else void this.#deleteRecordings(recordingsOf(job));
    if (job.status !== "succeeded")
      void this.#storage()
        .then(({ results }) => results.delete(job.id))
        .catch(() => {});
  }

  #expireSoon(storage: JobStorage): void {
    const { jobsTtl } = this.#service.settings;
    this.#timer = setInterval(
      () => void this.#expire(storage).catch(() => {}),
      Math.min(LOOK_EVERY, jobsTtl * 500),
    ).unref();
  }

  async #expire({ corrections, recordings, results, store }: JobStorage): Promise<void> {
    if (this.#isExpiring) return;
    this.#isExpiring = true;
    try {
      await store.expire(Date.now(), async (job) => {
        await results.delete(job.id);
        await corrections.delete(job.id);
        if (job.error?.code === CRASHED) for (const id of recordingsOf(job)) await recordings.delete(id);
      });
    } finally {
      this.#isExpiring = false;
    }
  }

  /** The job that an order makes, and the recordings that were kept for it. */
  async #submissionOf(
    call: Call,
    order: JobOrder,
    id: string,
    webhook: JobWebhook | undefined,
  ): Promise<{ submission: Submission; own: string[] }> {
    const { answer, deadline, idempotencyKey, metadata } = order;
    const own: string[] = [];
    try {
      const recording = await this.#recordingOf(call, order.recording, own);
      const knownSpeakers = await this.#voicesOf(call, order.knownSpeakers, own);
      const options = { priority: "bulk" as const, ...order.request.options };
      const request = { ...order.request, options, ...(knownSpeakers && { knownSpeakers }) };
      const { priority } = options;
      const source = recording.isKept ? recording.id : recording.sha256;
      const submission: Submission = {
        id,
        createdAt: Date.now(),
        priority,
        recording,
        request,
        answer,
        metadata,
        webhook,
        ...(deadline !== undefined && { deadline }),
        fingerprint: idempotencyKey === undefined ? undefined : fingerprintOf(order, source, webhook),
        requestId: call.id,
        peer: call.peer,
      };
      return { submission, own };
    } catch (error) {
      await this.#deleteRecordings(own);
      throw error;
    }
  }

  /** @throws TranscriptionError INVALID_ARGUMENT that names the field */
  #webhookOf({ resultUrl, secretId, url }: NonNullable<JobOrder["webhook"]>, id: string): JobWebhook {
    const { settings } = this.#service;
    new WebhookTargets(settings).check(url);
    return { url, secretId: new WebhookSecrets(settings).require(secretId), resultUrl: resultUrl(id) };
  }

  async #recordingOf(call: Call, given: JobOrder["recording"], own: string[]): Promise<JobRecording> {
    if ("kept" in given) {
      const { bytes, filename, id, sha256 } = given.kept;
      return { id, isKept: true, filename, bytes, sha256 };
    }
    const { file, filename, type } = given;
    const { bytes, id, sha256 } = await this.#keep(call, file, { filename, type });
    own.push(id);
    return { id, isKept: false, filename, bytes, sha256 };
  }

  async #voicesOf(
    call: Call,
    speakers: readonly KnownSpeaker[] | undefined,
    own: string[],
  ): Promise<JobVoice[] | undefined> {
    if (!speakers) return undefined;
    const voices: JobVoice[] = [];
    for (const { name, recording } of speakers) {
      const { id } = await this.#service.withUpload(call, async (upload) => {
        await upload.write(recording);
        return this.#keep(call, await upload.file(), { filename: "", type: "" });
      });
      own.push(id);
      voices.push({ name, recordingId: id });
    }
    return voices;
  }

  async #keep(
    call: Call,
    file: FileHandle,
    facts: { filename: string; type: string },
  ): Promise<StoredRecording> {
    const { recordings } = await this.#storage();
    try {
      return await recordings.put(file, facts, call.signal);
    } catch (error) {
      if (!(error instanceof RecordingsFull)) throw error;
      const { jobsMaxBytes } = this.#service.settings;
      const limit = `${variableOf("jobsMaxBytes")}, ${jobsMaxBytes} bytes`;
      const message = `The jobs that wait take all the room that they may (${limit}); try again later`;
      throw new TranscriptionError("QUEUE_FULL", message);
    }
  }

  /** Deletes recordings that the job of this id has not, once the store says what it has. Does not throw. */
  async #deleteUnlessKept(store: JobStore, id: string, recordings: readonly string[]): Promise<void> {
    const { signal } = this.#closing;
    // What is not found out until the server ends is found at a start.
    while (!signal.aborted) {
      try {
        const job = await store.get(id);
        const kept = job ? recordingsOf(job) : [];
        return await this.#deleteRecordings(recordings.filter((each) => !kept.includes(each)));
      } catch {
        await sleep(ASK_AGAIN, undefined, { signal }).catch(() => {});
      }
    }
  }

  async #deleteRecordings(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const { recordings } = await this.#storage();
    // What stays is found at the next start.
    for (const id of ids) await recordings.delete(id).catch(() => {});
  }
}
