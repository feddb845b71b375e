/** What a store can be told when it is opened: every key, its range, its default. */
import * as z from 'zod'
import { errorOf, type StoreError } from '../core/errors.ts'

const bytes = z.int().min(1)

const optionsSchema = z.strictObject({
  /** Whether what runs were given is kept with their traces, so that they can be run again. @default false */
  keepInputs: z.boolean().default(false),
  /** What the file may hold; beyond, the oldest is dropped. Instances that run or wait stay. @default 256 MiB */
  retainBytes: bytes.default(2 ** 28),
  /** After how many days anything is dropped, instances that run or wait excepted. @default 30 */
  retainDays: z.number().positive().default(30),
  /** What memo entries may hold together; beyond, those used longest ago are dropped. @default a quarter of `retainBytes` */
  memoBytes: bytes.optional(),
  /** What the file may never grow beyond: writing then fails as on a full disk. @default no limit */
  maxFileBytes: bytes.default(2 ** 44),
  /** How long opening, reading and saving an instance wait for a locked file. @default 5000 */
  busyTimeoutMs: z.number().min(0).default(5000),
  /** How long what was handed over may wait in memory before it is written. @default 100 */
  flushEveryMs: z.number().min(0).default(100),
  /** Records that may wait in memory; beyond, the oldest are dropped. @default 20_000 */
  mostPending: z.int().min(1).default(20_000),
  /** The same in bytes, about. @default 64 MiB */
  mostPendingBytes: bytes.default(2 ** 26),
  /** Told what went wrong where nobody waits: each kind of fault at most once a minute. */
  onError: z
    .custom<(error: StoreError) => void>(value => typeof value === 'function', 'must be a function')
    .optional(),
})

/** What a store can be told when it is opened. */
export type StoreOptions = z.input<typeof optionsSchema>

/** The same with the defaults in. */
export type ResolvedStoreOptions = z.output<typeof optionsSchema> & { readonly memoBytes: number }

/** @throws InputError ER_CONFIG for a key that does not exist or a value out of range. */
export function parseStoreOptions(options: StoreOptions): ResolvedStoreOptions {
  const { data, error } = optionsSchema.safeParse(options)
  if (data === undefined) throw errorOf('ER_CONFIG', `A store can't be opened so: ${z.prettifyError(error)}`)
  return { ...data, memoBytes: data.memoBytes ?? Math.ceil(data.retainBytes / 4) }
}
