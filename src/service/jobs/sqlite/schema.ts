/** Version of {@link SCHEMA}, which a file bears. One that is newer is not touched. */
export const SCHEMA_VERSION = 1;

/**
 * `submission`, `progress`, `error`, `summary` and `event` are JSON. `claim` counts the times that a job was handed out:
 * who has an older one works on it no more. `crashes` counts those in whose course the process ended.
 */
export const SCHEMA = `
CREATE TABLE jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL,
  rank INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  seconds REAL,
  created_at INTEGER NOT NULL,
  not_before INTEGER NOT NULL DEFAULT 0,
  started_at INTEGER,
  finished_at INTEGER,
  expires_at INTEGER,
  claim INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  crashes INTEGER NOT NULL DEFAULT 0,
  submission TEXT NOT NULL,
  progress TEXT,
  error TEXT,
  summary TEXT
) STRICT;
CREATE INDEX jobs_waiting ON jobs(rank, number) WHERE status = 'queued';
CREATE INDEX jobs_status ON jobs(status, number);
CREATE INDEX jobs_expiring ON jobs(expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE events (
  job INTEGER NOT NULL REFERENCES jobs(number) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  at INTEGER NOT NULL,
  event TEXT NOT NULL,
  PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE deliveries (
  job INTEGER PRIMARY KEY REFERENCES jobs(number) ON DELETE CASCADE,
  webhook_id TEXT NOT NULL,
  status TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER
) STRICT;
CREATE INDEX deliveries_due ON deliveries(due_at) WHERE due_at IS NOT NULL;
`;
