/**
 * The program of a thread that folds a store's write-ahead log into its file, over a connection of its own. Told
 * when, by a message `true`; `false` is the end.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { loadSqlite } from './sqlite.ts'

const { DatabaseSync } = loadSqlite()
// This thread may wait for a writer to be done: nothing else runs in it.
const sqlite = new DatabaseSync(workerData as string, { timeout: 1000 })
sqlite.exec('PRAGMA synchronous = NORMAL')
// The first does the work beside whoever writes; the second then takes what came meanwhile, and has the next one
// write at the beginning of the log again, which would else grow on and on while there is always somebody writing.
const statements = ['PASSIVE', 'RESTART'].map(mode => sqlite.prepare(`PRAGMA wal_checkpoint(${mode})`))

parentPort?.on('message', (isWanted: boolean) => {
  try {
    for (const statement of statements) statement.get()
  } catch {
    // Another process is at it, or the next write will tell what is wrong.
  }
  if (isWanted) return
  sqlite.close()
  parentPort?.close()
})
