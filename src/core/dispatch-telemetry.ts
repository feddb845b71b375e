/**
 * What telemetry tells of work on workers: a span and figures for each call, and a span for each batch, which
 * does the work of many calls at once and is linked to the requests of all of them.
 *
 * Not here: what crosses the pipe. A batch carries the traceparent of each of its requests; what the worker did
 * comes back as times, so that Python needs no SDK.
 */
import { now } from './async.ts'
import { mostOf } from './budgeted-dispatch.ts'
import type { Call, Dispatch, Reply, RunContext } from './call.ts'
import { nanoUsdOf } from './money.ts'
import { errorTypeOf, type Telemetry, type TelemetryAttributes } from './telemetry.ts'
import { names, operationOf, provider } from './telemetry-names.ts'

/** Tokens that a reply tells of, by where they came from. */
type Tokens = { readonly input: number; readonly output: number; readonly shared: number }

/** A Dispatch whose calls have spans under their request's, and figures for each. */
export const measured =
  (dispatch: Dispatch, telemetry: Telemetry): Dispatch =>
  async (call, context) => {
    const { variant } = call
    const own = { [names.op]: variant.op, [names.model]: variant.name }
    const shared = {
      [names.operation]: operationOf(variant.op),
      [names.provider]: provider,
      [names.model]: variant.name,
    }
    const release = hold(call, telemetry)
    const begin = now()
    let failure = {}
    try {
      const reply = await inSpan(dispatch, telemetry, call, context)
      noteReply(telemetry, call, reply, own, shared)
      return reply
    } catch (error) {
      failure = { [names.errorType]: errorTypeOf(error) }
      throw error
    } finally {
      const ms = now() - begin
      release()
      telemetry.record(names.dispatchDuration, ms, { ...own, ...failure })
      telemetry.record(names.operationDuration, ms / 1000, { ...shared, ...failure })
    }
  }

function inSpan(dispatch: Dispatch, telemetry: Telemetry, call: Call, context: RunContext): Promise<Reply> {
  const { variant, items } = call
  const operation = operationOf(variant.op)
  const { dimensions } = variant.limits
  const attributes = {
    [names.op]: variant.op,
    [names.operation]: operation,
    [names.provider]: provider,
    [names.model]: variant.name,
    [names.items]: items.length,
    ...(operation === 'embeddings' && dimensions > 0 ? { [names.dimensions]: dimensions } : {}),
  }
  // The conventions name the span of an operation of theirs after it and its model.
  const name = operation === variant.op ? names.spanDispatch : `${operation} ${variant.name}`
  const work = async (_: string, note: (attributes: TelemetryAttributes) => void) => {
    const reply = await dispatch(call, context)
    const { input, output } = tokensOf(call, reply)
    note({
      [names.inputTokens]: input,
      ...(output === 0 ? {} : { [names.outputTokens]: output }),
      [names.attempt]: reply.attempt,
      [names.queueMs]: reply.timings.queueMs,
      [names.modelMs]: reply.timings.modelMs,
      [names.wireMs]: reply.timings.wireMs,
    })
    return reply
  }
  return telemetry.span(name, attributes, work, { parent: context.traceparent, kind: 'client' })
}

/** Counts what a call may take while it is under way; call the returned function when it is over. */
function hold(call: Call, telemetry: Telemetry): () => void {
  const by = { [names.op]: call.variant.op }
  const { tokens, nanoUsd } = mostOf(call)
  telemetry.count(names.reservedTokens, tokens, by)
  if (nanoUsd > 0) telemetry.count(names.reservedMoney, nanoUsd, by)
  return () => {
    telemetry.count(names.reservedTokens, -tokens, by)
    if (nanoUsd > 0) telemetry.count(names.reservedMoney, -nanoUsd, by)
  }
}

function noteReply(
  telemetry: Telemetry,
  call: Call,
  reply: Reply,
  own: TelemetryAttributes,
  shared: TelemetryAttributes,
): void {
  const { op, price } = call.variant
  const { tokens, workerMs } = reply.usage
  const by = { [names.op]: op }
  telemetry.record(names.queueDuration, reply.timings.queueMs, own)
  telemetry.record(names.wireDuration, reply.timings.wireMs, own)
  telemetry.count(names.committedTokens, tokens, by)
  telemetry.count(names.committedTime, workerMs, by)
  const cost = nanoUsdOf((price.usdPer1kTokens * tokens + price.usdPerSecond * workerMs) / 1000)
  if (cost > 0) telemetry.count(names.committedMoney, cost, by)
  const { input, output, shared: reused } = tokensOf(call, reply)
  telemetry.record(names.tokenUsage, input, { ...shared, [names.tokenType]: 'input' })
  if (op !== 'generate') return
  telemetry.record(names.tokenUsage, output, { ...shared, [names.tokenType]: 'output' })
  const model = { [names.model]: call.variant.name }
  telemetry.count(names.generationTokens, output, model)
  telemetry.count(names.sharedTokens, reused, model)
  for (const { firstTokenMs } of answersOf(reply)) {
    if (typeof firstTokenMs !== 'number') continue
    telemetry.record(names.firstToken, firstTokenMs, model)
    telemetry.record(names.timeToFirstToken, firstTokenMs / 1000, shared)
  }
}

type Answer = Readonly<Partial<Record<'tokens' | 'promptTokens' | 'sharedTokens' | 'firstTokenMs', unknown>>>

const answersOf = ({ results }: Reply): readonly Answer[] =>
  Array.isArray(results) ? results.filter(answer => typeof answer === 'object' && answer !== null) : []

function tokensOf({ variant }: Call, reply: Reply): Tokens {
  if (variant.op !== 'generate') return { input: reply.usage.tokens, output: 0, shared: 0 }
  const total = (key: keyof Answer) =>
    answersOf(reply).reduce((sum, { [key]: value }) => sum + (typeof value === 'number' ? value : 0), 0)
  return { input: total('promptTokens'), output: total('tokens'), shared: total('sharedTokens') }
}

/** A batch as a pool tells of it when it goes to a worker. */
export type SentBatch = {
  readonly batch: number
  /** Of the worker that has it; unique among the pool's. */
  readonly generation: number
  readonly op: string
  readonly items: number
  /** Estimated. */
  readonly tokens: number
  readonly queueMs: number
  /** Of the requests that it works for, each once. */
  readonly traceparents: readonly string[]
}

/** The batches under way, so that each has its span when it is over. */
export class BatchTelemetry {
  readonly #telemetry: Telemetry
  readonly #open = new Map<number, SentBatch & { readonly beginMs: number }>()

  constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry
  }

  /** A batch has gone to a worker. */
  sent(batch: SentBatch): void {
    const by = { [names.op]: batch.op }
    this.#telemetry.record(names.batchItems, batch.items, by)
    this.#telemetry.record(names.batchTokens, batch.tokens, by)
    // Without a trace there will be no span, and nothing to remember.
    if (batch.traceparents.some(text => text !== ''))
      this.#open.set(batch.batch, { ...batch, beginMs: now() })
  }

  /** All of it is answered. */
  done(batch: number, modelMs: number): void {
    const sent = this.#open.get(batch)
    if (sent !== undefined) this.#end(sent, { [names.modelMs]: modelMs })
  }

  /** Its worker has died, with all that it had under way. */
  died(generation: number, code: string): void {
    for (const sent of this.#open.values()) if (sent.generation === generation) this.#end(sent, {}, code)
  }

  #end(sent: SentBatch & { readonly beginMs: number }, more: TelemetryAttributes, error?: string): void {
    this.#open.delete(sent.batch)
    const attributes = {
      [names.op]: sent.op,
      [names.items]: sent.items,
      [names.tokens]: sent.tokens,
      [names.queueMs]: sent.queueMs,
      [names.generation]: sent.generation,
      ...more,
    }
    const { beginMs, traceparents: requests } = sent
    const failed = error === undefined ? {} : { error }
    this.#telemetry.pastSpan(names.spanBatch, attributes, { beginMs, endMs: now(), requests, ...failed })
  }
}
