/**
 * Puts a model of the hub onto this machine, into the hub's own cache, and says how it goes. The download itself
 * is python/evidence_runner/prepare.py, in the environment that set-up makes; what is wrong with a model that
 * has come is for its reader to say.
 */

import { join } from 'node:path'
import { errorOf, isErrorCode } from '../core/errors.ts'
import { type CommandResult, runCommand } from './command.ts'
import { type LocateOptions, locateEnvironment } from './environment.ts'
import { hubIdOf, type LocatedModel, localModel } from './hub.ts'
import { findPackageRoot } from './root.ts'

/** What is told on the way: what is to come, before it comes; then how far it is. All figures in bytes. */
export type PrepareEvent =
  | {
      readonly event: 'plan'
      readonly commit: string
      readonly files: number
      readonly bytes: number
      /** Of `bytes`, what was on this disk already. */
      readonly present: number
      readonly free: number
      /** The folder that it comes into. */
      readonly cache: string
    }
  | { readonly event: 'progress'; readonly done: number; readonly total: number }

/** A model that is on this machine. */
export type PreparedModel = LocatedModel & {
  /** Whether the hub was asked; false for a local folder, and offline. */
  readonly asked: boolean
}

/** How to prepare. Settings of the hub's (HF_HOME, HF_TOKEN, …) reach the download by themselves. */
export type PrepareOptions = Pick<LocateOptions, 'home' | 'cacheFolder' | 'python' | 'root'> & {
  readonly onEvent?: (event: PrepareEvent) => void
  readonly signal?: AbortSignal | undefined
}

/**
 * Fetches what is missing of `name`: an id of the hub, with or without a revision. Takes a local folder as it is.
 * What was cut off, here or on the way, goes on where it stopped the next time.
 *
 * @throws InputError ER_INPUT or ER_UNKNOWN_MODEL for a name that is none, or that the hub does not have.
 * @throws WorkerError ER_WORKER_SPAWN when the environment for language models is not there.
 * @throws ModelError ER_MODEL_LOAD or ER_MODEL_MISMATCH when it can't be fetched; the message says what to do.
 * @throws `signal.reason` when aborted; what has come stays.
 */
export async function prepareModel(name: string, options: PrepareOptions = {}): Promise<PreparedModel> {
  const { onEvent, signal } = options
  const local = await localModel(name)
  if (local !== undefined) return { ...local, asked: false }
  const hub = hubIdOf(name)
  if (hub === undefined) {
    throw errorOf(
      'ER_INPUT',
      `${JSON.stringify(name)} is neither a folder here nor an id of the hub, which is owner/name or owner/name@revision`,
    )
  }
  const root = options.root ?? (await findPackageRoot())
  const { python } = await locateEnvironment({ ...options, root, generator: true })
  const { id, revision } = hub
  let last: Said | undefined
  const result = await runCommand(
    python,
    ['-s', '-m', 'evidence_runner.prepare', id, ...(revision === undefined ? [] : [revision])],
    {
      folder: join(root.folder, 'python'),
      signal,
      onLine: line => {
        last = saidIn(line) ?? last
        if (last?.event === 'plan' || last?.event === 'progress') onEvent?.(last)
      },
    },
  )
  return outcomeOf(id, last as Said | undefined, result)
}

type Said =
  | PrepareEvent
  | { readonly event: 'done'; readonly folder: string; readonly commit: string; readonly asked: boolean }
  | { readonly event: 'error'; readonly code: string; readonly message: string }

function saidIn(line: string): Said | undefined {
  try {
    return JSON.parse(line) as Said
  } catch {
    // A warning of a library's.
    return undefined
  }
}

function outcomeOf(id: string, last: Said | undefined, result: CommandResult): PreparedModel {
  if (last?.event === 'error') {
    throw errorOf(isErrorCode(last.code) ? last.code : 'ER_MODEL_LOAD', last.message)
  }
  if (last?.event === 'done' && result.code === 0) {
    const { folder, commit, asked } = last
    return { folder, name: id, commit, pinned: `${id}@${commit}`, asked }
  }
  const tail = result.stderr.trim().split('\n').slice(-6).join('\n')
  throw errorOf(
    'ER_MODEL_LOAD',
    `The download of ${id} ended early (${result.problem ?? `exit code ${result.code}`}); run it again: it goes on where it stopped`,
    { detail: tail },
  )
}
