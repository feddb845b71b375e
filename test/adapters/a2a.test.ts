/** The A2A door by the official client, over a real server, a real enhancer and a real worker. */
import { type Message, TaskState } from '@a2a-js/sdk'
import { type Client, ClientFactory, ClientFactoryOptions, RestTransportFactory } from '@a2a-js/sdk/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type A2aOptions, type A2aServer, openA2a } from '../../src/adapters/a2a.ts'
import { EvidenceEnhancer, version } from '../../src/runner.ts'
import {
  cancel,
  claim,
  collect,
  dataMessage,
  dataOf,
  ended,
  get,
  longClaims,
  longMessage,
  request,
  send,
  sources,
  stateOf,
  textMessage,
  textOf,
} from '../support/a2a-client.ts'
import { until } from '../support/condition.ts'

let enhancer: EvidenceEnhancer
let server: A2aServer
let client: Client

beforeAll(async () => {
  enhancer = await EvidenceEnhancer.open({ poolSize: 1, telemetry: false })
  server = await openA2a(enhancer)
  client = await new ClientFactory().createFromUrl(server.url)
})

afterAll(async () => {
  await server?.close()
  await enhancer?.close()
})

const opened = async (options: A2aOptions): Promise<[A2aServer, Client]> => {
  const other = await openA2a(enhancer, { graceMs: 0, ...options })
  return [other, await new ClientFactory().createFromUrl(other.url)]
}

describe('the agent card', () => {
  test('names both skills, both transports and no push notifications', async () => {
    const card = await client.getAgentCard()
    expect(card.name).toBe('evidence-runner')
    expect(card.version).toBe(version)
    expect(card.skills.map(({ id }) => id)).toEqual(['check_claim', 'check_claims'])
    expect(card.supportedInterfaces.map(({ protocolBinding, url }) => [protocolBinding, url])).toEqual([
      ['JSONRPC', `${server.url}/a2a/jsonrpc`],
      ['HTTP+JSON', `${server.url}/a2a/rest`],
    ])
    expect(card.capabilities).toMatchObject({ streaming: true })
    expect(card.capabilities?.pushNotifications ?? false).toBe(false)
  })

  test("each skill's example is a message that is answered", async () => {
    const card = await client.getAgentCard()
    for (const { examples } of card.skills) {
      const task = await send(client, textMessage(examples[0] as string))
      expect(stateOf(task)).toBe('TASK_STATE_COMPLETED')
      expect(dataOf(task).verdict).toBe('supported')
    }
  })
})

describe('a message', () => {
  test('is answered with an artifact: the evidence as data, a line as text', async () => {
    const task = await send(client, dataMessage({ claim, sources }))
    expect(stateOf(task)).toBe('TASK_STATE_COMPLETED')
    const evidence = dataOf(task)
    expect(evidence).toMatchObject({
      taskId: task.id,
      originalClaim: claim,
      verdict: 'supported',
      fallbackUsed: false,
    })
    for (const { end, sourceId, start, text } of evidence.citations) {
      expect(sources.find(({ id }) => id === sourceId)?.content.slice(start, end)).toBe(text)
    }
    expect(evidence).not.toHaveProperty('trace')
    expect(evidence.metadata).not.toHaveProperty('embeddingVectors')
    expect(evidence.metadata.realMLXInference).toBe(true)
    expect(task.artifacts[0]?.parts.map(({ content }) => content?.$case)).toEqual(['data', 'text'])
    expect(textOf(task)).toMatch(
      /^supported \((confidence|score) 0\.\d\d; \d deciding from log\): The checkout/,
    )
  })

  test('comes over REST as well', async () => {
    const rest = await new ClientFactory(
      ClientFactoryOptions.createFrom(ClientFactoryOptions.default, {
        transports: [new RestTransportFactory()],
        preferredTransports: ['HTTP+JSON'],
      }),
    ).createFromUrl(server.url)
    const task = await send(rest, dataMessage({ claim, sources }))
    expect(dataOf(task).verdict).toBe('supported')
  })

  test('of many claims brings an artifact for each, in order, and what is wrong with one in its place', async () => {
    const task = await send(
      client,
      dataMessage({
        claims: [
          { claim, sources },
          { claim: '', sources },
          { taskId: 'mine', claim, sources },
        ],
      }),
    )
    expect(stateOf(task)).toBe('TASK_STATE_COMPLETED')
    expect(textOf(task)).toBe('3 claims, 1 of them failed')
    expect(task.artifacts.map(({ artifactId }) => artifactId)).toEqual([
      'evidence-1',
      'evidence-2',
      'evidence-3',
    ])
    expect(dataOf(task, 0).taskId).toBe(`${task.id}-1`)
    expect(dataOf(task, 1)).toMatchObject({ claim: 2, error: { code: 'ER_INPUT' } })
    expect(dataOf(task, 2).taskId).toBe('mine')
  })

  test.each([
    ['without JSON', textMessage('Is it true?'), /no data part and its text is not JSON; send one data part/],
    ['with an empty claim', dataMessage({ claim: '', sources }), /Claim is required/],
    ['without sources', dataMessage({ claim }), /ER_INPUT: Invalid request: sources/],
    ['with a key that is not known', dataMessage({ claim, sources, callback: 'x' }), /callback/],
    [
      'with an option that is not allowed',
      dataMessage({ claim, sources, options: { caller: 'x' } }),
      /options\.caller/,
    ],
    ['with an option out of range', dataMessage({ claim, sources, options: { timeoutMs: -1 } }), /timeoutMs/],
    [
      'with too many claims',
      dataMessage({ claims: Array.from({ length: 101 }) }),
      /101 claims; send at most 100/,
    ],
    ['with no claims that can be checked', dataMessage({ claims: [{ claim: '' }] }), /None of 1 claims/],
    ['with an array', dataMessage([1]), /its data is no object/],
  ])('%s is rejected with what is wrong', async (_, message, told) => {
    const task = await send(client, message)
    expect(stateOf(task)).toBe('TASK_STATE_REJECTED')
    expect(textOf(task)).toMatch(told)
    expect(task.metadata).toMatchObject({ error: { code: 'ER_INPUT', retryable: false } })
  })

  test('with a link or a file is rejected unread', async () => {
    for (const content of [
      { $case: 'url' as const, value: 'file:///etc/hostname' },
      { $case: 'raw' as const, value: Buffer.from('x') },
    ]) {
      const [part] = dataMessage({}).parts
      const message = { ...dataMessage({}), parts: [{ ...(part as Message['parts'][number]), content }] }
      expect(textOf(await send(client, message))).toMatch(/holds a file or a link, which is not read/)
    }
  })

  test('that runs out of its own time fails with ER_DEADLINE', async () => {
    const [one] = longClaims(1)
    const task = await send(client, dataMessage({ ...one, options: { timeoutMs: 1 } }))
    expect(stateOf(task)).toBe('TASK_STATE_FAILED')
    expect(task.metadata).toMatchObject({ error: { code: 'ER_DEADLINE' } })
  })
})

describe('a stream', () => {
  test('begins with the task, tells of work and progress, then the artifact, then the end', async () => {
    const kinds: string[] = []
    const states: string[] = []
    const progress: unknown[] = []
    for await (const { payload } of client.sendMessageStream(request(dataMessage({ claim, sources })))) {
      kinds.push(payload?.$case ?? '')
      if (payload?.$case === 'task') states.push(stateOf(payload.value))
      if (payload?.$case !== 'statusUpdate') continue
      states.push(TaskState[payload.value.status?.state ?? 0] as string)
      if (payload.value.metadata?.['progress'] !== undefined)
        progress.push(payload.value.metadata['progress'])
    }
    expect(kinds[0]).toBe('task')
    expect(kinds.slice(-2)).toEqual(['artifactUpdate', 'statusUpdate'])
    expect(states[0]).toBe('TASK_STATE_SUBMITTED')
    expect(states[1]).toBe('TASK_STATE_WORKING')
    expect(states.at(-1)).toBe('TASK_STATE_COMPLETED')
    expect(states.slice(1, -1).every(state => state === 'TASK_STATE_WORKING')).toBe(true)
    // An answer from the cache has no steps: a new claim has.
    const fresh = await collect(client.sendMessageStream(request(longMessage(2))))
    const steps = fresh.flatMap(({ payload }) =>
      payload?.$case === 'statusUpdate' ? [payload.value.metadata?.['progress']] : [],
    )
    expect(steps).toContainEqual({ step: 'claims', done: 2, total: 2 })
  })

  test('whose client goes away is worked off all the same', async () => {
    const gone = new AbortController()
    let id = ''
    const listening = async () => {
      const stream = client.sendMessageStream(request(longMessage(3)), { signal: gone.signal })
      for await (const { payload } of stream) {
        if (payload?.$case === 'task') id = payload.value.id
        if (payload?.$case === 'statusUpdate') gone.abort()
      }
    }
    await expect(listening()).rejects.toThrow()
    await until('the task is done', () => server.executor.figures.long.open === 0)
    const task = await ended(client, id)
    expect(stateOf(task)).toBe('TASK_STATE_COMPLETED')
    expect(task.artifacts).toHaveLength(3)
  })

  test('is heard by another client that subscribes to the task', async () => {
    const { id } = await send(client, longMessage(8), true)
    const events = await collect(client.resubscribeTask({ tenant: '', id }))
    const last = events.at(-1)?.payload
    expect(last?.$case === 'statusUpdate' && last.value.status?.state).toBe(TaskState.TASK_STATE_COMPLETED)
  })
})

describe('cancelTask', () => {
  test('ends a task at work, down to the pool', async () => {
    const { id } = await send(client, longMessage(), true)
    await until('the pool has work', () => (enhancer.stats().pool?.waitingItems ?? 0) > 0)
    const canceled = await cancel(client, id)
    expect(stateOf(canceled)).toBe('TASK_STATE_CANCELED')
    expect(textOf(canceled)).toBe('The task was canceled')
    expect(server.executor.figures.long).toMatchObject({ open: 0, running: 0 })
    await until('the pool has none', () => enhancer.stats().pool?.waitingItems === 0, 3000)
    await expect(cancel(client, id)).resolves.toMatchObject({ id })
  })

  test('ends a task that waits, without its having run', async () => {
    const [other, agent] = await opened({ concurrency: 1 })
    await using _ = other
    const first = await send(agent, longMessage(), true)
    const second = await send(agent, dataMessage({ claim: 'A second claim.', sources }), true)
    expect(other.executor.figures).toMatchObject({ long: { running: 1 }, short: { open: 1, running: 0 } })
    expect(stateOf(await cancel(agent, second.id))).toBe('TASK_STATE_CANCELED')
    expect(other.executor.figures).toMatchObject({ long: { running: 1 }, short: { open: 0, running: 0 } })
    expect(stateOf(await get(agent, first.id))).toBe('TASK_STATE_WORKING')
    expect(stateOf(await cancel(agent, first.id))).toBe('TASK_STATE_CANCELED')
  })

  test('refuses a task that is done', async () => {
    const { id } = await send(client, dataMessage({ claim, sources }))
    await expect(cancel(client, id)).rejects.toThrow(/not cancelable/)
  })
})

describe('under load', () => {
  test('short tasks go on beside long ones, and what is beyond the bound is told when to come back', async () => {
    const [other, agent] = await opened({ concurrency: 2, waiting: 1 })
    await using _ = other
    const long = [await send(agent, longMessage(), true), await send(agent, longMessage(), true)]
    const refused = await send(agent, longMessage())
    expect(stateOf(refused)).toBe('TASK_STATE_REJECTED')
    const { error } = refused.metadata as {
      error: { code: string; retryable: boolean; retryAfterMs: number }
    }
    expect(error).toMatchObject({ code: 'ER_QUEUE_FULL', retryable: true })
    expect(error.retryAfterMs).toBeGreaterThan(0)
    expect(textOf(refused)).toContain(`come back after ${error.retryAfterMs} ms`)
    const short = await send(agent, dataMessage({ claim: 'The backup finished without errors.', sources }))
    expect(stateOf(short)).toBe('TASK_STATE_COMPLETED')
    expect(other.executor.figures.long).toMatchObject({ open: 2, running: 1 })
    for (const { id } of long) expect(stateOf(await cancel(agent, id))).toBe('TASK_STATE_CANCELED')
  })

  test('another message to a task at work neither ends it nor starts it anew', async () => {
    const { contextId, id } = await send(client, longMessage(4), true)
    const again = await send(client, { ...textMessage('How far are you?'), contextId, taskId: id })
    expect(stateOf(again)).toBe('TASK_STATE_COMPLETED')
    expect(again.artifacts).toHaveLength(4)
  })
})
