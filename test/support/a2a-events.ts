/** Events to the consumer, a consumer that keeps what it tells, and a check of claims that ends when it is told to. */
import {
  type DeadLetter,
  type EnhancedEvent,
  EventConsumer,
  type EventConsumerOptions,
} from '../../src/adapters/a2a.ts'
import type { EnhanceOptions, EvidenceContext } from '../../src/evidence/request.ts'
import type { EnhancedEvidence } from '../../src/evidence/result.ts'
import { claim, sources } from './a2a-client.ts'
import { turns, until } from './condition.ts'
import { fakeEnhancer } from './fake-enhancer.ts'

/** An event with a claim. */
export const event = (id: string, changes: object = {}) => ({
  specversion: '1.0',
  id,
  source: '/tests',
  type: 'com.example.claim.v1',
  data: { claim, sources },
  ...changes,
})

/** Who checks the claim of an event. */
export type Check = (context: EvidenceContext, options: EnhanceOptions) => Promise<EnhancedEvidence>

/** A consumer over the product without a process, or over `check`, and everything that it told. */
export function consumerOf(options: Partial<EventConsumerOptions> = {}, check?: Check) {
  const results: EnhancedEvent[] = []
  const letters: DeadLetter[] = []
  const notes: string[] = []
  const { enhancer } = fakeEnhancer()
  const consumer = new EventConsumer(check === undefined ? enhancer : { enhanceEvidence: check as never }, {
    onResult: result => results.push(result),
    onDeadLetter: letter => letters.push(letter),
    onNote: note => notes.push(note),
    backoffMs: 1,
    ...options,
  })
  const answered = () => results.map(({ data }) => data.event.id)
  return { consumer, enhancer, results, letters, notes, answered }
}

/** Answers at once, without a process. */
export const { enhancer: answering } = fakeEnhancer()

/** Answers when it is told to. */
export function gated() {
  const begun: string[] = []
  const gates = new Map<string, () => void>()
  let running = 0
  let most = 0
  const check: Check = async (context, { signal }) => {
    begun.push(context.taskId)
    running += 1
    most = Math.max(most, running)
    const { promise, reject, resolve } = Promise.withResolvers<void>()
    gates.set(context.taskId, resolve)
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    try {
      await promise
      return await answering.enhanceEvidence(context)
    } finally {
      running -= 1
    }
  }
  const open = async (id: string) => {
    await until(`${id} begins`, () => gates.has(id))
    gates.get(id)?.()
    await turns()
  }
  return { begun, check, open, most: () => most }
}
