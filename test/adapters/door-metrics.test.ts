/**
 * What metrics tell of the doors, asked by the official clients: how long calls took and what they failed with, how
 * many are at work and how many wait, what was turned away. And that no SDK, broken or hanging, changes an answer.
 */
import { type Client as Agent, ClientFactory } from '@a2a-js/sdk/client'
import { Client, InMemoryTransport } from '@modelcontextprotocol/client'
import { context, metrics, trace } from '@opentelemetry/api'
import { SimpleSpanProcessor } from '@opentelemetry/sdk-trace'
import { afterEach, describe, expect, test } from 'vitest'
import { type A2aOptions, openA2a } from '../../src/adapters/a2a.ts'
import {
  createEvidenceServer,
  type EvidenceToolsOptions,
  evidenceServerOf,
  evidenceTools,
  type ServedEnhancer,
} from '../../src/adapters/mcp.ts'
import { serveHttp } from '../../src/adapters/mcp-http.ts'
import { names } from '../../src/core/telemetry.ts'
import { cancel, claim, dataMessage, dataOf, send, sources, stateOf } from '../support/a2a-client.ts'
import { answering, type Check, consumerOf, event, gated } from '../support/a2a-events.ts'
import { registerBrokenSdk } from '../support/broken-sdk.ts'
import { turns, until } from '../support/condition.ts'
import { type RecordingSdk, registerSdk } from '../support/recording-sdk.ts'

const endings: (() => unknown)[] = []
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

function sdkOf(): RecordingSdk {
  const sdk = registerSdk()
  endings.push(() => sdk.shutdown())
  return sdk
}

/** A metric's figures, each with what it is told apart by, shortened to the last word. */
async function pointsOf(sdk: RecordingSdk, metric: string): Promise<Record<string, unknown>[]> {
  return ((await sdk.metrics()).get(metric)?.dataPoints ?? []).map(({ attributes, value }) => ({
    ...Object.fromEntries(Object.entries(attributes).map(([name, by]) => [name.split('.').at(-1), by])),
    value: typeof value === 'number' ? value : (value as { count: number }).count,
  }))
}

/** How many are at work and how many wait. */
async function levelsOf(sdk: RecordingSdk): Promise<unknown[]> {
  const levels = [await pointsOf(sdk, names.doorRunning), await pointsOf(sdk, names.doorWaiting)]
  return levels.map(([point]) => point?.['value'] ?? 0)
}

/** Resolves when so many are at work and wait. */
async function reached(sdk: RecordingSdk, levels: readonly number[]): Promise<void> {
  for (let look = 0; look < 1000; look += 1) {
    if (String(await levelsOf(sdk)) === String(levels)) return
    await turns()
  }
  throw new Error(`Not seen in 1000 looks: ${levels} calls at work and waiting`)
}

const check: Check = (context, options) => answering.enhanceEvidence(context, options)
const served = (by: Check): ServedEnhancer => ({ enhanceEvidence: by }) as unknown as ServedEnhancer

async function toolsOf(by: Check, options: EvidenceToolsOptions = {}): Promise<Client> {
  const [near, far] = InMemoryTransport.createLinkedPair()
  await createEvidenceServer(served(by), options).connect(far)
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(near)
  endings.push(() => client.close())
  return client
}

async function agentOf(by: Check, options: A2aOptions = {}): Promise<{ agent: Agent; url: string }> {
  const server = await openA2a({ enhanceEvidence: by as never }, { graceMs: 0, ...options })
  endings.push(() => server.close())
  const { url } = server
  return { agent: await new ClientFactory().createFromUrl(url), url }
}

const tool = { name: 'check_claim', arguments: { claim, sources } }

describe('MCP', () => {
  test('calls by tool and error, at work, and turned away', async () => {
    const sdk = sdkOf()
    const gate = gated()
    const client = await toolsOf(gate.check, { limits: { concurrency: 1, waiting: 0 } })
    const held = client.callTool(tool)
    await until('it is at work', () => gate.begun.length === 1)
    expect(await levelsOf(sdk)).toEqual([1, 0])
    expect(await client.callTool(tool)).toMatchObject({
      isError: true,
      structuredContent: { error: { code: 'ER_QUEUE_FULL' } },
    })
    await gate.open('claim')
    expect((await held).isError).toBeUndefined()
    expect(await client.callTool({ name: 'check_claim', arguments: {} })).toMatchObject({ isError: true })
    const leaving = new AbortController()
    const left = client.callTool(tool, { signal: leaving.signal })
    await until('it is at work', () => gate.begun.length === 2)
    leaving.abort('changed my mind')
    await expect(left).rejects.toThrow()
    await until('its span is over', () => sdk.spans().length === 4)
    const by = { door: 'mcp', asked: 'check_claim', value: 1 }
    expect(await pointsOf(sdk, names.doorDuration)).toEqual([
      { ...by, type: 'ER_QUEUE_FULL' },
      by,
      { ...by, type: 'ER_INPUT' },
      { ...by, type: 'canceled' },
    ])
    expect(await pointsOf(sdk, names.mcpDuration)).toHaveLength(4)
    expect(await pointsOf(sdk, names.doorRefused)).toEqual([{ door: 'mcp', type: 'ER_QUEUE_FULL', value: 1 }])
    expect(await levelsOf(sdk)).toEqual([0, 0])
  })

  test('over HTTP those without the token are counted by their status', async () => {
    const sdk = sdkOf()
    const ending = new AbortController()
    const { promise: listening, resolve } = Promise.withResolvers<string>()
    const tools = evidenceTools(served(check))
    const options = { port: 0, token: 'a-token-of-this-test', onNote: () => {}, onListening: resolve }
    const ended = serveHttp(() => evidenceServerOf(tools), options, ending.signal)
    const url = await listening
    expect((await fetch(url, { method: 'POST', body: '{}' })).status).toBe(401)
    const authorization = `Bearer ${options.token}`
    expect((await fetch(`${url}/elsewhere`, { headers: { authorization } })).status).toBe(404)
    ending.abort()
    await ended
    expect(await pointsOf(sdk, names.doorRefused)).toEqual([
      { door: 'mcp', type: '401', value: 1 },
      { door: 'mcp', type: '404', value: 1 },
    ])
  })
})

describe('A2A', () => {
  const message = (taskId: string) => dataMessage({ taskId, claim, sources })

  test('tasks at work, waiting, turned away, canceled and done', async () => {
    const sdk = sdkOf()
    const gate = gated()
    const { agent } = await agentOf(gate.check, { concurrency: 1, waiting: 1 })
    const first = await send(agent, message('one'), true)
    await until('it is at work', () => gate.begun.length === 1)
    const second = send(agent, message('two'))
    await reached(sdk, [1, 1])
    expect(stateOf(await send(agent, message('three')))).toBe('TASK_STATE_REJECTED')
    await cancel(agent, first.id)
    await gate.open('two')
    expect(stateOf(await second)).toBe('TASK_STATE_COMPLETED')
    expect(stateOf(await send(agent, dataMessage({ claims: [] })))).toBe('TASK_STATE_REJECTED')
    const by = { door: 'a2a', asked: 'claim', value: 1 }
    expect(await pointsOf(sdk, names.doorDuration)).toEqual([
      { ...by, type: 'ER_QUEUE_FULL' },
      { ...by, type: 'canceled' },
      by,
      { ...by, asked: 'task', type: 'ER_INPUT' },
    ])
    expect(await pointsOf(sdk, names.doorRefused)).toEqual([{ door: 'a2a', type: 'ER_QUEUE_FULL', value: 1 }])
    expect(await levelsOf(sdk)).toEqual([0, 0])
  })

  test('requests without the token are counted by their status', async () => {
    const sdk = sdkOf()
    const server = await openA2a({ enhanceEvidence: check as never }, { token: 'a-token-of-this-test' })
    endings.push(() => server.close())
    const { status } = await fetch(`${server.url}/a2a/jsonrpc`, { method: 'POST', body: '{}' })
    expect(status).toBe(401)
    expect(await pointsOf(sdk, names.doorRefused)).toEqual([{ door: 'a2a', type: '401', value: 1 }])
  })
})

describe('events', () => {
  test('those that are answered, dropped, and given up; one that is tried again waits meanwhile', async () => {
    const sdk = sdkOf()
    let calls = 0
    const levels: unknown[] = []
    const { consumer, letters } = consumerOf(
      {
        onNote: async note => {
          if (note.includes('attempt 2')) levels.push(await levelsOf(sdk))
        },
        onResult: ({ data }) => {
          calls += 1
          if (data.event.id === 'c' && calls < 3) throw Object.assign(new Error('busy'), { retryable: true })
        },
        backoffMs: 50,
      },
      check,
    )
    await consumer.push(event('a'))
    await consumer.push(event('a'))
    await consumer.push({ specversion: '0.3' })
    await consumer.push(event('b', { expirytime: '2001-01-01T00:00:00Z' }))
    await consumer.push(event('c'))
    await consumer.push(event('d', { data: { claim: '', sources } }))
    await consumer.close()
    expect(letters).toHaveLength(2)
    expect(levels).toEqual([[0, 1]])
    const by = { door: 'events', asked: 'claim' }
    expect(await pointsOf(sdk, names.doorDuration)).toEqual(
      expect.arrayContaining([
        { ...by, value: 2 },
        { ...by, type: 'ER_INPUT', value: 1 },
      ]),
    )
    expect(await pointsOf(sdk, names.doorRefused)).toEqual([
      { door: 'events', type: 'duplicate', value: 1 },
      { door: 'events', type: 'ER_INPUT', value: 1 },
      { door: 'events', type: 'expired', value: 1 },
    ])
    expect(await levelsOf(sdk)).toEqual([0, 0])
  })
})

describe('an SDK', () => {
  /** What each door answers to the same claim, and to a wrong one. */
  async function answers() {
    const client = await toolsOf(check)
    const { agent } = await agentOf(check)
    const { consumer, letters, results } = consumerOf()
    const told = async (given: object) => {
      const { isError, structuredContent } = await client.callTool({
        name: 'check_claim',
        arguments: { ...given },
      })
      const { verdict, error } = structuredContent as { verdict?: string; error?: { code: string } }
      return [isError, verdict, error?.code]
    }
    const task = await send(agent, dataMessage({ claim, sources }))
    const wrong = await send(agent, dataMessage({ claim: '', sources }))
    await consumer.push(event('a'))
    await consumer.push(event('b', { data: { claim: '', sources } }))
    await consumer.close()
    return {
      mcp: [await told({ claim, sources }), await told({ claim: '', sources })],
      a2a: [stateOf(task), dataOf(task).verdict, stateOf(wrong)],
      events: [results.map(({ data }) => data.evidence.verdict), letters.map(({ error }) => error.code)],
    }
  }

  test('all of whose parts throw changes no answer of a door', async () => {
    const plain = await answers()
    expect(plain).toMatchObject({
      mcp: [
        [undefined, 'supported', undefined],
        [true, undefined, 'ER_INPUT'],
      ],
    })
    endings.push(registerBrokenSdk())
    expect(await answers()).toEqual(plain)
  })

  test('whose exporter hangs or whose processor throws changes no answer of a door', async () => {
    const plain = await answers()
    const never = () => new Promise<void>(() => {})
    const hanging = { export: () => {}, shutdown: never, forceFlush: never }
    const throwing = {
      onStart: () => {
        throw new Error('a broken processor')
      },
      onEnd: () => {
        throw new Error('a broken processor')
      },
      shutdown: async () => {},
      forceFlush: async () => {},
    }
    registerSdk([new SimpleSpanProcessor({ exporter: hanging as never }), throwing])
    // Its own shutdown would wait for ever.
    endings.push(() => [context, trace, metrics].map(api => api.disable()))
    expect(await answers()).toEqual(plain)
  })
})
