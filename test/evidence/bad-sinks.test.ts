/** Whatever a sink of events or an OpenTelemetry SDK does, answers are the same. */
import type { SpanProcessor } from '@opentelemetry/sdk-trace'
import { afterEach, expect, test } from 'vitest'
import { Telemetry, type TelemetrySink } from '../../src/core/telemetry.ts'
import type { EnhancedEvidence } from '../../src/evidence/result.ts'
import { turns } from '../support/condition.ts'
import { fakeEnhancer } from '../support/fake-enhancer.ts'
import { type RecordingSdk, registerSdk } from '../support/recording-sdk.ts'

let sdk: RecordingSdk | undefined
afterEach(async () => {
  await sdk?.shutdown()
  sdk = undefined
})

const claims = ['The disk is full.', 'The canteen serves soup on Mondays.', 'Search answers in 840 ms.']
const sources = [
  { content: 'The disk of the server is full: 5 of 5 GB are taken.' },
  { content: 'On Mondays there is soup in the canteen.' },
]

/** What of an answer says something of the claim: neither times nor names that are drawn anew. */
const sayings = ({
  verdict,
  confidence,
  probabilities,
  citations,
  assessments,
  spent,
}: EnhancedEvidence) => ({
  ...{ verdict, confidence, probabilities, citations, assessments },
  tokens: spent.tokens,
})

/** The answers that come, and what telemetry counted when its owner closes. */
async function answersWith(telemetry: Telemetry) {
  const { enhancer } = fakeEnhancer({}, { telemetry })
  const answers: unknown[] = []
  for (const claim of claims) {
    answers.push(sayings(await enhancer.enhanceEvidence({ taskId: claim, claim, sources })))
    await expect(enhancer.enhanceEvidence({ taskId: claim, claim: '', sources })).rejects.toThrow('Claim')
  }
  const { dropped, sinkErrors } = telemetry.figures
  await enhancer.close()
  await turns()
  return { answers, dropped, sinkErrors, after: telemetry.figures }
}

const fail = () => {
  throw new Error('a bad sink')
}

test.each<[string, TelemetrySink, object]>([
  ['throws', fail, { waiting: 0, dropped: 0, sinkErrors: 9 }],
  ['rejects', () => Promise.reject(new Error('a bad sink')), { waiting: 0, dropped: 0, sinkErrors: 9 }],
  ['hangs', () => new Promise(() => {}), { waiting: 0, dropped: 0, sinkErrors: 0 }],
])('a sink that %s changes no answer', async (_, sink, after) => {
  const plain = await answersWith(new Telemetry({ openTelemetry: false }))
  const bad = await answersWith(new Telemetry({ sink, openTelemetry: false }))
  expect(plain.answers).toHaveLength(claims.length)
  expect(bad.answers).toEqual(plain.answers)
  expect(bad.after).toEqual(after)
})

test('a sink that hangs is not waited for: the oldest of what waits is dropped and counted', async () => {
  const seen: string[] = []
  const sink: TelemetrySink = ({ event }) => {
    seen.push(event)
    return new Promise(() => {})
  }
  const telemetry = new Telemetry({ sink, openTelemetry: false, capacity: 2 })
  for (let index = 0; index < 10; index += 1) {
    telemetry.emit(`event ${index}`)
    await turns(1)
  }
  expect(seen).toEqual(['event 0', 'event 1'])
  expect(telemetry.figures).toEqual({ waiting: 2, dropped: 6, sinkErrors: 0 })
})

test('a sink that floods itself changes no answer, and what it floods with stays bounded', async () => {
  const plain = await answersWith(new Telemetry({ openTelemetry: false }))
  let closed = false
  const flooded: Telemetry = new Telemetry({
    openTelemetry: false,
    capacity: 50,
    sink: () => {
      for (let index = 0; !closed && index < 10; index += 1) flooded.emit('echo')
    },
  })
  const { enhancer } = fakeEnhancer({}, { telemetry: flooded })
  const answers: unknown[] = []
  for (const claim of claims) {
    answers.push(sayings(await enhancer.enhanceEvidence({ taskId: claim, claim, sources })))
    await turns()
    expect(flooded.figures.waiting).toBeLessThanOrEqual(50)
  }
  expect(answers).toEqual(plain.answers)
  expect(flooded.figures.dropped).toBeGreaterThan(0)
  closed = true
  await enhancer.close()
})

test.each<[string, Partial<SpanProcessor>]>([
  ['at the beginning', { onStart: fail }],
  ['at the end', { onEnd: fail }],
])('an SDK that throws %s of a span changes no answer', async (_, bad) => {
  const plain = await answersWith(new Telemetry({ openTelemetry: false }))
  const fine = async () => {}
  sdk = registerSdk([{ onStart: () => {}, onEnd: () => {}, forceFlush: fine, shutdown: fine, ...bad }])
  const { answers, sinkErrors } = await answersWith(new Telemetry())
  expect(answers).toEqual(plain.answers)
  expect(sinkErrors).toBeGreaterThan(0)
})
