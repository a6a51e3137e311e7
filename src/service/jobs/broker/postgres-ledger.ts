import type { Client, Pool } from "pg";
import { JOB_STATUSES, type JobProgress } from "../job.js";
import type { JobTally } from "../store.js";
import { type Ledger, type LedgerQuery, OF_LATE } from "./ledger.js";
import { forgottenAt, type JobRecord } from "./record.js";

/** `record` and `progress` are JSON as text: nothing is asked of what is in them. */
const SCHEMA = `
CREATE SCHEMA IF NOT EXISTS agora_transcribe;
CREATE TABLE IF NOT EXISTS agora_transcribe.jobs (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text NOT NULL UNIQUE,
  version integer NOT NULL,
  claim integer NOT NULL,
  status text NOT NULL,
  bytes bigint NOT NULL,
  seconds double precision,
  created_at bigint NOT NULL,
  due_at bigint,
  expires_at bigint,
  record text NOT NULL,
  progress text
);
CREATE INDEX IF NOT EXISTS jobs_status ON agora_transcribe.jobs (status, number);
CREATE INDEX IF NOT EXISTS jobs_counted ON agora_transcribe.jobs (status) INCLUDE (bytes, created_at);
CREATE INDEX IF NOT EXISTS jobs_due ON agora_transcribe.jobs (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS jobs_expiring ON agora_transcribe.jobs (expires_at) WHERE expires_at IS NOT NULL;
`;
const TABLE = "agora_transcribe.jobs";
const COLUMNS = "record, version, number, progress";
/** Of the lock under which tables are made: servers that start at once wait for one another. */
const MAKING = 0x61676f72;

type Row = Record<string, string | number | null>;
type Value = string | number | null | string[];

/** Records of jobs in a table of PostgreSQL. */
export class PostgresLedger implements Ledger {
  readonly #pool: Pool;
  readonly #attempt: <T>(work: Promise<T>) => Promise<T>;

  /**
   * @param pool stays its owner's
   * @param attempt says of what fails that it has
   */
  constructor(pool: Pool, attempt: <T>(work: Promise<T>) => Promise<T>) {
    this.#pool = pool;
    this.#attempt = attempt;
  }

  /** Makes the table where there is none. @throws as the driver does */
  static async make(client: Client): Promise<void> {
    // All in one, so in one transaction.
    await client.query(`SELECT pg_advisory_xact_lock(${MAKING}); ${SCHEMA}`);
  }

  async create(record: JobRecord, maxWaiting: number) {
    const { id } = record.job;
    for (;;) {
      const isNew = await this.#insert(record, maxWaiting);
      const kept = await this.get(id);
      if (kept) return { record: kept, isNew };
      const { rows } = await this.#query(`SELECT count(*) AS jobs FROM ${TABLE} WHERE status = 'queued'`);
      if (Number(rows[0]!.jobs) >= maxWaiting) return undefined;
    }
  }

  async get(id: string): Promise<JobRecord | undefined> {
    const { rows } = await this.#query(`SELECT ${COLUMNS} FROM ${TABLE} WHERE id = $1`, id);
    return rows.map(recordOf)[0];
  }

  async replace(record: JobRecord): Promise<JobRecord | undefined> {
    const { claim, deliverAt, job, version } = record;
    const { count } = await this.#query(
      `UPDATE ${TABLE} SET version = version + 1, progress = CASE WHEN claim = $3 THEN progress END, claim = $3, status = $4, ` +
        "seconds = $5, due_at = $6, expires_at = $7, record = $8 WHERE id = $1 AND version = $2",
      job.id,
      version,
      claim,
      job.status,
      job.summary?.duration ?? null,
      deliverAt ?? null,
      forgottenAt(record) ?? null,
      textOf(record),
    );
    return count === 1 ? { ...record, version: version + 1 } : undefined;
  }

  async progress(id: string, claim: number, progress: JobProgress): Promise<boolean> {
    const { count } = await this.#query(
      `UPDATE ${TABLE} SET progress = $3 WHERE id = $1 AND claim = $2 AND status = 'running'`,
      id,
      claim,
      JSON.stringify(progress),
    );
    return count === 1;
  }

  async list({ below, limit, statuses }: LedgerQuery): Promise<JobRecord[]> {
    const { rows } = await this.#query(
      `SELECT ${COLUMNS} FROM ${TABLE} WHERE status = ANY($1) AND number < $2 ORDER BY number DESC LIMIT $3`,
      [...statuses],
      below ?? Number.MAX_SAFE_INTEGER,
      limit,
    );
    return rows.map(recordOf);
  }

  async due(now: number, limit: number): Promise<string[]> {
    const { rows } = await this.#query(
      `SELECT id FROM ${TABLE} WHERE due_at <= $1 ORDER BY due_at LIMIT $2`,
      now,
      limit,
    );
    return rows.map(({ id }) => String(id));
  }

  async nextDue(now: number): Promise<number | undefined> {
    const { rows } = await this.#query(`SELECT min(due_at) AS due FROM ${TABLE} WHERE due_at > $1`, now);
    return numberOf(rows[0]?.due);
  }

  async expired(now: number, limit: number): Promise<JobRecord[]> {
    const { rows } = await this.#query(
      `SELECT ${COLUMNS} FROM ${TABLE} WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2`,
      now,
      limit,
    );
    return rows.map(recordOf);
  }

  async remove({ job: { id }, version }: JobRecord): Promise<boolean> {
    const { count } = await this.#query(`DELETE FROM ${TABLE} WHERE id = $1 AND version = $2`, id, version);
    return count === 1;
  }

  async tally(): Promise<JobTally> {
    const counted = await this.#query(
      `SELECT status, count(*) AS jobs, sum(bytes) AS bytes, min(created_at) AS oldest FROM ${TABLE} GROUP BY status`,
    );
    const ended = await this.#query(
      `SELECT sum(seconds) AS seconds, sum(bytes) AS bytes FROM (SELECT seconds, bytes FROM ${TABLE} ` +
        "WHERE status = 'succeeded' ORDER BY number DESC LIMIT $1) AS late",
      OF_LATE,
    );
    const of = (status: string): Row => counted.rows.find((row) => row.status === status) ?? {};
    const { bytes, seconds } = ended.rows[0] ?? {};
    return {
      jobs: Object.fromEntries(
        JOB_STATUSES.map((status) => [status, Number(of(status).jobs ?? 0)]),
      ) as JobTally["jobs"],
      waitingBytes: Number(of("queued").bytes ?? 0),
      secondsPerByte: Number(bytes ?? 0) > 0 ? Number(seconds) / Number(bytes) : undefined,
      oldestWaiting: numberOf(of("queued").oldest),
    };
  }

  async close(): Promise<void> {}

  async #insert(record: JobRecord, maxWaiting: number): Promise<boolean> {
    const { claim, job } = record;
    const { count } = await this.#query(
      `INSERT INTO ${TABLE} (id, version, claim, status, bytes, created_at, record) ` +
        "SELECT $1::text, 1, $2::integer, $3::text, $4::bigint, $5::bigint, $6::text " +
        `WHERE (SELECT count(*) FROM ${TABLE} WHERE status = 'queued') < $7::double precision ON CONFLICT (id) DO NOTHING`,
      job.id,
      claim,
      job.status,
      job.recording.bytes ?? 0,
      job.createdAt,
      textOf(record),
      Number.isFinite(maxWaiting) ? maxWaiting : "Infinity",
    );
    return count === 1;
  }

  async #query(sql: string, ...values: Value[]): Promise<{ rows: Row[]; count: number }> {
    const { rowCount, rows } = await this.#attempt(this.#pool.query<Row>(sql, values));
    return { rows, count: rowCount ?? 0 };
  }
}

function textOf(record: JobRecord): string {
  return JSON.stringify({ ...record, job: { ...record.job, progress: undefined } });
}

function recordOf({ number, progress, record, version }: Row): JobRecord {
  const read = JSON.parse(String(record)) as JobRecord;
  const found = typeof progress === "string" ? (JSON.parse(progress) as JobProgress) : undefined;
  return { ...read, version: Number(version), number: Number(number), job: { ...read.job, progress: found } };
}

/** Of what the driver gives as text, for it may be longer than a number. */
function numberOf(value: string | number | null | undefined): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}
