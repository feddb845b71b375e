/**
 * Telemetry off the path: events go into a bounded ring that is emptied between turns of the event loop, so
 * a sink that throws, hangs or floods changes no answer. Spans and metrics go through the OpenTelemetry API,
 * which does nothing until the host registers an SDK. The only file that imports that API.
 */
import {
  type Attributes,
  type Counter,
  context,
  type Histogram,
  type MeterProvider,
  metrics,
  type ObservableResult,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'

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

/** The names of spans, metrics and attributes, in one place. */
export const names = {
  scope: 'evidence-runner',
  spanRequest: 'evidence.enhance',
  spanDispatch: 'evidence.dispatch',
  requestDuration: 'evidence_runner.request.duration',
  dispatchDuration: 'evidence_runner.dispatch.duration',
  queueDuration: 'evidence_runner.queue.duration',
  batchItems: 'evidence_runner.batch.items',
  workerExits: 'evidence_runner.worker.exits',
  workerRecycled: 'evidence_runner.worker.recycled',
  workersReady: 'evidence_runner.workers.ready',
  waitingItems: 'evidence_runner.queue.items',
  oldestWait: 'evidence_runner.queue.oldest_wait',
  cacheHits: 'evidence_runner.cache.hits',
  op: 'evidence_runner.op',
  model: 'gen_ai.request.model',
  errorType: 'error.type',
} as const

/** Events handed to a sink at most before the event loop gets its turn back. */
const eventsPerTurn = 64

export class Telemetry {
  readonly #sink: TelemetrySink | undefined
  readonly #capacity: number
  readonly #openTelemetry: boolean
  readonly #instruments = new Map<string, Histogram | Counter>()
  #provider: MeterProvider | undefined
  #waiting: TelemetryEvent[] = []
  #scheduled = false
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
  record(name: string, value: number, attributes: Attributes = {}): void {
    if (!this.#openTelemetry) return
    const instrument = this.#instrument(name, () =>
      metrics.getMeter(names.scope).createHistogram(name),
    ) as Histogram
    instrument.record(value, attributes)
  }

  /** Adds to a counter. */
  count(name: string, value = 1, attributes: Attributes = {}): void {
    if (!this.#openTelemetry) return
    const instrument = this.#instrument(name, () =>
      metrics.getMeter(names.scope).createCounter(name),
    ) as Counter
    instrument.add(value, attributes)
  }

  /** Reads figures whenever metrics are collected, from now until the returned function is called. */
  observe(figures: Readonly<Record<string, () => number>>): () => void {
    if (!this.#openTelemetry) return () => {}
    const meter = metrics.getMeter(names.scope)
    const stops = Object.entries(figures).map(([name, read]) => {
      const gauge = meter.createObservableGauge(name)
      const look = (result: ObservableResult) => result.observe(read())
      gauge.addCallback(look)
      return () => gauge.removeCallback(look)
    })
    return () => {
      for (const stop of stops) stop()
    }
  }

  /** Runs `work` inside a span; its error is noted on the span and goes on as it came. */
  async span<T>(name: string, attributes: Attributes, work: (traceparent: string) => Promise<T>): Promise<T> {
    if (!this.#openTelemetry) return work('')
    const span = trace.getTracer(names.scope).startSpan(name, { attributes })
    try {
      return await context.with(trace.setSpan(context.active(), span), () =>
        work(traceparent(span.spanContext())),
      )
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR })
      span.setAttribute(names.errorType, error instanceof Error ? error.name : 'unknown')
      throw error
    } finally {
      span.end()
    }
  }

  /** Hands over what waits, a turn's worth at a time; resolves when the ring is empty. */
  async flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      this.#hand(this.#waiting.splice(0, eventsPerTurn))
      await new Promise(resolve => setImmediate(resolve))
    }
  }

  get figures(): { readonly waiting: number; readonly dropped: number; readonly sinkErrors: number } {
    return { waiting: this.#waiting.length, dropped: this.#dropped, sinkErrors: this.#sinkErrors }
  }

  /** The instrument of that name; made anew when the host has registered another SDK meanwhile. */
  #instrument(name: string, create: () => Histogram | Counter): Histogram | Counter {
    const provider = metrics.getMeterProvider()
    if (provider !== this.#provider) {
      this.#provider = provider
      this.#instruments.clear()
    }
    const known = this.#instruments.get(name)
    if (known !== undefined) return known
    const created = create()
    this.#instruments.set(name, created)
    return created
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#hand(this.#waiting.splice(0, eventsPerTurn))
      if (this.#waiting.length > 0) this.#schedule()
    }).unref()
  }

  #hand(events: readonly TelemetryEvent[]): void {
    for (const event of events) {
      try {
        Promise.resolve(this.#sink?.(event)).catch(() => {
          this.#sinkErrors += 1
        })
      } catch {
        this.#sinkErrors += 1
      }
    }
  }
}

function traceparent(span: { traceId: string; spanId: string; traceFlags: number }): string {
  if (/^0+$/.test(span.traceId)) return ''
  return `00-${span.traceId}-${span.spanId}-${(span.traceFlags & 0xff).toString(16).padStart(2, '0')}`
}
