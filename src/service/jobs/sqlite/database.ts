import Database from "libsql";
import { TranscriptionError } from "../../../errors.js";
import { SCHEMA, SCHEMA_VERSION } from "./schema.js";

export type Value = string | number | null;
export type Row = Record<string, Value>;

/** An SQLite file that nobody else has open: the lock is the system's, which takes it back from a process that is killed. */
export class JobDatabase {
  readonly #database: Database.Database;
  readonly #statements = new Map<string, Database.Statement>();

  /**
   * Opens or makes the file.
   * @param patience milliseconds that somebody else who has it open is waited for
   * @throws as SQLite does; TranscriptionError STORAGE_FAILED for one of a newer version
   */
  constructor(path: string, patience: number) {
    this.#database = new Database(path, { timeout: patience });
    try {
      this.#database.pragma("locking_mode = EXCLUSIVE");
      this.#database.pragma("journal_mode = WAL");
      // What was accepted is there after a power failure, too.
      this.#database.pragma("synchronous = FULL");
      this.#database.pragma("foreign_keys = ON");
      this.#database.exec("BEGIN EXCLUSIVE; COMMIT");
      this.#migrate(path);
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  all(sql: string, ...values: Value[]): Row[] {
    return this.#prepared(sql).all(...values) as Row[];
  }

  get(sql: string, ...values: Value[]): Row | undefined {
    // All rows: a statement that is not at its end keeps its view of the file.
    return this.all(sql, ...values)[0];
  }

  /** @returns rows that were changed */
  run(sql: string, ...values: Value[]): number {
    return this.#prepared(sql).run(...values).changes;
  }

  /** Does all of `work` or nothing of it. */
  atomically<T>(work: () => T): T {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      try {
        this.#database.exec("ROLLBACK");
      } catch {
        // SQLite has done so itself, as where the disk is full.
      }
      throw error;
    }
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #prepared(sql: string): Database.Statement {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #migrate(path: string): void {
    const version = Number(this.get("SELECT user_version AS version FROM pragma_user_version")!.version);
    if (version > SCHEMA_VERSION) {
      const message = `Cannot use the store of jobs: ${path} is of a newer version of this server (${version})`;
      throw new TranscriptionError("STORAGE_FAILED", message);
    }
    if (version === SCHEMA_VERSION) return;
    this.atomically(() => this.#database.exec(`${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION};`));
  }
}
