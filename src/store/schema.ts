/**
 * The form of the file: its tables, step by step from one version to the next, and who may open which. What the
 * columns hold is the business of the files named after the tables.
 */
import type { DatabaseSync } from 'node:sqlite'
import { StoreError } from '../core/errors.ts'

/** In a file's header, so that another program's database is not taken for a store: `EvRs`. */
export const applicationId = 0x45765273

/**
 * Step n makes version n + 1 out of version n. A step that was released is never changed.
 *
 * `memo_bytes` adds up what the memo holds, in the same transaction as whoever writes to it.
 */
export const migrations: readonly string[] = [
  `
  PRAGMA application_id = ${applicationId};
  CREATE TABLE traces (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    hash TEXT NOT NULL,
    subject TEXT NOT NULL,
    at TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    status TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    body BLOB NOT NULL,
    inputs BLOB
  ) STRICT;
  CREATE INDEX traces_by_id ON traces (id);
  CREATE INDEX traces_by_hash ON traces (hash);
  CREATE INDEX traces_by_time ON traces (at_ms);
  CREATE TABLE memo (
    entry INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    trace_hash TEXT NOT NULL,
    exact_hash TEXT NOT NULL,
    used_ms INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    value BLOB NOT NULL
  ) STRICT;
  CREATE INDEX memo_by_use ON memo (used_ms);
  CREATE TABLE memo_bytes (one INTEGER PRIMARY KEY CHECK (one = 1), bytes INTEGER NOT NULL) STRICT;
  INSERT INTO memo_bytes VALUES (1, 0);
  CREATE TRIGGER memo_added AFTER INSERT ON memo BEGIN
    UPDATE memo_bytes SET bytes = bytes + new.bytes;
  END;
  CREATE TRIGGER memo_removed AFTER DELETE ON memo BEGIN
    UPDATE memo_bytes SET bytes = bytes - old.bytes;
  END;
  CREATE TRIGGER memo_changed AFTER UPDATE OF bytes ON memo BEGIN
    UPDATE memo_bytes SET bytes = bytes + new.bytes - old.bytes;
  END;
  CREATE TABLE instances (
    id TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    step INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    body BLOB NOT NULL
  ) STRICT;
  CREATE INDEX instances_by_time ON instances (at_ms);
  CREATE TABLE profiles (
    key TEXT PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    runs INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    sums TEXT NOT NULL,
    times BLOB NOT NULL
  ) STRICT;
  CREATE INDEX profiles_by_time ON profiles (at_ms);
  `,
]

/**
 * Refuses a file that is not for this version of ours to open; changes nothing.
 * @throws StoreError ER_STORE for another program's database and for a file of a newer version.
 */
export function refuseForeign(sqlite: DatabaseSync, path: string, latest = migrations.length): void {
  const version = headerField(sqlite, 'user_version')
  const application = headerField(sqlite, 'application_id')
  const tables = sqlite.prepare('SELECT count(*) AS count FROM sqlite_schema').get()?.['count']
  if (application !== applicationId && (application !== 0 || version !== 0 || tables !== 0)) {
    throw new StoreError(
      'ER_STORE',
      `${path} is a database of another program, not a store; give the store another path`,
    )
  }
  if (version > latest) {
    throw new StoreError(
      'ER_STORE',
      `The store ${path} was written by a newer evidence-runner (form ${version}, this one knows ${latest}); update evidence-runner, or give another path`,
    )
  }
}

/** Brings a file up to the last of `steps`, each in a transaction of its own, whoever else is at it. */
export function migrate(sqlite: DatabaseSync, steps: readonly string[] = migrations): void {
  while (headerField(sqlite, 'user_version') < steps.length) {
    sqlite.exec('BEGIN IMMEDIATE')
    try {
      // Looked at again, now that nobody else can be at it: another process may have been quicker.
      const version = headerField(sqlite, 'user_version')
      const step = steps[version]
      if (step !== undefined) sqlite.exec(`${step}; PRAGMA user_version = ${version + 1}`)
      sqlite.exec('COMMIT')
    } catch (error) {
      if (sqlite.isTransaction) sqlite.exec('ROLLBACK')
      throw error
    }
  }
}

const headerField = (sqlite: DatabaseSync, name: 'user_version' | 'application_id'): number =>
  Number(sqlite.prepare(`PRAGMA ${name}`).get()?.[name])
