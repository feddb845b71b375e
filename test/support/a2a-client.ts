/** Messages to the A2A agent, the official client's calls that send them, and what its answers hold. */
import { randomUUID } from 'node:crypto'
import { type Message, Role, type StreamResponse, type Task, TaskState } from '@a2a-js/sdk'
import type { Client } from '@a2a-js/sdk/client'
import type { SentEvidence } from '../../src/adapters/a2a.ts'

/** A claim that its sources support. */
export const claim = 'The checkout gateway restarted twice on Monday.'
/** Sources of the claim. */
export const sources = [
  { content: 'On Monday the checkout gateway restarted twice, at 09:12 and at 14:40.', id: 'log' },
  { content: 'The nightly backup of the orders database finished without errors.', id: 'backup' },
]

/** A message with one data part. */
export const dataMessage = (value: unknown): Message => ({
  messageId: randomUUID(),
  contextId: '',
  taskId: '',
  role: Role.ROLE_USER,
  parts: [
    { content: { $case: 'data', value }, metadata: undefined, filename: '', mediaType: 'application/json' },
  ],
  metadata: undefined,
  extensions: [],
  referenceTaskIds: [],
})

/** A message with one text part. */
export const textMessage = (value: string): Message => ({
  ...dataMessage(undefined),
  parts: [{ content: { $case: 'text', value }, metadata: undefined, filename: '', mediaType: 'text/plain' }],
})

/** A message as it is sent; a blocking call unless told otherwise. */
export const request = (message: Message, returnImmediately = false) => ({
  tenant: '',
  message,
  configuration: { acceptedOutputModes: [], taskPushNotificationConfig: undefined, returnImmediately },
  metadata: undefined,
})

/** Sends a message; the task as it stands then. */
export const send = async (to: Client, message: Message, returnImmediately = false): Promise<Task> =>
  (await to.sendMessage(request(message, returnImmediately))) as Task

/** The name of a task's state. */
export const stateOf = (task: Task): string => TaskState[task.status?.state ?? 0] as string
/** The task as it stands. */
export const get = (to: Client, id: string) => to.getTask({ tenant: '', id })
/** Cancels a task. */
export const cancel = (to: Client, id: string) => to.cancelTask({ tenant: '', id, metadata: undefined })

/** The text of a task's last status. */
export const textOf = ({ status }: Task): string =>
  (status?.message?.parts ?? [])
    .flatMap(({ content }) => (content?.$case === 'text' ? [content.value] : []))
    .join('\n')

/** The evidence of an artifact. */
export const dataOf = (task: Task, place = 0): SentEvidence =>
  task.artifacts[place]?.parts.flatMap(({ content }) => (content?.$case === 'data' ? [content.value] : []))[0]

let asked = 0
/** Claims that were not asked before; each takes the worker a tenth of a second or more. */
export function longClaims(count: number): object[] {
  asked += 1
  const content = (one: number, two: number) =>
    `In run ${asked}.${one}.${two} the queue of shard ${two} held ${one + two} jobs, which was ${two} too many for it.`
  return Array.from({ length: count }, (_, one) => ({
    claim: `In run ${asked} of ${one} the queue was too long.`,
    sources: Array.from({ length: 25 }, (_, two) => ({ content: content(one, two) })),
  }))
}

/** A message that takes the worker seconds. */
export const longMessage = (claims = 80): Message => dataMessage({ claims: longClaims(claims) })

/** All events of a stream. */
export async function collect(stream: AsyncIterable<StreamResponse>): Promise<StreamResponse[]> {
  const events: StreamResponse[] = []
  for await (const event of stream) events.push(event)
  return events
}

/** The task once it has ended. */
export async function ended(from: Client, id: string): Promise<Task> {
  for (;;) {
    const task = await get(from, id)
    if (stateOf(task) !== 'TASK_STATE_SUBMITTED' && stateOf(task) !== 'TASK_STATE_WORKING') return task
  }
}
