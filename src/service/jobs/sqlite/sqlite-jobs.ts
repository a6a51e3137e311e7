import { TranscriptionError } from "../../../errors.js";
import {
  CRASHED,
  type FinishedStatus,
  isFinished,
  JOB_STATUSES,
  type Job,
  type JobError,
  type JobEvent,
  type JobProgress,
  type JobStatus,
  type JobSummary,
  type KeptEvent,
  type Submission,
} from "../job.js";
import type { Added, Cancelled, Delivery, JobPage, JobQuery, JobTally, Outcome } from "../store.js";
import { JobDatabase, type Row } from "./database.js";
import { JOB_COLUMNS, jobOf, number } from "./rows.js";

export interface SqliteOptions {
  path: string;
  /** Milliseconds that somebody who has the file open, and may be about to leave it, is waited for. */
  patience: number;
  /** Jobs that may wait; `Infinity`: any number. */
  maxWaiting: number;
  /** What is said to those for whom there is no room. */
  full: string;
  /** Times that a job is begun. */
  maxAttempts: number;
  /** Seconds that a job is kept when it has ended; `Infinity`: for ever. */
  ttl: number;
}

/** A job that is handed out, and what it is handed out by. */
export interface Claim {
  job: Job;
  claim: number;
}

const RANKS: Readonly<Record<Submission["priority"], number>> = { interactive: 0, bulk: 1 };
/** Milliseconds after which a job is begun again the first time; twice as long each time after. */
const FIRST_RETRY = 5000;
/** Jobs whose length tells how long those take that wait. */
const OF_LATE = 200;
const DAY = 24 * 60 * 60 * 1000;

/** Jobs in an SQLite file. Each method is one transaction; it is called on a thread of its own. */
export class SqliteJobs {
  readonly #database: JobDatabase;
  readonly #options: SqliteOptions;

  constructor(options: SqliteOptions) {
    this.#database = new JobDatabase(options.path, options.patience);
    this.#options = options;
  }

  /**
   * Queues again what was under way when the process ended, or sets it aside where that has happened too often.
   * @returns those that were set aside
   */
  recover(now: number): Job[] {
    return this.#database.atomically(() => {
      const rows = this.#rows("WHERE jobs.status = 'running'");
      this.#database.run("UPDATE jobs SET crashes = crashes + 1 WHERE status = 'running'");
      const poison = rows.filter(({ attempts }) => Number(attempts) >= this.#options.maxAttempts);
      for (const row of rows) if (!poison.includes(row)) this.#queue(row, now, now);
      for (const row of poison) {
        const crashes = Number(row.crashes) + 1;
        const message = `The server ended in the course of ${crashes} of the ${row.attempts} attempts at this job`;
        this.#finish(row, "failed", now, { error: { code: CRASHED, message } });
      }
      return poison.map((row) => this.#job(row));
    });
  }

  add(submission: Submission): Added {
    const { bytes } = submission.recording;
    return this.#database.atomically(() => {
      const existing = this.get(submission.id);
      if (existing) return { job: existing, isNew: false };
      const { full, maxWaiting } = this.#options;
      if (this.#count("status = 'queued'") >= maxWaiting) throw new TranscriptionError("QUEUE_FULL", full);
      this.#database.run(
        "INSERT INTO jobs (id, status, rank, bytes, created_at, submission) VALUES (?, 'queued', ?, ?, ?, ?)",
        submission.id,
        RANKS[submission.priority],
        bytes ?? 0,
        submission.createdAt,
        JSON.stringify(submission),
      );
      const row = this.#row(submission.id)!;
      this.#append(row, [{ type: "queued" }], submission.createdAt);
      return { job: jobOf(row), isNew: true };
    });
  }

  get(id: string): Job | undefined {
    const row = this.#row(id);
    return row && jobOf(row);
  }

  list({ after, limit, statuses }: JobQuery): JobPage {
    const from = after === undefined ? undefined : this.#numberOf(after);
    const wanted = statuses.length === 0 ? JOB_STATUSES : statuses;
    const rows = this.#rows(
      `WHERE jobs.status IN (${wanted.map(() => "?").join(", ")}) AND jobs.number < ? ORDER BY jobs.number DESC LIMIT ?`,
      ...wanted,
      from ?? Number.MAX_SAFE_INTEGER,
      limit + 1,
    );
    return { jobs: rows.slice(0, limit).map(jobOf), hasMore: rows.length > limit };
  }

  #numberOf(after: string): number {
    const row = this.#row(after);
    if (row) return Number(row.number);
    const message = `Expected the id of a job that is still kept for after but received ${JSON.stringify(after.slice(0, 50))}`;
    throw new TranscriptionError("INVALID_ARGUMENT", message, { option: "after" });
  }

  cancel(id: string, now: number): Cancelled | undefined {
    return this.#database.atomically(() => {
      const row = this.#row(id);
      if (!row) return undefined;
      if (isFinished(row.status as JobStatus)) return { job: jobOf(row), isCancelled: false };
      this.#finish(row, "cancelled", now);
      return { job: this.#job(row), isCancelled: true };
    });
  }

  /**
   * The next job whose time has come. The last attempt at one in whose course the process has ended is made alone: if it
   * ends again, no other job loses an attempt. When its turn comes those under way end first, and none overtakes it: with
   * others that always wait its turn would never come.
   */
  claim(now: number): Claim | undefined {
    return this.#database.atomically(() => {
      const { maxAttempts } = this.#options;
      const isLast = "jobs.crashes > 0 AND jobs.attempts >= ?";
      if (this.#count(`status = 'running' AND ${isLast}`, maxAttempts) > 0) return undefined;
      const [row] = this.#rows(
        "WHERE jobs.status = 'queued' AND jobs.not_before <= ? ORDER BY jobs.rank, jobs.number LIMIT 1",
        now,
      );
      if (!row) return undefined;
      const mustBeAlone = Number(row.crashes) > 0 && Number(row.attempts) >= maxAttempts - 1;
      if (mustBeAlone && this.#count("status = 'running'") > 0) return undefined;
      this.#database.run(
        "UPDATE jobs SET status = 'running', started_at = ?, claim = claim + 1, attempts = attempts + 1, progress = NULL, error = NULL " +
          "WHERE number = ?",
        now,
        row.number!,
      );
      const attempt = Number(row.attempts) + 1;
      this.#append(row, [{ type: "running", attempt }], now);
      return { job: this.#job(row), claim: Number(row.claim) + 1 };
    });
  }

  /** When, after `now`, the next job's time comes that waits for it; undefined: none does. */
  nextDue(now: number): number | undefined {
    const row = this.#database.get(
      "SELECT min(not_before) AS due FROM jobs WHERE status = 'queued' AND not_before > ?",
      now,
    );
    return number(row?.due);
  }

  /** Notes what happens in a job. @returns whether it is still whose `claim` it was */
  note(
    id: string,
    claim: number,
    events: readonly JobEvent[],
    progress: JobProgress | undefined,
    now: number,
  ): boolean {
    return this.#database.atomically(() => {
      const row = this.#claimed(id, claim);
      if (!row) return false;
      if (progress)
        this.#database.run(
          "UPDATE jobs SET progress = ? WHERE number = ?",
          JSON.stringify(progress),
          row.number!,
        );
      this.#append(row, events, now);
      return true;
    });
  }

  /** @returns the job as it is then; undefined: it was no longer whose `claim` it was, and nothing has changed */
  settle(id: string, claim: number, outcome: Outcome, now: number): Job | undefined {
    return this.#database.atomically(() => {
      const row = this.#claimed(id, claim);
      if (!row) return undefined;
      switch (outcome.type) {
        case "succeeded":
          this.#finish(row, "succeeded", now, { summary: outcome.summary });
          break;
        case "returned":
          this.#database.run("UPDATE jobs SET attempts = attempts - 1 WHERE number = ?", row.number!);
          this.#queue(row, now, now);
          break;
        case "again":
          if (Number(row.attempts) < this.#options.maxAttempts) {
            this.#queue(row, now, now + FIRST_RETRY * 2 ** (Number(row.attempts) - 1), outcome.error);
            break;
          }
          this.#finish(row, "failed", now, { error: outcome.error });
          break;
        case "failed":
          this.#finish(row, "failed", now, { error: outcome.error });
      }
      return this.#job(row);
    });
  }

  /** Events of a job after that of number `after`, at most `limit`, and whether no more will come. */
  events(id: string, after: number, limit: number): { events: KeptEvent[]; isEnd: boolean } {
    const row = this.#row(id);
    if (!row) return { events: [], isEnd: true };
    const events = this.#database
      .all(
        "SELECT number, at, event FROM events WHERE job = ? AND number > ? ORDER BY number LIMIT ?",
        row.number!,
        after,
        limit,
      )
      .map((event) => ({
        ...(JSON.parse(String(event.event)) as JobEvent),
        number: Number(event.number),
        at: Number(event.at),
      }));
    return { events, isEnd: isFinished(row.status as JobStatus) && events.length < limit };
  }

  tally(): JobTally {
    const counted = this.#database.all("SELECT status, count(*) AS jobs FROM jobs GROUP BY status");
    const waiting = this.#database.get(
      "SELECT sum(bytes) AS bytes, min(created_at) AS oldest FROM jobs WHERE status = 'queued'",
    );
    const ended = this.#database.get(
      "SELECT sum(seconds) / sum(bytes) AS ratio FROM (SELECT seconds, bytes FROM jobs WHERE status = 'succeeded' " +
        "ORDER BY number DESC LIMIT ?)",
      OF_LATE,
    );
    const jobs = Object.fromEntries(JOB_STATUSES.map((status) => [status, 0])) as JobTally["jobs"];
    for (const row of counted) jobs[row.status as JobStatus] = Number(row.jobs);
    return {
      jobs,
      waitingBytes: Number(waiting?.bytes ?? 0),
      secondsPerByte: number(ended?.ratio),
      oldestWaiting: number(waiting?.oldest),
    };
  }

  /** Jobs that are to be forgotten. A webhook that is still tried has its say first. */
  expired(now: number): Job[] {
    return this.#rows(
      "WHERE jobs.expires_at <= ? AND (deliveries.due_at IS NULL OR jobs.finished_at <= ?) LIMIT 1000",
      now,
      now - DAY,
    ).map(jobOf);
  }

  forget(id: string): void {
    this.#database.run("DELETE FROM jobs WHERE id = ?", id);
  }

  recordingsInUse(): string[] {
    return this.#rows("WHERE jobs.status IN ('queued', 'running') OR jobs.error LIKE ?", `%"${CRASHED}"%`)
      .map(jobOf)
      .filter(({ status, error }) => !isFinished(status) || error?.code === CRASHED)
      .flatMap(({ recording, request }) => [
        ...(recording.isKept ? [] : [recording.id]),
        ...(request.knownSpeakers ?? []).map(({ recordingId }) => recordingId),
      ]);
  }

  known(ids: readonly string[]): string[] {
    return ids.filter((id) => this.#database.get("SELECT 1 AS one FROM jobs WHERE id = ?", id));
  }

  due(now: number, limit: number): Delivery[] {
    return this.#database
      .all("SELECT job, webhook_id FROM deliveries WHERE due_at <= ? ORDER BY due_at LIMIT ?", now, limit)
      .map(({ job, webhook_id }) => {
        const [row] = this.#rows("WHERE jobs.number = ?", job!);
        const { finishedAt, id, metadata, status, webhook, delivery } = jobOf(row!);
        return {
          jobId: id,
          webhookId: String(webhook_id),
          webhook: webhook!,
          status,
          finishedAt: finishedAt ?? now,
          metadata,
          attempts: delivery?.attempts ?? 0,
        };
      });
  }

  nextDelivery(now: number): number | undefined {
    return number(this.#database.get("SELECT min(due_at) AS due FROM deliveries WHERE due_at > ?", now)?.due);
  }

  settleDelivery(id: string, isDelivered: boolean, retryAt: number | undefined): void {
    const status = isDelivered ? "delivered" : retryAt === undefined ? "failed" : "pending";
    this.#database.run(
      "UPDATE deliveries SET status = ?, attempts = attempts + 1, due_at = ? WHERE job = (SELECT number FROM jobs WHERE id = ?)",
      status,
      retryAt ?? null,
      id,
    );
  }

  close(): void {
    this.#database.close();
  }

  #rows(where: string, ...values: (string | number)[]): Row[] {
    return this.#database.all(`SELECT ${JOB_COLUMNS} ${where}`, ...values);
  }

  #row(id: string): Row | undefined {
    return this.#rows("WHERE jobs.id = ?", id)[0];
  }

  /** The job of `row` as it is now. */
  #job(row: Row): Job {
    return jobOf(this.#rows("WHERE jobs.number = ?", Number(row.number))[0]!);
  }

  #claimed(id: string, claim: number): Row | undefined {
    return this.#rows("WHERE jobs.id = ? AND jobs.status = 'running' AND jobs.claim = ?", id, claim)[0];
  }

  #count(condition: string, ...values: number[]): number {
    const row = this.#database.get(`SELECT count(*) AS jobs FROM jobs WHERE ${condition}`, ...values);
    return Number(row!.jobs);
  }

  #queue(row: Row, now: number, notBefore: number, error?: JobError): void {
    this.#database.run(
      "UPDATE jobs SET status = 'queued', not_before = ?, progress = NULL, error = ? WHERE number = ?",
      notBefore > now ? notBefore : 0,
      error ? JSON.stringify(error) : null,
      row.number!,
    );
    this.#append(row, [{ type: "queued" }], now);
  }

  #finish(
    row: Row,
    status: FinishedStatus,
    now: number,
    { error, summary }: { error?: JobError; summary?: JobSummary } = {},
  ): void {
    const { ttl } = this.#options;
    this.#database.run(
      "UPDATE jobs SET status = ?, finished_at = ?, expires_at = ?, error = ?, summary = ?, seconds = ? WHERE number = ?",
      status,
      now,
      Number.isFinite(ttl) ? Math.ceil(now + ttl * 1000) : null,
      error ? JSON.stringify(error) : null,
      summary ? JSON.stringify(summary) : null,
      summary?.duration ?? null,
      row.number!,
    );
    this.#append(row, [status === "failed" ? { type: status, error: error! } : { type: status }], now);
    if (!jobOf(row).webhook) return;
    this.#database.run(
      "INSERT INTO deliveries (job, webhook_id, status, due_at) VALUES (?, ?, 'pending', ?)",
      row.number!,
      `msg_${String(row.id).slice("job_".length)}`,
      now,
    );
  }

  #append(row: Row, events: readonly JobEvent[], at: number): void {
    if (events.length === 0) return;
    let last = Number(
      this.#database.get("SELECT max(number) AS last FROM events WHERE job = ?", row.number!)?.last ?? 0,
    );
    for (const event of events)
      this.#database.run(
        "INSERT INTO events (job, number, at, event) VALUES (?, ?, ?, ?)",
        row.number!,
        ++last,
        at,
        JSON.stringify(event),
      );
  }
}
