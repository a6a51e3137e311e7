import { setTimeout as sleep } from "node:timers/promises";
import type { ConnectionOptions, Processor, Queue, QueueEvents, Worker, WorkerOptions } from "bullmq";
import { TranscriptionError } from "../../../index.js";
import { variableOf } from "../../settings.js";
import { within } from "../../timers.js";
import type { Ledger } from "./ledger.js";
import { PostgresLedger } from "./postgres-ledger.js";
import { brokerKind } from "./queue-url.js";
import { RedisLedger } from "./redis-ledger.js";

/** Name of the queue: others that use the same broker see it under this name. */
export const QUEUE_NAME = "agora-transcribe";
/** Milliseconds to reach the broker, and for an answer to who waits for one. */
const CONNECT_TIMEOUT = 5000;
const ANSWER_TIMEOUT = 10_000;
/** The same for tables that are made, or waited for while another server makes them. */
const MAKING_TIMEOUT = 600_000;
/** Milliseconds between two tries to reach it again, at most. */
const RECONNECT = 1000;
/** Connections to PostgreSQL: of what is asked, and of each that waits for something. */
const POOL = 8;
const WAITING_POOL = 2;
/** Schema that BullMQ has for itself. */
const SCHEMA = "bullmq";
/** Limits of time are this process's to know: one that a database has for all would end what must be done whole, again and again. */
const UNLIMITED = "-c statement_timeout=0 -c lock_timeout=0";
/** What nobody waits for any more is not done either. */
const LIMITED = `-c statement_timeout=${ANSWER_TIMEOUT} -c lock_timeout=0`;
/** Seconds that is waited for what closes: a broker that is away must not keep a process. */
const CLOSING = 5;

type BullMq = typeof import("bullmq");

/** Loads the packages that a broker needs: only those who use one have them. */
export interface BrokerPackages {
  bullmq(): Promise<BullMq>;
  ioredis(): Promise<Pick<typeof import("ioredis"), "Redis">>;
  pg(): Promise<{ default: Pick<typeof import("pg"), "Client" | "Pool"> }>;
}

const PACKAGES: BrokerPackages = {
  bullmq: () => import("bullmq"),
  ioredis: () => import("ioredis"),
  pg: () => import("pg"),
};

/** What is told of a job to all servers and workers. */
export interface Told {
  id: string;
  status: string;
}

/** A message queue that people already run, in Redis or in PostgreSQL, with the records of its jobs beside it. */
export interface Broker {
  readonly bullmq: BullMq;
  readonly ledger: Ledger;
  /** What is asked of it fails at once while the broker is away. */
  readonly queue: Queue;
  /** Tells all servers and workers of a job; who is away does not hear of it. Does not throw. */
  tell(told: Told): Promise<void>;
  worker(processor: Processor, options: Omit<WorkerOptions, "connection">): Worker;
  /** What happens in the queue, and what is told. */
  events(): QueueEvents;
  /** @throws TranscriptionError STORAGE_FAILED where `work` fails */
  attempt<T>(work: Promise<T>): Promise<T>;
  /** Closes everything that was opened here, also where the broker is away. */
  close(): Promise<void>;
}

/** Event by which {@link Broker.tell} tells. */
export const TOLD = "agora";

interface Connected {
  /** Of what is asked, which fails at once. */
  asking: ConnectionOptions;
  /** Of what waits, and goes on when the broker is back. */
  waiting: ConnectionOptions;
  /** What BullMQ reaches the broker by; undefined: its own for Redis. */
  backend: unknown;
  ledger: Ledger;
  close(): Promise<void>;
}

/**
 * @param onTrouble hears of each failure, also of those that nobody waits for
 * @param mayMake whether it makes what the broker needs for the first time: servers do, workers wait for them
 * @throws TranscriptionError INVALID_ARGUMENT that names the packages that are missing, STORAGE_FAILED where it is not reached
 */
export async function openBroker(
  url: string,
  onTrouble: (error: TranscriptionError) => void,
  mayMake: boolean,
  packages: BrokerPackages = PACKAGES,
): Promise<Broker> {
  const kind = brokerKind(url)!;
  const driver = kind === "redis" ? "ioredis" : "pg";
  const bullmq = await loaded(packages.bullmq, driver);
  const attempt = <T>(work: Promise<T>): Promise<T> =>
    work.catch((cause: unknown) => {
      const failure = failureOf(cause);
      onTrouble(failure);
      throw failure;
    });
  const onError = (error: unknown) => onTrouble(failureOf(error));
  const { asking, close, ledger, waiting, ...connected } =
    kind === "redis"
      ? await connectRedis(url, await loaded(packages.ioredis, driver), attempt, onError)
      : await connectPostgres(url, await loaded(packages.pg, driver), { attempt, bullmq, mayMake, onError });
  // Its types know each backend by itself, and nothing of what they have in common is missing here.
  const backend = connected.backend as undefined;
  const queue = new bullmq.Queue(QUEUE_NAME, { connection: asking }, backend);
  const teller = new bullmq.QueueEventsProducer(QUEUE_NAME, { connection: asking }, backend);
  const opened: { close(): Promise<unknown> }[] = [queue, teller];
  queue.on("error", onError);
  teller.on("error", onError);
  const closeAll = async () => {
    const closing = opened.map((each) => each.close().catch(() => {}));
    await within(
      Promise.all(closing).then(() => {}),
      CLOSING,
    );
    await within(
      close().catch(() => {}),
      CLOSING,
    );
  };
  try {
    await attempt(queue.waitUntilReady());
  } catch (error) {
    await closeAll();
    throw error;
  }
  return {
    bullmq,
    ledger,
    queue,
    attempt,
    tell: ({ id, status }) => teller.publishEvent({ eventName: TOLD, id, status }, 10_000).catch(onError),
    worker: (processor, others) => {
      const worker = new bullmq.Worker(QUEUE_NAME, processor, { ...others, connection: waiting }, backend);
      worker.on("error", onError);
      return worker;
    },
    events: () => {
      const events = new bullmq.QueueEvents(QUEUE_NAME, { connection: waiting }, backend);
      events.on("error", onError);
      opened.push(events);
      return events;
    },
    close: closeAll,
  };
}

async function connectRedis(
  url: string,
  { Redis }: Pick<typeof import("ioredis"), "Redis">,
  attempt: Broker["attempt"],
  onError: (error: unknown) => void,
): Promise<Connected> {
  const retryStrategy = (times: number) => Math.min(50 * times, RECONNECT);
  const redis = new Redis(url, {
    // What is asked while it is away fails, and is not heard in the end by nobody.
    enableOfflineQueue: false,
    // Nor is it asked again what it may have done: whoever asks finds out first.
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_TIMEOUT,
    commandTimeout: ANSWER_TIMEOUT,
    lazyConnect: true,
    retryStrategy,
  });
  redis.on("error", onError);
  try {
    await redis.connect();
  } catch (cause) {
    redis.disconnect();
    throw failureOf(cause);
  }
  return {
    asking: redis as ConnectionOptions,
    waiting: { url, maxRetriesPerRequest: null, connectTimeout: CONNECT_TIMEOUT, retryStrategy },
    backend: undefined,
    ledger: new RedisLedger(redis, attempt),
    close: async () => redis.disconnect(),
  };
}

async function connectPostgres(
  url: string,
  { default: pg }: { default: Pick<typeof import("pg"), "Client" | "Pool"> },
  {
    attempt,
    bullmq,
    mayMake,
    onError,
  }: {
    attempt: Broker["attempt"];
    bullmq: BullMq;
    mayMake: boolean;
    onError: (error: unknown) => void;
  },
): Promise<Connected> {
  const Client = heardClient(pg);
  const reached = { connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT, keepAlive: true };
  const pool = new pg.Pool({
    ...reached,
    Client,
    query_timeout: ANSWER_TIMEOUT,
    // BullMQ's statements name its tables alone.
    options: `${LIMITED} -c search_path=${SCHEMA}`,
    max: POOL,
  });
  pool.on("error", onError);
  try {
    if (mayMake)
      await makeTables(new Client({ ...reached, options: UNLIMITED, query_timeout: MAKING_TIMEOUT }), bullmq);
  } catch (cause) {
    await pool.end().catch(() => {});
    throw failureOf(cause);
  }
  const connection = {
    ...reached,
    Client,
    schema: SCHEMA,
    // It cleans up when it ends a job, also where thousands are to go.
    options: UNLIMITED,
    max: WAITING_POOL,
  };
  return {
    asking: pool as unknown as ConnectionOptions,
    waiting: connection as unknown as ConnectionOptions,
    backend: patientBackend(bullmq),
    ledger: new PostgresLedger(pool, attempt),
    close: () => pool.end(),
  };
}

/**
 * Connections whose end somebody hears of: a database that goes away has each say so, beside what becomes of its question, and
 * of one that a pool has lent out nobody would hear, which ends the process.
 */
export function heardClient({ Client }: Pick<typeof import("pg"), "Client">): typeof Client {
  return class extends Client {
    constructor(...made: ConstructorParameters<typeof Client>) {
      super(...made);
      this.on("error", () => {});
    }
  };
}

/**
 * BullMQ's backend for PostgreSQL, whose workers ask for the next job again as soon as that has failed: while the database is
 * away nothing else would go on in the process, nor would it see that the database is back.
 */
function patientBackend({ createPostgresBackend }: BullMq): BullMq["createPostgresBackend"] {
  return (...made) => {
    const backend = createPostgresBackend(...made);
    const moveToActive = backend.moveToActive.bind(backend);
    backend.moveToActive = async (...asked) => {
      try {
        return await moveToActive(...asked);
      } catch (error) {
        await sleep(RECONNECT);
        throw error;
      }
    };
    return backend;
  };
}

/** @param client is its own: of servers that start at once one makes them, and the others wait for as long as that takes */
async function makeTables(client: import("pg").Client, { runMigrations }: BullMq): Promise<void> {
  await client.connect();
  try {
    await runMigrations(client as never, SCHEMA);
    await PostgresLedger.make(client);
  } finally {
    await client.end();
  }
}

/** @throws TranscriptionError INVALID_ARGUMENT that says what is to be installed */
async function loaded<T>(load: () => Promise<T>, driver: string): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    const setting = variableOf("queueUrl");
    const message = `${setting} names a queue, which needs the packages bullmq and ${driver}: npm install bullmq ${driver}`;
    throw new TranscriptionError("INVALID_ARGUMENT", message, { cause, option: setting });
  }
}

/** What a driver says, without the address: it may hold a password. */
function failureOf(cause: unknown): TranscriptionError {
  if (cause instanceof TranscriptionError) return cause;
  const { code, errors, message } = cause as Error & { code?: unknown; errors?: Error[] };
  // Of a host with several addresses each has failed.
  const why = message || errors?.map((each) => each.message).join("; ") || String(code ?? "no connection");
  const text = `Cannot use the queue (${variableOf("queueUrl")}): ${why.replace(/\w+:\/\/\S+/g, "…")}`;
  return new TranscriptionError("STORAGE_FAILED", text, { cause });
}
