/** A real OpenTelemetry SDK, registered for this process, that keeps the spans and metrics that it is given. */
import { context, metrics, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace'

export type RecordingSdk = {
  /** Those that are over, in the order of their ends. */
  readonly spans: () => ReadableSpan[]
  /** Collects, and gives each metric by its name. */
  readonly metrics: () => Promise<Map<string, MetricData>>
  /** Takes it away again: nothing is registered then. */
  readonly shutdown: () => Promise<void>
}

/** Registers one; `more` are told of every span, too. */
export function registerSdk(more: readonly SpanProcessor[] = []): RecordingSdk {
  const spans = new InMemorySpanExporter()
  const figures = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter: figures, exportIntervalMillis: 3_600_000 })
  const tracers = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter: spans }), ...more],
  })
  const meters = new MeterProvider({ readers: [reader] })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(tracers)
  metrics.setGlobalMeterProvider(meters)
  return {
    spans: () => spans.getFinishedSpans(),
    metrics: async () => {
      await meters.forceFlush()
      const all = figures.getMetrics().at(-1)?.scopeMetrics ?? []
      return new Map(all.flatMap(scope => scope.metrics.map(metric => [metric.descriptor.name, metric])))
    },
    shutdown: async () => {
      await Promise.allSettled([tracers.shutdown(), meters.shutdown()])
      for (const api of [context, trace, metrics]) api.disable()
    },
  }
}
