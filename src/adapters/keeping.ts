/**
 * What the command line keeps from run to run, as its options say: a trace of each claim in a file, unless told
 * otherwise, and passages in a folder where one is named. No answer waits for either or fails with it.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type ErrorRecord, errorOf, InputError, StoreError } from '../core/errors.ts'
import type { TelemetrySink } from '../core/telemetry.ts'
import type { EvidenceEnhancerConfig } from '../evidence/config.ts'
import type { StoredTrace } from '../plan/ports.ts'
import { openStore } from '../runner.ts'
import { type Arguments, text } from './arguments.ts'
import { installed } from './installed.ts'
import type { LanceStore, LanceStoreOptions } from './lancedb.ts'

/** The file of the traces; undefined where none is kept. */
export const tracesFile = (given: Arguments, home: string): string | undefined =>
  given.values['no-store'] === true ? undefined : (text(given, 'store') ?? join(home, 'store.db'))

/** What the options say of an enhancer that checks claims; `onNote` hears what could not be kept. */
export function keepingOf(
  given: Arguments,
  home: string,
  vectorStore: LanceStore | undefined,
  onNote: (note: string) => void,
): EvidenceEnhancerConfig {
  const path = tracesFile(given, home)
  const keepInputs = given.values['keep-inputs'] === true
  return {
    ...(path === undefined ? {} : { store: { path, keepInputs } }),
    ...(vectorStore === undefined ? {} : { vectorStore }),
    telemetryCallback: failuresTo(onNote),
  }
}

/** What each event of a store means to whoever runs this. */
const failures: Readonly<Record<string, string>> = {
  'store-failed': 'Traces are not kept',
  'vector-store-failed': 'Passages are not kept or not found',
}

/** The same failure is told once in this time. */
const tellEveryMs = 60_000

/** Tells what went wrong with a store, and nothing else. */
function failuresTo(onNote: (note: string) => void): TelemetrySink {
  const toldAt = new Map<string, number>()
  return ({ event, error }) => {
    const what = failures[event]
    if (what === undefined) return
    const at = performance.now()
    if (at - (toldAt.get(event) ?? Number.NEGATIVE_INFINITY) < tellEveryMs) return
    toldAt.set(event, at)
    onNote(`${what}: ${(error as ErrorRecord).message}`)
  }
}

/** How long a caller waits for a file of traces that another process has locked, in milliseconds. */
const lockedMs = 2000

/**
 * The traces in a file, for callers from outside: opened for each look, so that a file that was not there or
 * broken may be there and whole the next time. What ails it is told to `onNote`; callers get no path.
 */
export const tracesIn = (
  path: string,
  onNote: (note: string) => void,
): { get(idOrHash: string): Promise<StoredTrace | undefined> } => ({
  async get(idOrHash) {
    if (!existsSync(path)) return undefined // a store that is only looked at is not made
    try {
      await using store = await openStore(path, { busyTimeoutMs: lockedMs })
      return await store.traces.get(idOrHash)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      onNote(`A trace could not be looked up: ${error.message}`)
      const { retryable } = error
      const why = retryable
        ? 'another process has locked it; try again'
        : 'the standard error of this server says why'
      throw errorOf('ER_STORE', `The store of traces can't be read: ${why}`, { cause: error, retryable })
    }
  },
})

/** The folder of the passages as the options name it; undefined where they name none. */
export async function openPassages(given: Arguments): Promise<LanceStore | undefined> {
  const folder = text(given, 'vector-store')
  const readOnly = given.values['vector-read-only'] === true
  if (folder !== undefined) return openFolder(folder, { readOnly })
  if (readOnly) throw new InputError('ER_INPUT', '--vector-read-only needs --vector-store DIR')
  return undefined
}

/**
 * Opens a folder of passages.
 * @throws InputError ER_CONFIG where LanceDB is not installed; StoreError ER_STORE, retryable, where another
 * process writes to it.
 */
export async function openFolder(folder: string, options: LanceStoreOptions): Promise<LanceStore> {
  const { openLanceStore } = await installed(
    '--vector-store',
    ['@lancedb/lancedb'],
    () => import('./lancedb.ts'),
  )
  try {
    return await openLanceStore(folder, options)
  } catch (error) {
    if (!(error instanceof StoreError && error.retryable)) throw error
    const message = `${error.message} (here: --vector-read-only, or end that process)`
    throw errorOf('ER_STORE', message, { cause: error, retryable: true })
  }
}
