/**
 * How far an instance is, as it is kept. `step` counts writes, since by it a store tells who is behind; a
 * write that changes nothing but the status is no step of the dataflow, and must not change the key of the
 * one that may have been begun. So a record that was written for its status alone keeps, in `nodeId`, when
 * its node's turn came:
 *
 *   { nodeId: 'check', step: 5 }        check came to be next with write 5
 *   { nodeId: 'check#5', step: 7 }      the same, and since then it was paused and resumed
 */
import { errorOf } from '../core/errors.ts'
import { contentHash } from '../core/hash.ts'
import type { InstanceRecord, InstanceStatus, InstanceStore } from './ports.ts'

/** The node that is next, and the write with which it came to be. */
export type InstancePlace = { readonly nodeId: string; readonly step: number }

/** Where an instance is. */
export function placeOf({ nodeId, step }: InstanceRecord): InstancePlace {
  const [node = '', since] = nodeId.split('#')
  return { nodeId: node, step: since === undefined ? step : Number(since) }
}

/** The next record where only the status changes, and an error is told or no longer told. */
export function withStatus(
  record: InstanceRecord,
  status: InstanceStatus,
  error?: InstanceRecord['error'],
): InstanceRecord {
  const { error: _, ...rest } = record
  const { nodeId, step } = placeOf(record)
  return { ...rest, status, nodeId: `${nodeId}#${step}`, step: record.step + 1, ...(error && { error }) }
}

/** What a step is known by, however often it is begun. 64 hex digits. */
export const idempotencyKey = (instanceId: string, { nodeId, step }: InstancePlace): string =>
  contentHash('dataflow-step', instanceId, step, nodeId)

/** The id of the instance that a node runs in its turn. */
export const nestedId = (instanceId: string, { nodeId, step }: InstancePlace): string =>
  `${instanceId}/${nodeId}#${step}`

/** True for an instance that nothing more will come of. */
export const isOver = ({ status }: InstanceRecord): boolean =>
  status === 'completed' || status === 'cancelled'

/** What may be asked of an instance, beside going on. */
export type Asked = 'paused' | 'cancelled'

/**
 * Writes that an instance is paused or cancelled, after those inside it; whoever runs it is refused its next
 * write.
 * @throws InputError ER_INPUT for one that is over, or is to be paused and isn't running; StoreError
 * ER_STORE.
 */
export async function stopped(
  store: InstanceStore,
  record: InstanceRecord,
  status: Asked,
): Promise<InstanceRecord> {
  for (let stored = record; ; ) {
    if (stored.status === status) return stored
    if (isOver(stored) || (status === 'paused' && stored.status !== 'running'))
      throw errorOf('ER_INPUT', `Instance ${stored.id} is ${stored.status} and can't be ${status}`)
    const inner = await store.load(nestedId(stored.id, placeOf(stored)))
    if (inner !== undefined && (status === 'paused' ? inner.status === 'running' : !isOver(inner)))
      await stopped(store, inner, status)
    const next = withStatus(stored, status)
    try {
      await store.save(next)
      return next
    } catch (error) {
      const later = await store.load(stored.id)
      // Unless whoever runs it has kept another step meanwhile, the store has failed.
      if (later === undefined || later.step === stored.step) throw error
      stored = later
    }
  }
}

/** Keeps instances for as long as the process lives. */
export function memoryInstances(): InstanceStore {
  // As text, so that what is kept is what another store would keep, and nobody else holds it.
  const records = new Map<string, string>()
  const read = (text: string) => JSON.parse(text) as InstanceRecord
  return {
    load: async id => {
      const text = records.get(id)
      return text === undefined ? undefined : read(text)
    },
    save: async record => {
      const stored = records.get(record.id)
      const before = stored === undefined ? -1 : read(stored).step
      if (before !== record.step - 1)
        throw errorOf(
          'ER_STORE',
          `Step ${record.step} of instance ${record.id} does not follow step ${before}, which is stored`,
        )
      records.set(record.id, JSON.stringify(record))
    },
    list: async status =>
      [...records.values()].map(read).filter(record => status === undefined || record.status === status),
  }
}
