/**
 * What can be wrong with a store, in words that say what to do; and the account of what went wrong off the path,
 * where nobody waits who could be told: counted by kind, and each kind told now and then.
 */
import { RunnerError, StoreError } from '../core/errors.ts'

/** What was wrong. Only `unkept` and `unread` are about one record; the others are about the file. */
export type FaultKind =
  | 'locked'
  | 'full'
  | 'damaged'
  | 'forbidden'
  | 'gone'
  | 'unreachable'
  | 'unkept'
  | 'unread'
  | 'overflow'
  | 'other'

/** SQLite's primary result codes, https://sqlite.org/rescode.html. */
const kindsByCode: Readonly<Record<number, FaultKind>> = {
  1: 'damaged', // SQLITE_ERROR: a table is not there
  3: 'forbidden', // SQLITE_PERM
  5: 'locked', // SQLITE_BUSY
  6: 'locked', // SQLITE_LOCKED
  8: 'forbidden', // SQLITE_READONLY
  10: 'unreachable', // SQLITE_IOERR
  11: 'damaged', // SQLITE_CORRUPT
  13: 'full', // SQLITE_FULL
  14: 'unreachable', // SQLITE_CANTOPEN
  15: 'locked', // SQLITE_PROTOCOL: others were quicker, again and again
  18: 'unkept', // SQLITE_TOOBIG
  26: 'damaged', // SQLITE_NOTADB
}

/** Of the file system's errors; the others are 'unreachable'. */
const kindsByErrno: Readonly<Record<string, FaultKind>> = {
  EACCES: 'forbidden',
  EPERM: 'forbidden',
  EROFS: 'forbidden',
  ENOSPC: 'full',
  EDQUOT: 'full',
}

const words: Readonly<Record<FaultKind, (path: string) => string>> = {
  locked: path => `The store ${path} is locked by another process; try again, or end the one that holds it`,
  full: path =>
    `There is no room left to write to the store ${path}; free some, or let it keep less (retainBytes)`,
  damaged: path =>
    `The store ${path} is damaged or no store; move it away with its -wal and -shm files, and a new one is made`,
  forbidden: path =>
    `The store ${path} may not be written; give this user the right to write the file and its folder`,
  gone: path =>
    `The file of the store ${path} was moved away or removed; open the store again to make a new one`,
  unreachable: path =>
    `The store ${path} can't be read or written; see that its folder is there and may be written`,
  unkept: path => `A record can't be kept in the store ${path}: it is no plain data, or too large`,
  unread: path => `A record in the store ${path} is damaged or was changed by another program`,
  overflow: path =>
    `Records come faster than they can be written to the store ${path}; the oldest were dropped`,
  other: path => `The store ${path} failed`,
}

const kinds = new WeakMap<StoreError, FaultKind>()

/** The error for a fault: retryable where waiting may help. `cause` is what was thrown. */
export function fault(kind: FaultKind, path: string, cause?: unknown): StoreError {
  const said = cause instanceof Error ? cause.message : undefined
  const message = kind === 'other' && said !== undefined ? `${words.other(path)}: ${said}` : words[kind](path)
  const error = new StoreError('ER_STORE', message, {
    cause,
    ...(said === undefined ? {} : { detail: said }),
    ...(kind === 'locked' ? { retryable: true } : {}),
  })
  kinds.set(error, kind)
  return error
}

/** What kind of fault was thrown, by SQLite, by the file system or by this room. */
export function kindOf(error: unknown): FaultKind {
  if (error instanceof StoreError) return kinds.get(error) ?? 'other'
  const { errcode, code, syscall } = (error ?? {}) as Record<string, unknown>
  if (typeof errcode === 'number') return kindsByCode[errcode & 0xff] ?? 'other'
  if (typeof code === 'string' && kindsByErrno[code] !== undefined) return kindsByErrno[code]
  return typeof syscall === 'string' ? 'unreachable' : 'other'
}

/** Whether SQLite threw it. */
export const isOfSqlite = (error: unknown): boolean =>
  typeof (error as { errcode?: unknown } | undefined)?.errcode === 'number'

/** Anything thrown as a StoreError; `otherwise` is the kind of what neither SQLite nor the file system threw. */
export function storeError(error: unknown, path: string, otherwise: FaultKind = 'other'): StoreError {
  if (error instanceof StoreError) return error
  const kind = kindOf(error)
  return fault(kind === 'other' ? otherwise : kind, path, error)
}

/** How often one kind is told at most. */
const tellEveryMs = 60_000

/** Counts faults and tells of them. */
export class Faults {
  readonly #path: string
  readonly #onError: (error: StoreError) => void
  readonly #toldAt = new Map<FaultKind, number>()
  readonly #counts: Partial<Record<FaultKind, number>> = {}
  #last: StoreError | undefined

  constructor(path: string, onError: (error: StoreError) => void) {
    this.#path = path
    this.#onError = onError
  }

  /** How often each kind has come up. */
  get counts(): Readonly<Partial<Record<FaultKind, number>>> {
    return { ...this.#counts }
  }

  get last(): StoreError | undefined {
    return this.#last
  }

  /** Counts what was thrown, tells of it if it is time, and says of what kind it is. */
  note(thrown: unknown, otherwise?: FaultKind): FaultKind {
    const error = storeError(thrown, this.#path, otherwise)
    const kind = kindOf(error)
    this.#last = error
    this.#counts[kind] = (this.#counts[kind] ?? 0) + 1
    const toldAt = this.#toldAt.get(kind)
    if (toldAt !== undefined && performance.now() - toldAt < tellEveryMs) return kind
    this.#toldAt.set(kind, performance.now())
    try {
      this.#onError(error)
    } catch {
      // A listener's fault is its own.
    }
    return kind
  }

  /** The same, but for a lock, since others may write, too, and it passes; and for the end of the store. */
  noteLasting(thrown: unknown): void {
    const isOver = thrown instanceof RunnerError && thrown.code === 'ER_CLOSED'
    if (!isOver && kindOf(thrown) !== 'locked') this.note(thrown)
  }

  /** The same as `note` for a fault that nothing was thrown for. */
  noteKind(kind: FaultKind): void {
    this.note(fault(kind, this.#path))
  }
}
