/** An OpenTelemetry SDK, registered for this process, every part of which throws whatever it is asked. */
import { context, metrics, trace } from '@opentelemetry/api'

const broken = (): never => {
  throw new Error('a broken SDK')
}

/** Registers it; call what is returned to take it away again. */
export function registerBrokenSdk(): () => void {
  const manager = { active: broken, with: broken, bind: broken, enable: broken, disable: () => manager }
  context.setGlobalContextManager(manager as never)
  trace.setGlobalTracerProvider({ getTracer: broken })
  metrics.setGlobalMeterProvider({ getMeter: broken })
  return () => {
    for (const api of [context, trace, metrics]) api.disable()
  }
}
