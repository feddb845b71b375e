/** An Enhancer over a fake Dispatch: the whole product without a process. */
import { budgeted } from '../../src/core/budgeted-dispatch.ts'
import { free, type VariantRef } from '../../src/core/call.ts'
import { Telemetry, type TelemetryEvent } from '../../src/core/telemetry.ts'
import { checkFigures } from '../../src/evidence/arithmetic.ts'
import { type EvidenceEnhancerConfig, parseConfig } from '../../src/evidence/config.ts'
import { Enhancer } from '../../src/evidence/enhancer.ts'
import type { WorkerHealth } from '../../src/evidence/health.ts'
import { judgesOf } from '../../src/evidence/judges.ts'
import type { EnhancerParts } from '../../src/evidence/parts.ts'
import { tabulate } from '../../src/evidence/passages.ts'
import { PromptLibrary } from '../../src/evidence/prompts/library.ts'
import { loaderOf } from '../../src/evidence/prompts/loader.ts'
import { builtInPrompts } from '../../src/evidence/written/prompts.ts'
import { dimensions, FakeDispatch } from './fake-dispatch.ts'

export const fakeEncoder: VariantRef = {
  name: 'fake-encoder',
  op: 'embed',
  model: 'fake-encoder',
  revision: '1',
  weightsHash: 'abc',
  price: free,
  limits: { maxTokens: 256, dimensions },
}

export const readyWorkers: WorkerHealth = {
  live: true,
  ready: true,
  saturated: false,
  workers: [{ state: 'ready', memory: { rssBytes: 1000 } }],
  lastFailure: undefined,
}

/** The enhancer, what it dispatches to, and the events that its sink was given. */
export function fakeEnhancer(
  config: EvidenceEnhancerConfig = {},
  parts: Partial<EnhancerParts> = {},
): {
  readonly enhancer: Enhancer
  readonly fake: FakeDispatch
  readonly events: TelemetryEvent[]
  readonly telemetry: Telemetry
} {
  const fake = new FakeDispatch()
  const events: TelemetryEvent[] = []
  const sink = config.telemetryCallback ?? (event => events.push(event))
  const telemetry = new Telemetry({ sink, openTelemetry: false })
  const settings = parseConfig(config)
  const enhancer = new Enhancer(settings, {
    dispatch: budgeted(fake.dispatch),
    tabulate: async (content, terms) => tabulate(content, terms),
    figures: async (claim, sources) => checkFigures(claim, sources),
    encoder: async () => fakeEncoder,
    generator: async () => undefined,
    prompts: new PromptLibrary(loaderOf(Object.values(builtInPrompts))),
    judges: async encoder => judgesOf(settings, encoder === undefined ? {} : { encoder }),
    telemetry,
    workerHealth: () => readyWorkers,
    version: '0.0.0-test',
    uncached: call => call.items as readonly string[],
    load: () => 0,
    close: async () => {},
    ...parts,
  })
  return { enhancer, fake, events, telemetry }
}
