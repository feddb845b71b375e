/**
 * The MCP tools with the real model, asked by the official client over a pair of linked transports: what each gives,
 * what they refuse, progress, cancellation down to the pool, and errors that say when to come back.
 */
import { join } from 'node:path'
import { type CallToolResult, Client, InMemoryTransport } from '@modelcontextprotocol/client'
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/client/validators/ajv'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEvidenceServer, type EvidenceToolsOptions } from '../../src/adapters/mcp.ts'
import { EvidenceEnhancer, openStore, type Store, version } from '../../src/runner.ts'
import { until } from '../support/condition.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()
let enhancer: EvidenceEnhancer
let store: Store
let client: Client

beforeAll(async () => {
  const path = join(folder.path, 'store.db')
  enhancer = await EvidenceEnhancer.open({ poolSize: 1, queueLimit: 400, store: { path } })
  store = await openStore(path)
  client = await connected({ traces: store.traces, allowFiles: folder.path })
})

afterAll(async () => {
  await client?.close()
  await enhancer?.close()
  await store?.close()
})

async function connected(options: EvidenceToolsOptions): Promise<Client> {
  const [near, far] = InMemoryTransport.createLinkedPair()
  await createEvidenceServer(enhancer, options).connect(far)
  const made = new Client({ name: 'test', version: '1' })
  await made.connect(near)
  // So that it holds every answer to its tool's schema.
  await made.listTools()
  return made
}

type Failure = { code: string; message: string; retryable: boolean; retryAfterMs?: number }

const call = async (
  name: string,
  given: Record<string, unknown>,
  on: Client = client,
): Promise<CallToolResult> => on.callTool({ name, arguments: given })

const dataOf = ({ isError, structuredContent, content }: CallToolResult) => {
  if (isError) throw new Error(textOf({ content } as CallToolResult))
  return structuredContent as Record<string, never>
}

const failureOf = ({ isError, structuredContent }: CallToolResult): Failure => {
  expect(isError).toBe(true)
  return (structuredContent as { error: Failure }).error
}

const textOf = ({ content }: CallToolResult): string =>
  content.map(block => (block.type === 'text' ? block.text : '')).join('\n')

const outage = {
  claim: 'The outage lasted under 20 minutes.',
  sources: [{ id: 'log', content: 'The outage lasted 12 minutes.' }],
}
/** So long that the pool takes work which it can't do soon. */
const timeoutMs = 600_000
const longTexts = (count: number, mark: string) =>
  Array.from({ length: count }, (_, place) => `${mark} ${place} ${'the turbine ran hot again '.repeat(40)}`)

describe('the tools', () => {
  test('are listed with schemas and annotations of what only reads and repeats', async () => {
    const { tools } = await client.listTools()
    expect(tools.map(({ name }) => name)).toEqual([
      ...['check_claim', 'check_claims', 'embed_texts', 'explain_trace', 'runner_status'],
    ])
    for (const { annotations, description, inputSchema, outputSchema, title } of tools) {
      expect(annotations).toMatchObject({
        title,
        readOnlyHint: true,
        idempotentHint: true,
        openWorldHint: false,
      })
      expect(description?.length).toBeGreaterThan(20)
      expect(inputSchema).toMatchObject({ type: 'object', additionalProperties: false })
      expect(outputSchema).toMatchObject({ type: 'object' })
    }
    expect(client.getServerVersion()).toMatchObject({ name: 'evidence-runner', version })
  })

  test('check_claim answers as data and in a few words, without what is large', async () => {
    const result = await call('check_claim', { ...outage, taskId: 'outage' })
    const answer = dataOf(result)
    expect(answer).toMatchObject({
      taskId: 'outage',
      verdict: 'supported',
      cached: false,
      fallbackUsed: false,
    })
    expect(answer['citations']).toMatchObject([
      { sourceId: 'log', text: 'The outage lasted 12 minutes.', start: 0, end: 29, stance: 'supports' },
    ])
    expect(Object.keys(answer)).not.toContain('trace')
    expect(JSON.stringify(answer).length).toBeLessThan(4000)
    expect(textOf(result)).toMatch(/^Verdict: supported, confidence 0\.\d\d \(/)
    expect(textOf(result)).toContain('- [log] supports ')
  })

  test('check_claim gives the large parts that are asked for, the vector too', async () => {
    const include = ['assessments', 'relatedEvidence', 'timings', 'trace', 'validation', 'metadata', 'vector']
    const answer = dataOf(await call('check_claim', { ...outage, include }))
    expect(answer['vector']).toHaveLength(384)
    expect(answer['trace']).toMatchObject({ hash: answer['traceHash'] })
    expect(answer['assessments']).toMatchObject([{ sourceId: 'log' }])
    expect(answer['metadata']).not.toHaveProperty('embeddingVectors')
    expect(answer['validation']).toHaveProperty('checks')
  })

  test('check_claims answers in order over shared and own sources; a failure stands in its place', async () => {
    const claims = [
      { claim: 'The outage lasted under 20 minutes.' },
      { claim: 'At least 3 gates are open.', sources: [{ content: '5 gates are open.' }], taskId: 'gate' },
      { claim: '!!!', taskId: 'none' },
    ]
    const result = await call('check_claims', { claims, sources: outage.sources })
    const { answers, failed } = dataOf(result) as unknown as {
      answers: { taskId: string; verdict?: string; error?: Failure }[]
      failed: number
    }
    expect(answers.map(({ taskId }) => taskId)).toEqual(['claim-1', 'gate', 'none'])
    expect(answers.map(({ verdict }) => verdict)).toEqual(['supported', 'supported', undefined])
    expect(answers[2]?.error).toMatchObject({ code: 'ER_INPUT', retryable: false })
    expect(failed).toBe(1)
    expect(textOf(result).split('\n')).toHaveLength(3)
  })

  test('embed_texts gives the vectors of the library', async () => {
    const texts = ['The outage is off.', 'The gate is open.']
    const { dimensions, vectors } = dataOf(await call('embed_texts', { texts })) as unknown as {
      dimensions: number
      vectors: number[][]
    }
    const expected = await enhancer.embed(texts)
    expect(dimensions).toBe(384)
    expect(vectors.map(vector => Float32Array.from(vector))).toEqual(expected)
  })

  test('explain_trace tells of a recent answer, a stored one by its hash, and a plan', async () => {
    const { id, traceHash } = dataOf(
      await call('check_claim', { ...outage, claim: 'The outage lasted under 30 minutes.' }),
    )
    const recent = dataOf(await call('explain_trace', { id }))
    expect(recent).toMatchObject({ kind: 'trace', id, hash: traceHash, holds: true, status: 'ok' })
    expect(recent['steps']).toContainEqual(expect.objectContaining({ node: expect.any(String), depth: 0 }))
    const afresh = await connected({ traces: store.traces })
    await until('it is written', () => {
      const { store: figures } = enhancer.stats()
      return figures !== null && 'pending' in figures && figures.pending === 0
    })
    const stored = dataOf(await call('explain_trace', { id: String(traceHash).slice(0, 16) }, afresh))
    await afresh.close()
    expect(stored).toMatchObject({ kind: 'trace', hash: traceHash, holds: true })
    expect(JSON.stringify(stored)).not.toContain('12 minutes')
    const plan = await call('explain_trace', outage)
    expect(dataOf(plan)).toMatchObject({ kind: 'plan', plan: textOf(plan) })
    expect(textOf(plan)).toContain('embed')
    expect(failureOf(await call('explain_trace', { id: 'nowhere' }))).toMatchObject({ code: 'ER_INPUT' })
    expect(failureOf(await call('explain_trace', {}))).toMatchObject({ code: 'ER_INPUT' })
  })

  test('runner_status tells how the workers are', async () => {
    expect(dataOf(await call('runner_status', {}))).toMatchObject({
      ...{ status: 'healthy', ready: true, version, callsUnderWay: 0, waitingItems: 0, lastError: null },
      workers: [{ state: 'ready', restarts: 0 }],
    })
  })
})

describe('what is wrong with a call', () => {
  test.each([
    ['no claim', 'check_claim', { sources: outage.sources }, 'claim'],
    ['no source', 'check_claim', { claim: 'x', sources: [] }, 'sources'],
    ['an unknown field', 'check_claim', { ...outage, model: 'other' }, 'model'],
    [
      'two sources of one id',
      'check_claim',
      { ...outage, sources: [outage.sources[0], outage.sources[0]] },
      'log',
    ],
    ['too many claims', 'check_claims', { claims: Array(101).fill({ claim: 'x' }) }, 'claims'],
    ['too many texts', 'embed_texts', { texts: Array(1001).fill('x') }, 'texts'],
    ['a long claim', 'check_claim', { ...outage, claim: 'x'.repeat(10_001) }, 'claim'],
  ])('%s is a tool error with a code', async (_, name, given, word) => {
    const result = await call(name, given)
    expect(failureOf(result)).toMatchObject({ code: 'ER_INPUT', retryable: false })
    expect(failureOf(result).message).toContain(word)
    expect(textOf(result)).toContain('ER_INPUT')
  })

  test('a failure fits its tool’s output schema, which some clients hold it to', async () => {
    const { tools } = await client.listTools()
    const failure = { error: { code: 'ER_QUEUE_FULL', message: 'full', retryable: true, retryAfterMs: 5 } }
    for (const { outputSchema } of tools) {
      const valid = new AjvJsonSchemaValidator().getValidator(outputSchema ?? {})
      expect(valid(failure)).toMatchObject({ valid: true })
      expect(valid({ neither: 1 })).toMatchObject({ valid: false })
    }
  })

  test('a file is read in the allowed folder alone, and nowhere without one', async () => {
    await folder.write('notes/outage.txt', 'The outage lasted 12 minutes.')
    const of = (path: string) => ({ claim: 'The outage lasted under 20 minutes.', sources: [{ path }] })
    expect(dataOf(await call('check_claim', of('notes/outage.txt')))).toMatchObject({ verdict: 'supported' })
    for (const path of ['../secret', '/etc/hostname', 'notes/../../x', '/there/is/no/such'])
      expect(failureOf(await call('check_claim', of(path))).message).toContain('outside the folder')
    const closed = await connected({})
    expect(failureOf(await call('check_claim', of('notes/outage.txt'), closed)).message).toContain('path')
    expect(
      failureOf(await call('check_claims', { claims: [{ claim: 'x' }], ...of('a') }, closed)),
    ).toBeDefined()
    await closed.close()
  })

  test('too short a deadline says to allow more time', async () => {
    const result = await call('check_claim', { ...outage, claim: 'A new claim is late.', timeoutMs: 0.01 })
    expect(failureOf(result)).toMatchObject({ code: 'ER_DEADLINE', retryable: false })
    expect(textOf(result)).toContain('larger timeoutMs')
  })
})

describe('a busy pool', () => {
  test('refuses what its queue has no room for, and says when to come back', async () => {
    const leaving = new AbortController()
    const held = client.callTool(
      { name: 'embed_texts', arguments: { texts: longTexts(300, 'held'), timeoutMs } },
      { signal: leaving.signal },
    )
    const left = expect(held).rejects.toThrow()
    await until('the queue is nearly full', () => (enhancer.stats().pool?.waitingItems ?? 0) > 150)
    const result = await call('embed_texts', { texts: longTexts(300, 'more'), timeoutMs })
    expect(failureOf(result)).toMatchObject({ code: 'ER_QUEUE_FULL', retryable: true })
    expect(failureOf(result).retryAfterMs).toBeGreaterThan(0)
    expect(textOf(result)).toMatch(/Come again after \d+ ms/)
    leaving.abort()
    await left
    await until('its place is free', () => enhancer.stats().pool?.waitingItems === 0)
    expect(
      dataOf(await call('check_claim', { ...outage, claim: 'The outage lasted under 21 minutes.' })),
    ).toBeDefined()
  })

  test('a cancelled check gives its places back while others wait on', async () => {
    const sources = longTexts(20, 'cancelled').map(content => ({ content }))
    const holding = call('embed_texts', { texts: longTexts(20, 'holding'), timeoutMs })
    const leaving = new AbortController()
    await until('the pool is at work', () => (enhancer.stats().pool?.openCalls ?? 0) === 1)
    const cancelled = client.callTool(
      { name: 'check_claim', arguments: { claim: 'The turbine ran cold.', sources, timeoutMs } },
      { signal: leaving.signal },
    )
    const left = expect(cancelled).rejects.toThrow()
    await until('both wait', () => (enhancer.stats().pool?.openCalls ?? 0) === 2)
    leaving.abort()
    await left
    await until('one is gone', () => (enhancer.stats().pool?.openCalls ?? 0) < 2)
    expect((dataOf(await holding) as unknown as { vectors: unknown[] }).vectors).toHaveLength(20)
  })

  test('this door takes so many calls and no more, but still says how it is', async () => {
    const narrow = await connected({ limits: { concurrency: 1, waiting: 0 } })
    const leaving = new AbortController()
    const held = narrow.callTool(
      { name: 'embed_texts', arguments: { texts: longTexts(300, 'narrow'), timeoutMs } },
      { signal: leaving.signal },
    )
    const left = expect(held).rejects.toThrow()
    await until('the pool is at work', () => (enhancer.stats().pool?.openCalls ?? 0) === 1)
    expect(failureOf(await call('check_claim', outage, narrow))).toMatchObject({
      ...{ code: 'ER_QUEUE_FULL', retryable: true, retryAfterMs: 500 },
    })
    expect(dataOf(await call('runner_status', {}, narrow))).toMatchObject({ callsUnderWay: 1 })
    leaving.abort()
    await left
    while (dataOf(await call('runner_status', {}, narrow))['callsUnderWay'] !== 0);
    expect(dataOf(await call('check_claim', outage, narrow))).toMatchObject({ verdict: 'supported' })
    await narrow.close()
  })
})

describe('progress', () => {
  test('only grows, and ends with the answer', async () => {
    const told: number[] = []
    const given = { ...outage, claim: 'The outage lasted under 22 minutes.' }
    const onprogress = ({ progress }: { progress: number }) => told.push(progress)
    await client.callTool({ name: 'check_claim', arguments: given }, { onprogress })
    expect(told.length).toBeGreaterThan(1)
    expect(told).toEqual([...new Set(told)].sort((a, b) => a - b))
    const counted: [number, number | undefined][] = []
    const claims = Array.from({ length: 5 }, (_, place) => ({
      claim: `The outage lasted under ${place} hours.`,
    }))
    await client.callTool(
      { name: 'check_claims', arguments: { claims, sources: outage.sources } },
      { onprogress: ({ progress, total }) => counted.push([progress, total]) },
    )
    expect(counted).toEqual([1, 2, 3, 4, 5].map(done => [done, 5]))
  })

  test('is not told to who did not ask for it', async () => {
    const heard: string[] = []
    client.fallbackNotificationHandler = async ({ method }) => void heard.push(method)
    await call('check_claim', { ...outage, claim: 'The outage lasted under 23 minutes.' })
    expect(heard).toEqual([])
  })
})
