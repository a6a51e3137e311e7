import type { Redis } from "ioredis";
import { JOB_STATUSES, type JobProgress, type JobStatus } from "../job.js";
import type { JobTally } from "../store.js";
import { type Ledger, type LedgerQuery, OF_LATE } from "./ledger.js";
import { forgottenAt, type JobRecord } from "./record.js";

/** In braces: all keys are in one slot of a cluster. */
const ROOT = "{agora-transcribe}:";
const SHARED = ["number", "all", "due", "expires", "waiting-bytes", "lengths"].map((name) => ROOT + name);
const [, ALL, DUE, EXPIRES, WAITING_BYTES, LENGTHS] = SHARED as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const STATUS_SETS = JOB_STATUSES.map((status) => `${ROOT}${status}`);
const WAITING = STATUS_SETS[0]!;

const keyOf = (id: string): string => `${ROOT}job:${id}`;
const setOf = (status: JobStatus): string => STATUS_SETS[JOB_STATUSES.indexOf(status)]!;
const keysOf = (id: string): string[] => [keyOf(id), ...SHARED, ...STATUS_SETS];

/**
 * Keeps a record and all that finds it. KEYS: the job, number, all, due, expires, waiting-bytes, lengths, a set for each status.
 * ARGV: version that it replaces (0: none), id, record, status (from 1), bytes, claim, due, expires, most that may wait,
 * seconds per job that has succeeded, how many of those count. Returns "kept", "there", "changed" or "full".
 */
const WRITE = `
local version = redis.call('HGET', KEYS[1], 'version') or '0'
if version ~= ARGV[1] then return ARGV[1] == '0' and 'there' or 'changed' end
if ARGV[1] == '0' and ARGV[9] ~= '' and redis.call('ZCARD', KEYS[8]) >= tonumber(ARGV[9]) then return 'full' end
local number = redis.call('HGET', KEYS[1], 'number') or redis.call('INCR', KEYS[2])
local before = tonumber(redis.call('HGET', KEYS[1], 'status') or '0')
local after = tonumber(ARGV[4])
if before ~= after then
  if before > 0 then redis.call('ZREM', KEYS[7 + before], ARGV[2]) end
  redis.call('ZADD', KEYS[7 + after], number, ARGV[2])
  if before == 1 then redis.call('DECRBY', KEYS[6], ARGV[5]) end
  if after == 1 then redis.call('INCRBY', KEYS[6], ARGV[5]) end
  if ARGV[10] ~= '' then
    redis.call('LPUSH', KEYS[7], ARGV[10] .. ' ' .. ARGV[5])
    redis.call('LTRIM', KEYS[7], 0, tonumber(ARGV[11]) - 1)
  end
end
if redis.call('HGET', KEYS[1], 'claim') ~= ARGV[6] then redis.call('HDEL', KEYS[1], 'progress') end
redis.call('ZADD', KEYS[3], number, ARGV[2])
if ARGV[7] == '' then redis.call('ZREM', KEYS[4], ARGV[2]) else redis.call('ZADD', KEYS[4], ARGV[7], ARGV[2]) end
if ARGV[8] == '' then redis.call('ZREM', KEYS[5], ARGV[2]) else redis.call('ZADD', KEYS[5], ARGV[8], ARGV[2]) end
redis.call('HSET', KEYS[1], 'version', version + 1, 'number', number, 'record', ARGV[3], 'status', ARGV[4], 'bytes', ARGV[5],
  'claim', ARGV[6])
return 'kept'
`;

/** ARGV: id, version that is to be removed. */
const REMOVE = `
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[2] then return 0 end
local status = tonumber(redis.call('HGET', KEYS[1], 'status') or '0')
if status == 0 then return 0 end
if status == 1 then redis.call('DECRBY', KEYS[6], redis.call('HGET', KEYS[1], 'bytes')) end
redis.call('DEL', KEYS[1])
for _, key in ipairs({KEYS[3], KEYS[4], KEYS[5], KEYS[7 + status]}) do redis.call('ZREM', key, ARGV[1]) end
return 1
`;

/** KEYS: the job. ARGV: claim, the number of the status "running", progress. */
const PROGRESS = `
if redis.call('HGET', KEYS[1], 'claim') ~= ARGV[1] or redis.call('HGET', KEYS[1], 'status') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'progress', ARGV[3])
return 1
`;

const FIELDS = ["record", "version", "number", "progress"] as const;
type Fields = (string | null)[];

/** Records of jobs in Redis, or what speaks its protocol: a hash for each, and sorted sets that find them. */
export class RedisLedger implements Ledger {
  readonly #redis: Redis;
  readonly #attempt: <T>(work: Promise<T>) => Promise<T>;

  /**
   * @param redis stays its owner's; what it cannot do now it refuses at once
   * @param attempt says of what fails that it has
   */
  constructor(redis: Redis, attempt: <T>(work: Promise<T>) => Promise<T>) {
    this.#redis = redis;
    this.#attempt = attempt;
  }

  async create(record: JobRecord, maxWaiting: number) {
    for (;;) {
      const written = await this.#write(record, maxWaiting);
      if (written === "full") return undefined;
      const kept = await this.get(record.job.id);
      // Another one that has just been forgotten leaves its place.
      if (kept) return { record: kept, isNew: written === "kept" };
    }
  }

  async get(id: string): Promise<JobRecord | undefined> {
    return recordOf(await this.#attempt(this.#redis.hmget(keyOf(id), ...FIELDS)));
  }

  async replace(record: JobRecord): Promise<JobRecord | undefined> {
    const written = await this.#write(record, Number.POSITIVE_INFINITY);
    return written === "kept" ? { ...record, version: record.version + 1 } : undefined;
  }

  async progress(id: string, claim: number, progress: JobProgress): Promise<boolean> {
    const running = JOB_STATUSES.indexOf("running") + 1;
    const args = [claim, running, JSON.stringify(progress)];
    return (await this.#attempt(this.#redis.eval(PROGRESS, 1, keyOf(id), ...args))) === 1;
  }

  async list({ below, limit, statuses }: LedgerQuery): Promise<JobRecord[]> {
    const sets = statuses.length === JOB_STATUSES.length ? [ALL] : statuses.map(setOf);
    const from = below === undefined ? "+inf" : `(${below}`;
    const found = await Promise.all(
      sets.map((set) =>
        this.#attempt(this.#redis.zrevrangebyscore(set, from, "-inf", "WITHSCORES", "LIMIT", 0, limit)),
      ),
    );
    const ids = found
      .flatMap(pairsOf)
      .sort(([, a], [, b]) => b - a)
      .slice(0, limit)
      .map(([id]) => id);
    return this.#all(ids);
  }

  due(now: number, limit: number): Promise<string[]> {
    return this.#attempt(this.#redis.zrangebyscore(DUE, "-inf", now, "LIMIT", 0, limit));
  }

  async nextDue(now: number): Promise<number | undefined> {
    const [next] = pairsOf(
      await this.#attempt(this.#redis.zrangebyscore(DUE, `(${now}`, "+inf", "WITHSCORES", "LIMIT", 0, 1)),
    );
    return next?.[1];
  }

  async expired(now: number, limit: number): Promise<JobRecord[]> {
    return this.#all(await this.#attempt(this.#redis.zrangebyscore(EXPIRES, "-inf", now, "LIMIT", 0, limit)));
  }

  async remove({ job: { id }, version }: JobRecord): Promise<boolean> {
    const keys = keysOf(id);
    return (await this.#attempt(this.#redis.eval(REMOVE, keys.length, ...keys, id, version))) === 1;
  }

  async tally(): Promise<JobTally> {
    const [counts, bytes, lengths, [oldest]] = await this.#attempt(
      Promise.all([
        Promise.all(STATUS_SETS.map((set) => this.#redis.zcard(set))),
        this.#redis.get(WAITING_BYTES),
        this.#redis.lrange(LENGTHS, 0, -1),
        this.#redis.zrange(WAITING, "0", "0"),
      ]),
    );
    const first = oldest === undefined ? undefined : await this.get(oldest);
    const sums = lengths
      .map((length) => length.split(" ").map(Number) as [number, number])
      .reduce((sum, [seconds, size]) => ({ seconds: sum.seconds + seconds, bytes: sum.bytes + size }), {
        seconds: 0,
        bytes: 0,
      });
    return {
      jobs: Object.fromEntries(
        JOB_STATUSES.map((status, index) => [status, counts[index]!]),
      ) as JobTally["jobs"],
      waitingBytes: Number(bytes ?? 0),
      secondsPerByte: sums.bytes > 0 ? sums.seconds / sums.bytes : undefined,
      oldestWaiting: first?.job.createdAt,
    };
  }

  async close(): Promise<void> {}

  async #write(record: JobRecord, maxWaiting: number): Promise<string> {
    const { claim, deliverAt, job, version } = record;
    const keys = keysOf(job.id);
    const args = [
      version,
      job.id,
      JSON.stringify({ ...record, job: { ...job, progress: undefined } }),
      JOB_STATUSES.indexOf(job.status) + 1,
      job.recording.bytes ?? 0,
      claim,
      deliverAt ?? "",
      forgottenAt(record) ?? "",
      Number.isFinite(maxWaiting) ? maxWaiting : "",
      job.summary?.duration ?? "",
      OF_LATE,
    ];
    return String(await this.#attempt(this.#redis.eval(WRITE, keys.length, ...keys, ...args.map(String))));
  }

  async #all(ids: readonly string[]): Promise<JobRecord[]> {
    const found = await this.#attempt(Promise.all(ids.map((id) => this.#redis.hmget(keyOf(id), ...FIELDS))));
    return found.flatMap((fields) => recordOf(fields) ?? []);
  }
}

function recordOf([record, version, number, progress]: Fields): JobRecord | undefined {
  if (typeof record !== "string") return undefined;
  const read = JSON.parse(record) as JobRecord;
  const job = { ...read.job, progress: progress ? (JSON.parse(progress) as JobProgress) : undefined };
  return { ...read, version: Number(version), number: Number(number), job };
}

/** Members with their scores, from a list of both in turn, or of pairs, as a newer protocol has them. */
function pairsOf(found: readonly (string | number | readonly (string | number)[])[]): [string, number][] {
  const flat = found.flat();
  return Array.from({ length: flat.length / 2 }, (_, i) => [String(flat[2 * i]), Number(flat[2 * i + 1])]);
}
