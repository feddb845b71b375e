/**
 * A configured generator, the whole way: a tiny language model made from a seed beside the real encoder, in the same
 * worker. It writes rubbish, which is never shown as an analysis; all that leads there is real.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { EvidenceEnhancer, type EvidenceEnhancerConfig, type TextEvent } from '../../src/index.ts'
import { jsonLines, runCommandLine } from '../support/command-line.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { tinyLanguageModel } from '../support/tiny-language-model.ts'

const folder = temporaryFolder()
let generator = ''
beforeAll(async () => {
  generator = await tinyLanguageModel(join(folder.path, 'tiny'))
})

const context = {
  taskId: 't',
  claim: 'The gateway opened its circuit breaker on June 3.',
  sources: [
    { content: 'On June 3 the gateway opened its circuit breaker. It closed again at noon.' },
    { content: 'The cache was cleared. Nothing else happened.' },
  ],
}

const open = (config: EvidenceEnhancerConfig = {}) =>
  EvidenceEnhancer.open({ generator, temperature: 0.8, telemetry: false, ...config })

/** What a listener that keeps to the events has before it. */
const heard = (events: readonly TextEvent[]): string =>
  events.reduce((text, event) => ('restarted' in event ? '' : text + event.text), '')

const restarts = (events: readonly TextEvent[]): number => events.filter(event => 'restarted' in event).length

/** Asks, and kills the worker as soon as so much of the analysis has been heard. */
async function killedAfter(enhancer: EvidenceEnhancer, onWorkerDeath: 'restart' | 'fail', characters = 20) {
  const events: TextEvent[] = []
  let killed = false
  const evidence = await enhancer.enhanceEvidence(context, {
    onWorkerDeath,
    onText: event => {
      events.push(event)
      if (killed || heard(events).length < characters) return
      killed = true
      for (const { pid } of enhancer.stats().pool?.workers ?? []) process.kill(pid, 'SIGKILL')
    },
  })
  return { evidence, events }
}

describe('a configured generator', () => {
  test('judges and writes in one call, over a beginning that is read once', async () => {
    await using enhancer = await open({ judge: 'generator' })
    const evidence = await enhancer.enhanceEvidence(context)
    expect(evidence).toMatchObject({
      confidenceMethod: 'generator',
      calibration: 'uncalibrated',
      fallbackUsed: false,
      metadata: { mlxModel: expect.stringMatching(/^tiny@/), analysisMethod: 'extractive' },
    })
    const { disputed, neither, refutes, supports } = evidence.probabilities
    expect(supports + refutes + disputed + neither).toBeCloseTo(1, 9)
    const { promptTokens = 0, sharedTokens = 0, tokens } = evidence.metadata.generation ?? {}
    // Both prompts are their beginning and a short end of their own.
    expect(sharedTokens).toBeGreaterThan(promptTokens / 4)
    expect(tokens).toBeGreaterThan(10)
    // Random weights say nothing that the passages bear out, and it is said why that is not shown.
    expect(evidence.warnings.join()).toMatch(/analysis was not used: .*hardly more than a guess/)
    expect(evidence.spent.calls).toBe(2)
  })

  test('writes the same again, and is heard to the end', async () => {
    await using enhancer = await open({ maxCacheSize: 0 })
    const texts: string[] = []
    for (let run = 0; run < 2; run += 1) {
      const events: TextEvent[] = []
      const { aiAnalysis } = await enhancer.enhanceEvidence(context, { onText: event => events.push(event) })
      expect(heard(events)).toBe(aiAnalysis)
      expect(restarts(events)).toBe(1)
      texts.push(events.map(event => ('text' in event ? event.text : '<restarted>')).join(''))
    }
    expect(texts[1]).toBe(texts[0])
  })

  test('begins anew when its worker is killed in the middle, and says so', async () => {
    await using enhancer = await open()
    const { evidence, events } = await killedAfter(enhancer, 'restart')
    expect(evidence.metadata.generation?.tokens).toBeGreaterThan(10)
    expect(evidence.errors).toEqual([])
    // Once for the worker's death, once since rubbish is not shown in the end.
    expect(restarts(events)).toBe(2)
    expect(heard(events)).toBe(evidence.aiAnalysis)
    await using undisturbed = await open()
    const told: TextEvent[] = []
    await undisturbed.enhanceEvidence(context, { onText: event => told.push(event) })
    const second = events.slice(events.findIndex(event => 'restarted' in event) + 1)
    expect(textBefore(second)).toBe(textBefore(told))
  })

  test('fails with an error that may be tried again, where the caller wants that', async () => {
    await using enhancer = await open()
    const { evidence, events } = await killedAfter(enhancer, 'fail')
    expect(evidence.errors).toEqual([expect.objectContaining({ code: 'ER_WORKER_EXIT' })])
    expect(evidence.metadata.analysisMethod).toBe('extractive')
    expect(heard(events)).toBe(evidence.aiAnalysis)
    await using strict = await open({ fallback: 'error' })
    await expect(killedAfter(strict, 'fail')).rejects.toMatchObject({
      code: 'ER_WORKER_EXIT',
      retryable: true,
    })
  })

  test('writes without an encoder, too', async () => {
    await using enhancer = await open({ enableEmbeddingSearch: false })
    const { metadata, spent } = await enhancer.enhanceEvidence(context)
    expect([metadata.vectorSimilarityUsed, spent.calls]).toEqual([false, 1])
    expect(metadata.generation?.tokens).toBeGreaterThan(10)
  })

  test('that is not there, or would run code, is refused at the start', async () => {
    await expect(open({ generator: 'some-owner/some-model' })).rejects.toMatchObject({
      code: 'ER_MODEL_LOAD',
      message: expect.stringContaining('evidence-runner prepare some-owner/some-model'),
    })
    const coded = await tinyLanguageModel(join(folder.path, 'coded'))
    const config = JSON.parse(await readFile(join(coded, 'config.json'), 'utf8')) as object
    await writeFile(join(coded, 'config.json'), JSON.stringify({ ...config, model_file: 'model.py' }))
    await expect(open({ generator: coded })).rejects.toMatchObject({
      code: 'ER_MODEL_LOAD',
      message: expect.stringContaining('model_file'),
    })
  })
})

const textBefore = (events: readonly TextEvent[]): string => {
  const end = events.findIndex(event => 'restarted' in event)
  return heard(end < 0 ? events : events.slice(0, end))
}

describe('check --generator', () => {
  const words = () => ['check', '--claim', context.claim, '--source', '-', '--generator', generator]
  const input = context.sources[0]?.content ?? ''

  test('--stream shows the text as it comes, and what it came to', async () => {
    const { code, stderr, stdout } = await runCommandLine([...words(), '--stream', '--no-store'], { input })
    expect([code, stderr]).toEqual([0, ''])
    const [streamed = '', ...rest] = stdout.split('(the text above is void; it comes anew)')
    expect(streamed.length).toBeGreaterThan(100)
    expect(rest.join()).toMatch(/\[1\] “On June 3 the gateway/)
    expect(rest.join()).toMatch(/not used:/)
  })

  test('--stream --json gives events as lines of their own, the answer last', async () => {
    const { stdout } = await runCommandLine([...words(), '--stream', '--json', '--no-store'], { input })
    const lines = jsonLines(stdout) as readonly Record<string, unknown>[]
    const events = lines.slice(0, -1)
    expect(events.length).toBeGreaterThan(5)
    expect(new Set(events.map(({ event }) => event))).toEqual(new Set(['text', 'restarted']))
    expect(lines.at(-1)).toMatchObject({ taskId: 'cli', verdict: 'not-enough-evidence' })
  })
})

describe('calibrate --judge generator', () => {
  test('fits a temperature to what the model takes to be likely, for this model alone', async () => {
    const things = ['gate', 'pump', 'valve', 'crane', 'lift', 'kiln', 'winch']
    const labels = ['SUPPORTS', 'REFUTES', 'NOT_ENOUGH_INFO']
    const lines = things.flatMap((thing, place) =>
      labels.map((label, turn) => ({
        taskId: `${thing} ${label}`,
        claim: `The ${thing} is locked.`,
        label,
        sources: [{ content: `${place % 2 ? 'The guard' : 'Nobody'} has locked the ${thing} ${turn}.` }],
      })),
    )
    const file = await folder.write('labelled.jsonl', lines.map(line => JSON.stringify(line)).join('\n'))
    const out = join(folder.path, 'writer.json')
    const judging = ['--generator', generator, '--judge', 'generator']
    const fitted = await runCommandLine(['calibrate', file, '--out', out, ...judging])
    expect(fitted).toMatchObject({ code: 0, stderr: '' })
    const calibration = JSON.parse(await readFile(out, 'utf8')) as {
      model: { encoder: string; judge: string }
    }
    expect(calibration.model.encoder).toBe('none')
    const check = ['check', '--claim', 'The gate is locked.', '--source', '-', '--no-store', '--json']
    const calibrated = ['--calibration', out, '--generator', generator]
    const { stdout } = await runCommandLine([...check, ...calibrated], { input: 'The gate is locked.' })
    expect(jsonLines(stdout)[0]).toMatchObject({
      confidenceMethod: 'generator',
      calibration: { set: 'labelled.jsonl', n: 21 },
    })
    const other = await tinyLanguageModel(join(folder.path, 'other'), '--seed', '8')
    const refused = await runCommandLine([...check, '--calibration', out, '--generator', other], {
      input: 'The gate is locked.',
    })
    expect(refused.code).toBe(2)
    expect(refused.stderr).toMatch(/ER_CONFIG.*which is not in use here/)
  })
})
