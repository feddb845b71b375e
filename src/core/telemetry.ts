/**
 * Telemetry off the path: events go into a bounded ring that is emptied between turns of the event loop, so
 * a sink that throws, hangs or floods changes no answer. Spans and metrics go through the OpenTelemetry API,
 * which does nothing until the host registers an SDK. The only file that imports that API.
 */
import {
  type Attributes,
  type Context,
  type Counter,
  context,
  type Histogram,
  isSpanContextValid,
  type MeterProvider,
  metrics,
  type ObservableResult,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  type UpDownCounter,
} from '@opentelemetry/api'
import { RunnerError } from './errors.ts'
import { type Metric, type MetricName, metricTable, names } from './telemetry-names.ts'

export { names } from './telemetry-names.ts'

/** An event as a sink sees it: `event` names it, the rest are its own fields. */
export type TelemetryEvent = { readonly event: string; readonly timestamp: string } & Readonly<
  Record<string, unknown>
>

/** Receives events, one at a time, after the fact. What it throws or rejects with is counted and dropped. */
export type TelemetrySink = (event: TelemetryEvent) => unknown

/** Where telemetry goes, and how much of it may wait. */
export type TelemetryOptions = {
  readonly sink?: TelemetrySink | undefined
  /** Events that may wait; the oldest is dropped beyond. @default 1024 */
  readonly capacity?: number
  /** Whether spans and metrics are written to the OpenTelemetry API. @default true */
  readonly openTelemetry?: boolean
}

/** What a metric or a span can be told apart by. */
export type TelemetryAttributes = Attributes

/** Where a span stands among others. */
export type SpanPlace = {
  /** The traceparent that it belongs under. @default the span that is active here */
  readonly parent?: string
  /** @default 'internal' */
  readonly kind?: SpanKindName
  /** What a failure is noted as. @default errorTypeOf */
  readonly errorType?: (error: unknown) => string
}

/** On which side of a call a span stands. */
export type SpanKindName = 'internal' | 'client' | 'server' | 'producer' | 'consumer'

/** Work that is over, on the clock of `performance.now()`. */
export type PastWork = {
  readonly beginMs: number
  readonly endMs: number
  /** The traceparents of all for whom it was done. */
  readonly requests: readonly string[]
  /** What it failed with. */
  readonly error?: string
}

/** One figure of several that a metric has, by its attributes. */
export type Observed = { readonly value: number; readonly attributes: TelemetryAttributes }

type Figure = number | readonly Observed[]
/** What has to be asked for elsewhere may come later, and must come within bounds: collecting waits for it. */
type Figures = Readonly<Partial<Record<MetricName, () => Figure | Promise<Figure>>>>
type Instrument = Histogram | Counter | UpDownCounter

/** Events handed to a sink at most before the event loop gets its turn back. */
const eventsPerTurn = 64

export class Telemetry {
  readonly #sink: TelemetrySink | undefined
  readonly #capacity: number
  readonly #openTelemetry: boolean
  readonly #instruments = new Map<string, Instrument>()
  /** What is observed, and how each is let go of. */
  readonly #observed = new Map<Figures, () => void>()
  #provider: MeterProvider | undefined
  #waiting: TelemetryEvent[] = []
  #scheduled = false
  /** Events that the sink has and has not finished with. */
  #underWay = 0
  #dropped = 0
  #sinkErrors = 0

  constructor(options: TelemetryOptions = {}) {
    this.#sink = options.sink
    this.#capacity = options.capacity ?? 1024
    this.#openTelemetry = options.openTelemetry ?? true
  }

  /** Notes an event; costs a push. Nothing is kept without a sink. */
  emit(event: string, fields: Readonly<Record<string, unknown>> = {}): void {
    if (this.#sink === undefined) return
    if (this.#waiting.length >= this.#capacity) {
      this.#waiting.shift()
      this.#dropped += 1
    }
    this.#waiting.push({ ...fields, event, timestamp: new Date().toISOString() })
    this.#schedule()
  }

  /** Notes a duration or size. */
  record(name: MetricName, value: number, attributes: TelemetryAttributes = {}): void {
    this.#quietly(() => (this.#instrument(name) as Histogram | undefined)?.record(value, attributes))
  }

  /** Adds to a counter, or to a level, which goes down with a negative value. */
  count(name: MetricName, value = 1, attributes: TelemetryAttributes = {}): void {
    this.#quietly(() => (this.#instrument(name) as Counter | undefined)?.add(value, attributes))
  }

  /** Reads figures whenever metrics are collected, from now until the returned function is called. */
  observe(figures: Figures): () => void {
    if (!this.#openTelemetry) return () => {}
    this.#quietly(() => this.#renew())
    this.#observed.set(figures, this.#quietly(() => this.#attach(figures)) ?? (() => {}))
    return () => {
      this.#quietly(() => this.#observed.get(figures)?.())
      this.#observed.delete(figures)
    }
  }

  /** Runs `work` inside a span; its error is noted on the span and goes on as it came. */
  async span<T>(
    name: string,
    attributes: TelemetryAttributes,
    work: (traceparent: string, note: (attributes: TelemetryAttributes) => void) => Promise<T>,
    place: SpanPlace = {},
  ): Promise<T> {
    const span = this.#quietly(() => {
      if (!this.#openTelemetry) return undefined
      const kind = kinds[place.kind ?? 'internal']
      return trace.getTracer(names.scope).startSpan(name, { attributes, kind }, under(place.parent))
    })
    if (span === undefined) return work('', () => {})
    const note = (more: TelemetryAttributes) => this.#quietly(() => span.setAttributes(more))
    const { errorType = errorTypeOf } = place
    const traceparent = this.#quietly(() => textOf(span.spanContext())) ?? ''
    try {
      return await once(
        run => this.#quietly(() => context.with(trace.setSpan(context.active(), span), run)),
        () => work(traceparent, note),
      )
    } catch (error) {
      this.#quietly(() => span.setStatus({ code: SpanStatusCode.ERROR }))
      note({ [names.errorType]: errorType(error) })
      throw error
    } finally {
      this.#quietly(() => span.end())
    }
  }

  /**
   * Writes a span of work that is over and was done for several at once, with a link to each of them. Where they
   * are all of one trace it is a part of that, under the first. For nobody who is traced there is no span.
   */
  pastSpan(name: string, attributes: TelemetryAttributes, work: PastWork): void {
    if (!this.#openTelemetry) return
    const texts = [...new Set(work.requests)]
    const parents = texts.map(spanContextOf).filter(found => found !== undefined)
    const [first] = parents
    if (first === undefined) return
    this.#quietly(() => {
      const own = parents.some(({ traceId }) => traceId !== first.traceId)
      const at = own ? trace.deleteSpan(context.active()) : under(texts[0])
      const links = parents.map(parent => ({ context: parent }))
      const span = trace
        .getTracer(names.scope)
        .startSpan(name, { attributes, links, root: own, startTime: epochMs(work.beginMs) }, at)
      if (work.error !== undefined) {
        span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute(names.errorType, work.error)
      }
      span.end(epochMs(work.endMs))
    })
  }

  /** Hands over what waits, a turn's worth at a time; resolves when the ring is empty. */
  async flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      this.#hand(eventsPerTurn)
      await new Promise(resolve => setImmediate(resolve))
    }
  }

  get figures(): { readonly waiting: number; readonly dropped: number; readonly sinkErrors: number } {
    return { waiting: this.#waiting.length, dropped: this.#dropped, sinkErrors: this.#sinkErrors }
  }

  /** What an SDK throws is its own affair: counted, and no answer is changed. */
  #quietly<T>(write: () => T): T | undefined {
    try {
      return write()
    } catch {
      this.#sinkErrors += 1
      return undefined
    }
  }

  /** The instrument of that name. */
  #instrument(name: MetricName): Instrument | undefined {
    if (!this.#openTelemetry) return undefined
    this.#renew()
    const known = this.#instruments.get(name)
    if (known !== undefined) return known
    const created = instrumentOf(name)
    this.#instruments.set(name, created)
    return created
  }

  /** Lets go of what was made for another SDK than the one that is registered now. */
  #renew(): void {
    const provider = metrics.getMeterProvider()
    if (provider === this.#provider) return
    this.#provider = provider
    this.#instruments.clear()
    for (const [figures, stop] of this.#observed) {
      stop()
      this.#observed.set(figures, this.#attach(figures))
    }
  }

  #attach(figures: Figures): () => void {
    const stops = Object.entries(figures).map(([name, read]) => {
      const source = observableOf(name as MetricName)
      const look = (result: ObservableResult) => {
        const tell = (found: Figure) => {
          if (typeof found === 'number') result.observe(found)
          else for (const { value, attributes } of found) result.observe(value, attributes)
        }
        const found = read()
        return found instanceof Promise ? found.then(tell) : tell(found)
      }
      source.addCallback(look)
      return () => source.removeCallback(look)
    })
    return () => {
      for (const stop of stops) stop()
    }
  }

  #schedule(): void {
    if (this.#scheduled || this.#underWay >= this.#capacity) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#hand(Math.min(eventsPerTurn, this.#capacity - this.#underWay))
      if (this.#waiting.length > 0) this.#schedule()
    }).unref()
  }

  #hand(most: number): void {
    for (const event of this.#waiting.splice(0, Math.max(0, most))) {
      this.#underWay += 1
      try {
        const end = this.#sink?.(event)
        if (isLater(end)) Promise.resolve(end).then(this.#taken, this.#refused)
        else this.#underWay -= 1
      } catch {
        this.#refused()
      }
    }
  }

  readonly #taken = (): void => {
    this.#underWay -= 1
    if (this.#waiting.length > 0) this.#schedule()
  }

  readonly #refused = (): void => {
    this.#sinkErrors += 1
    this.#taken()
  }
}

/** Runs `work` as a part of the trace that `traceparent` tells of: what it does is under the caller's span. */
export const continueTrace = <T>(traceparent: string | undefined, work: () => T): T =>
  spanContextOf(traceparent ?? '') === undefined
    ? work()
    : once(run => {
        try {
          context.with(under(traceparent), run)
        } catch {
          // The work is done all the same.
        }
      }, work)

/** Does `work` once, inside of `surround` where that gets so far; what `surround` itself throws or gives is nothing. */
function once<T>(surround: (run: () => void) => void, work: () => T): T {
  const made: (() => T)[] = []
  surround(() => {
    if (made.length === 0) made.push(tried(work))
  })
  const [outcome = work] = made
  return outcome()
}

/** What gives the value of `work`, which is done now, or throws its error. */
function tried<T>(work: () => T): () => T {
  try {
    const value = work()
    return () => value
  } catch (error) {
    return () => {
      throw error
    }
  }
}

/** The traceparent of the span that is active here, for who carries on elsewhere; empty without one. */
export const currentTraceparent = (): string => {
  const span = trace.getActiveSpan()
  return span === undefined ? '' : textOf(span.spanContext())
}

/** What a failure is counted under: our code, else the name of the error's class. */
export const errorTypeOf = (error: unknown): string =>
  error instanceof RunnerError ? error.code : error instanceof Error ? error.name : 'unknown'

const isLater = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'

const kinds = {
  internal: SpanKind.INTERNAL,
  client: SpanKind.CLIENT,
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
}

function instrumentOf(name: MetricName): Instrument {
  const meter = metrics.getMeter(names.scope)
  const { kind, unit, description, buckets }: Metric = metricTable[name]
  if (kind === 'counter') return meter.createCounter(name, { unit, description })
  if (kind === 'level') return meter.createUpDownCounter(name, { unit, description })
  const advice = buckets === undefined ? {} : { advice: { explicitBucketBoundaries: [...buckets] } }
  return meter.createHistogram(name, { unit, description, ...advice })
}

function observableOf(name: MetricName) {
  const meter = metrics.getMeter(names.scope)
  const { kind, unit, description } = metricTable[name]
  return kind === 'total'
    ? meter.createObservableCounter(name, { unit, description })
    : meter.createObservableGauge(name, { unit, description })
}

const under = (traceparent: string | undefined): Context => {
  const parent = spanContextOf(traceparent ?? '')
  return parent === undefined ? context.active() : trace.setSpanContext(context.active(), parent)
}

/** As W3C Trace Context has it; undefined for what is none. */
function spanContextOf(traceparent: string): SpanContext | undefined {
  const [, traceId = '', spanId = '', flags = ''] =
    /^(?!ff)[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:-.*)?$/.exec(traceparent) ?? []
  const found = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
  return isSpanContextValid(found) ? found : undefined
}

function textOf({ traceId, spanId, traceFlags }: SpanContext): string {
  if (/^0+$/.test(traceId)) return ''
  return `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, '0')}`
}

const epochMs = (clockMs: number): number => performance.timeOrigin + clockMs
