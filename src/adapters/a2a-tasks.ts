/**
 * Tasks as they stand, in memory and within bounds: the SDK's own store keeps every task for ever, with its
 * sources, and copies them all for each word of progress. Here the tasks that ended first go first, and a large
 * message is not kept in its task's history. A restart forgets all of them.
 */
import type { ListTasksRequest, ListTasksResponse, Message, Task } from '@a2a-js/sdk'
import { TaskState } from '@a2a-js/sdk'
import { resolveUserScope, type ServerCallContext, type TaskStore } from '@a2a-js/sdk/server'
import { textPart } from './a2a-answer.ts'

/** What is kept of tasks that have ended. */
export type TaskShelfOptions = {
  /** @default 1000 */
  readonly maxTasks?: number
  /** Characters of their JSON. @default 64 Mi */
  readonly maxCharacters?: number
}

/** Characters of a message that is kept as it came. */
const keptMessage = 16 * 1024

const ended: readonly (TaskState | undefined)[] = [
  TaskState.TASK_STATE_COMPLETED,
  TaskState.TASK_STATE_FAILED,
  TaskState.TASK_STATE_CANCELED,
  TaskState.TASK_STATE_REJECTED,
]

/** A store of tasks for the official SDK, bounded. */
export class TaskShelf implements TaskStore {
  readonly #maxTasks: number
  readonly #maxCharacters: number
  /** Every task, and of those that have ended their size, in the order of their ends. */
  readonly #tasks = new Map<string, Task>()
  readonly #ended = new Map<string, number>()
  #characters = 0

  constructor({ maxTasks = 1000, maxCharacters = 64 * 1024 * 1024 }: TaskShelfOptions = {}) {
    this.#maxTasks = maxTasks
    this.#maxCharacters = maxCharacters
  }

  /** Tasks and characters that are kept. */
  get figures(): { readonly tasks: number; readonly ended: number; readonly characters: number } {
    return { tasks: this.#tasks.size, ended: this.#ended.size, characters: this.#characters }
  }

  async save(task: Task, context: ServerCallContext): Promise<void> {
    const key = keyOf(task.id, context)
    const kept = { ...copyOf(task), history: task.history.map(slim) }
    this.#tasks.set(key, kept)
    this.#forgetSize(key)
    if (!ended.includes(kept.status?.state)) return
    const size = JSON.stringify(kept).length
    this.#ended.set(key, size)
    this.#characters += size
    while (this.#ended.size > this.#maxTasks || this.#characters > this.#maxCharacters) {
      const [oldest] = this.#ended.keys()
      // The newest stays whatever its size: its client has yet to hear of it.
      if (oldest === undefined || oldest === key) return
      this.#forgetSize(oldest)
      this.#tasks.delete(oldest)
    }
  }

  async load(taskId: string, context: ServerCallContext): Promise<Task | undefined> {
    const task = this.#tasks.get(keyOf(taskId, context))
    return task === undefined ? undefined : copyOf(task)
  }

  async list(params: ListTasksRequest, context: ServerCallContext): Promise<ListTasksResponse> {
    const { contextId, includeArtifacts = false, pageSize = 50, pageToken, status } = params
    const after = Date.parse(params.statusTimestampAfter ?? '')
    const found = [...this.#tasks]
      .filter(([key]) => key.startsWith(scopeOf(context)))
      .map(([, task]) => task)
      .filter(
        task =>
          (!contextId || task.contextId === contextId) &&
          (!status || task.status?.state === status) &&
          (Number.isNaN(after) || Date.parse(task.status?.timestamp ?? '') >= after),
      )
      .toSorted((one, other) => (placeOf(one) < placeOf(other) ? 1 : -1))
    const rest = pageToken ? found.filter(task => placeOf(task) < pageToken) : found
    const page = rest.slice(0, pageSize)
    const last = page.at(-1)
    return {
      tasks: page.map(task => ({ ...copyOf(task), ...(includeArtifacts ? {} : { artifacts: [] }) })),
      nextPageToken: last !== undefined && page.length < rest.length ? placeOf(last) : '',
      pageSize,
      totalSize: found.length,
    }
  }

  #forgetSize(key: string): void {
    this.#characters -= this.#ended.get(key) ?? 0
    this.#ended.delete(key)
  }
}

/** Where a task stands in a list: the later its last status, the greater. */
const placeOf = ({ id, status }: Task): string => `${status?.timestamp ?? ''} ${id}`

const scopeOf = (context: ServerCallContext): string =>
  `${JSON.stringify([context.tenant ?? '', resolveUserScope(context)])} `

const keyOf = (taskId: string, context: ServerCallContext): string => `${scopeOf(context)}${taskId}`

/** A task of its own to change; the SDK changes what is on it, never inside an artifact or a message. */
const copyOf = (task: Task): Task => ({
  ...task,
  artifacts: [...task.artifacts],
  history: [...task.history],
  metadata: { ...task.metadata },
})

function slim(message: Message): Message {
  const length = message.parts.reduce((sum, part) => sum + lengthOf(part.content?.value), 0)
  if (length <= keptMessage) return message
  return { ...message, parts: [textPart(`(${length} characters, not kept)`)] }
}

function lengthOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 8
  if (ArrayBuffer.isView(value)) return value.byteLength
  return Object.values(value).reduce<number>((sum, each) => sum + lengthOf(each), 0)
}
