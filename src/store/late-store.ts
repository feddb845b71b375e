/**
 * A store that is opened in the background, for those whose answers must not wait for it or fail with it:
 * what comes meanwhile waits, and where the file can't be had it is dropped and the reason told.
 */
import { type ErrorRecord, errorRecord } from '../core/errors.ts'
import type { MemoStore, Profiles, TraceSink } from '../plan/ports.ts'
import { openStore, type Store, type StoreFigures, type StoreOptions } from './store.ts'

export class LateStore {
  readonly #store: Promise<Store | undefined>
  #state: Store | ErrorRecord | undefined

  /** Begins to open the file at `path`; `onError` hears why it can't be, and of what can't be written later. */
  constructor(path: string, options: StoreOptions, onError: (error: unknown) => void) {
    this.#store = openStore(path, { ...options, onError }).then(
      store => {
        this.#state = store
        return store
      },
      (error: unknown) => {
        this.#state = errorRecord(error)
        onError(error)
        return undefined
      },
    )
  }

  readonly traces: TraceSink = {
    write: trace => void this.#store.then(store => store?.traces.write(trace)),
  }

  readonly memo: MemoStore = {
    get: async key => (await this.#store)?.memo.get(key),
    set: (key, entry) => void this.#store.then(store => store?.memo.set(key, entry)),
  }

  /** Knows nothing until the file is open. */
  readonly profiles: Profiles = {
    get: key =>
      this.#state !== undefined && 'profiles' in this.#state ? this.#state.profiles.get(key) : undefined,
    note: (key, ok, cost) => void this.#store.then(store => store?.profiles.note(key, ok, cost)),
  }

  /** Figures of the store, or why there is none; null while it is being opened. */
  get figures(): StoreFigures | ErrorRecord | null {
    const state = this.#state
    if (state === undefined) return null
    return 'figures' in state ? state.figures : state
  }

  /** Writes what waits, and lets go of the file. */
  async close(): Promise<void> {
    await (await this.#store)?.close()
  }
}
