/** What the keys and channels of a queue are called. */
import { InputError } from '../core/errors.ts'
import { names } from '../core/telemetry-names.ts'

/** Where producers and consumers meet unless they are told otherwise. */
export const defaultQueue = { name: 'claims', prefix: 'evidence-runner' } as const

/** Whatever knows the names of BullMQ's own keys: a Queue or a Worker. */
type Keys = { toKey(kind: string): string }

/** The key of a job's outcome. */
export const outcomeKey = (keys: Keys, jobId: string): string => keys.toKey(`${jobId}:outcome`)

/** The channel on which consumers hear of jobs that were cancelled. */
export const cancelChannel = (keys: Keys): string => keys.toKey('cancel')

/** What the queue's spans say of the queue, by the conventions for messaging. */
export const messaging = (operation: 'send' | 'process', queue: string) => ({
  [names.messagingSystem]: 'bullmq',
  [names.messagingOperation]: operation,
  [names.queue]: queue,
})

/** @throws InputError ER_CONFIG for a name that BullMQ can't take. */
export function queueName(name: string): string {
  if (/^[\w.-]{1,100}$/.test(name)) return name
  throw new InputError('ER_CONFIG', 'The name of a queue is made of letters, digits, _ . and -')
}
