/** What is said of one A2A task: its events, in the order that clients rely on. */
import { randomUUID } from 'node:crypto'
import {
  type Artifact,
  type Message,
  type Part,
  Role,
  type TaskArtifactUpdateEvent,
  TaskState,
} from '@a2a-js/sdk'
import { AgentEvent, type ExecutionEventBus, type RequestContext } from '@a2a-js/sdk/server'
import { now } from '../core/async.ts'
import { errorRules } from '../core/errors.ts'
import type { Progress } from '../evidence/request.ts'
import { dataPart, textPart } from './a2a-answer.ts'
import { type ToolError, toolError } from './door.ts'

/** Milliseconds between two words of progress at least: each is stored and sent to every listener. */
const progressEveryMs = 100

/** The voice of one task. */
export class TaskEvents {
  readonly #taskId: string
  readonly #contextId: string
  readonly #bus: ExecutionEventBus
  #lastProgress = Number.NEGATIVE_INFINITY

  constructor({ taskId, contextId }: RequestContext, bus: ExecutionEventBus) {
    this.#taskId = taskId
    this.#contextId = contextId
    this.#bus = bus
  }

  /** The task itself, which has to come before anything else of it. The SDK adds the message to its history. */
  submitted(): void {
    this.#bus.publish(
      AgentEvent.task({
        id: this.#taskId,
        contextId: this.#contextId,
        status: { state: TaskState.TASK_STATE_SUBMITTED, message: undefined, timestamp: timestamp() },
        artifacts: [],
        history: [],
        metadata: {},
      }),
    )
  }

  /** At work; `metadata` says how far. */
  working(metadata: Record<string, unknown>): void {
    this.status(TaskState.TASK_STATE_WORKING, [], metadata)
  }

  /** As metadata and not as a message, which would stay in the task's history for good. */
  progress(progress: Progress): void {
    const at = now()
    if (at - this.#lastProgress < progressEveryMs && progress.done < progress.total) return
    this.#lastProgress = at
    this.working({ progress })
  }

  /** One answer, whole. */
  artifact(artifactId: string, parts: Part[]): void {
    const artifact: Artifact = {
      artifactId,
      name: artifactId,
      description: 'What the sources say of the claim, with verbatim citations',
      parts,
      metadata: undefined,
      extensions: [],
    }
    const event: TaskArtifactUpdateEvent = {
      taskId: this.#taskId,
      contextId: this.#contextId,
      artifact,
      append: false,
      lastChunk: true,
      metadata: undefined,
    }
    this.#bus.publish(AgentEvent.artifactUpdate(event))
  }

  /** The end that the error table gives an error; a cancel is no error. */
  failed(error: unknown, signal: AbortSignal): void {
    if (signal.aborted && error === signal.reason && error instanceof DOMException) {
      this.status(TaskState.TASK_STATE_CANCELED, [textPart(error.message)])
      return
    }
    const told: ToolError = toolError(error)
    const rejected = errorRules[told.code].a2a === 'rejected'
    this.status(
      rejected ? TaskState.TASK_STATE_REJECTED : TaskState.TASK_STATE_FAILED,
      [textPart(`${told.code}: ${told.message}`), dataPart({ error: told })],
      { error: told },
    )
  }

  /** A new state, with words for the client where there are any. */
  status(state: TaskState, parts: Part[], metadata?: Record<string, unknown>): void {
    this.#bus.publish(
      AgentEvent.statusUpdate({
        taskId: this.#taskId,
        contextId: this.#contextId,
        status: {
          state,
          message: parts.length === 0 ? undefined : this.#message(parts),
          timestamp: timestamp(),
        },
        metadata,
      }),
    )
  }

  #message(parts: Part[]): Message {
    return {
      messageId: randomUUID(),
      contextId: this.#contextId,
      taskId: this.#taskId,
      role: Role.ROLE_AGENT,
      parts,
      metadata: undefined,
      extensions: [],
      referenceTaskIds: [],
    }
  }
}

const timestamp = (): string => new Date().toISOString()
