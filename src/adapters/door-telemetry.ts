/**
 * What telemetry tells of a door: for each call a span under its caller's, how long it took and what it failed with;
 * how many are at work and how many wait; how many were turned away. The same for every door.
 *
 *   call ──► waiting ⇄ running ──► answer or error
 *
 * As all telemetry it changes no answer: what a call gives or throws goes on as it came.
 */
import { now } from '../core/async.ts'
import { RunnerError } from '../core/errors.ts'
import {
  continueTrace,
  errorTypeOf,
  type SpanKindName,
  Telemetry,
  type TelemetryAttributes,
} from '../core/telemetry.ts'
import { names, toolCall } from '../core/telemetry-names.ts'

/** The doors there are, as telemetry names them. */
export type DoorName = 'mcp' | 'a2a' | 'events' | 'queue'

/** A call as it comes in. */
export type DoorCall = {
  /** What is asked for: one of a few words, never a caller's own. */
  readonly asked: string
  /** What its span is called. */
  readonly span: string
  readonly kind: SpanKindName
  /** Where the caller's trace is carried on from. @default the span that is active here */
  readonly traceparent?: string | undefined
  /** Aborted when its caller leaves: then it was canceled and did not fail. */
  readonly signal?: AbortSignal | undefined
  /** Of its span. */
  readonly attributes?: TelemetryAttributes | undefined
}

/** A call that was let in, for whoever does it. */
export type OpenCall = {
  /** Its turn has come: it waits no longer. */
  begin(): void
  /** It waits again. */
  pause(): void
  /** What is asked for, where it is only known now. */
  asks(what: string): void
  /** More of its span. */
  note(attributes: TelemetryAttributes): void
}

/** What a call failed with that its caller gave up. */
const canceled = 'canceled'

/** One door's telemetry; any number of them may stand for one door. */
export class DoorTelemetry {
  readonly #by: TelemetryAttributes
  readonly #telemetry: Telemetry
  readonly #on: boolean

  /** @param on whether spans and metrics are written to the OpenTelemetry API */
  constructor(door: DoorName, on = true) {
    this.#by = { [names.door]: door }
    this.#telemetry = new Telemetry({ openTelemetry: on })
    this.#on = on
  }

  /** Does the work of a call. @throws what `work` throws. */
  async call<T>(call: DoorCall, work: (open: OpenCall) => Promise<T>): Promise<T> {
    if (!this.#on) return continueTrace(call.traceparent, () => work(silent))
    const { attributes = {}, kind, signal, span, traceparent } = call
    const errorType = (error: unknown) => failureOf(error, signal)
    const place = { kind, errorType, ...(traceparent === undefined ? {} : { parent: traceparent }) }
    const stay = new Stay(this.#telemetry, this.#by)
    const begin = now()
    let { asked } = call
    let failure = {}
    try {
      return await this.#telemetry.span(
        span,
        attributes,
        (_, note) => {
          const asks = (what: string) => {
            asked = what
          }
          return work({ begin: () => stay.move('running'), pause: () => stay.move('waiting'), asks, note })
        },
        place,
      )
    } catch (error) {
      failure = { [names.errorType]: errorType(error) }
      throw error
    } finally {
      stay.move('gone')
      const ms = now() - begin
      this.#telemetry.record(names.doorDuration, ms, { ...this.#by, [names.asked]: asked, ...failure })
      if (attributes[names.mcpMethod] !== undefined)
        this.#telemetry.record(names.mcpDuration, ms / 1000, { ...conventional(attributes), ...failure })
    }
  }

  /** Counts a call that was turned away: under a code of ours, the status of HTTP, or a word for what it was. */
  refused(why: string): void {
    this.#telemetry.count(names.doorRefused, 1, { ...this.#by, [names.errorType]: why })
  }
}

/** The span's name and attributes of a call for a tool, as the conventions for MCP have them. */
export const toolSpan = (
  tool: string,
): Pick<DoorCall, 'span' | 'kind'> & { attributes: TelemetryAttributes } => ({
  span: `${toolCall.method} ${tool}`,
  kind: 'server',
  attributes: {
    [names.mcpMethod]: toolCall.method,
    [names.tool]: tool,
    [names.operation]: toolCall.operation,
  },
})

/** Of a span's attributes those that the convention's metric has. */
function conventional(attributes: TelemetryAttributes): TelemetryAttributes {
  const { [names.mcpMethod]: method, [names.tool]: tool, [names.operation]: operation } = attributes
  return { [names.mcpMethod]: method, [names.tool]: tool, [names.operation]: operation }
}

/**
 * What a failure is noted as: our code, where the conventions for MCP would have the one word `tool_error`, which
 * says no more than the status.
 */
function failureOf(error: unknown, signal: AbortSignal | undefined): string {
  const left = signal?.aborted === true && !(error instanceof RunnerError)
  return left ? canceled : errorTypeOf(error)
}

const silent: OpenCall = { begin: () => {}, pause: () => {}, asks: () => {}, note: () => {} }

const levels = { waiting: names.doorWaiting, running: names.doorRunning } as const

/** Where a call is: it is counted in one place at a time. */
class Stay {
  readonly #telemetry: Telemetry
  readonly #by: TelemetryAttributes
  #place: 'waiting' | 'running' | 'gone' = 'gone'

  constructor(telemetry: Telemetry, by: TelemetryAttributes) {
    this.#telemetry = telemetry
    this.#by = by
    this.move('waiting')
  }

  move(to: 'waiting' | 'running' | 'gone'): void {
    const from = this.#place
    if (from === to) return
    this.#place = to
    if (from !== 'gone') this.#telemetry.count(levels[from], -1, this.#by)
    if (to !== 'gone') this.#telemetry.count(levels[to], 1, this.#by)
  }
}
