/**
 * MCP over HTTP, asked by the official client in both protocol eras and by bare requests: who is let in, how much,
 * cancellation down to the pool, and a clean end.
 */
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { json } from 'node:stream/consumers'
import {
  Client,
  StreamableHTTPClientTransport,
  type VersionNegotiationOptions,
} from '@modelcontextprotocol/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ServeMcpOptions, serveMcp } from '../../src/adapters/mcp-serve.ts'
import { EvidenceEnhancer } from '../../src/runner.ts'
import { until, untilSeen } from '../support/condition.ts'

/** So long that the pool takes work which it can't do soon. */
const timeoutMs = 600_000
const token = 'a-token-of-this-test'
const legacy: VersionNegotiationOptions = { mode: 'legacy' }
const modern: VersionNegotiationOptions = { mode: { pin: '2026-07-28' } }
const eras = [
  ['2025-11-25', legacy],
  ['2026-07-28', modern],
] as const

let enhancer: EvidenceEnhancer
/** The enhancer outlives the servers of this file. */
let kept: EvidenceEnhancer
const endings: (() => Promise<void>)[] = []

beforeAll(async () => {
  enhancer = await EvidenceEnhancer.open({ poolSize: 1, telemetry: false })
  kept = new Proxy(enhancer, {
    get: (target, name) => {
      if (name === 'close') return async () => {}
      const value = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
})

afterAll(async () => {
  await Promise.all(endings.map(end => end()))
  await enhancer?.close()
})

async function serving(options: Partial<ServeMcpOptions> = {}) {
  const ending = new AbortController()
  const { promise: url, resolve } = Promise.withResolvers<string>()
  const serve = { transport: 'http', port: 0, ...options } as const
  const ended = serveMcp(kept, { ...serve, signal: ending.signal, onListening: resolve })
  const end = async () => {
    ending.abort()
    await ended
  }
  endings.push(end)
  return { url: await Promise.race([url, ended.then(() => '')]), end }
}

async function connected(url: string, negotiation: VersionNegotiationOptions, headers = {}) {
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: negotiation })
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }))
  await client.listTools()
  return client
}

const outage = (minutes: number) => ({
  claim: `The outage lasted under ${minutes} minutes.`,
  sources: [{ content: 'The outage lasted 12 minutes.' }],
})

const ping = { jsonrpc: '2.0', id: 1, method: 'ping', params: {} }

async function post(url: string, headers: Record<string, string>, body: unknown = ping) {
  const sent = request(url, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      ...headers,
    },
  })
  sent.on('error', () => {})
  sent.end(typeof body === 'string' ? body : JSON.stringify(body))
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const refused = response.headers['content-type'] === 'application/json'
  const told = refused ? ((await json(response)) as { error?: { message: string } }) : undefined
  if (!refused) response.resume()
  return { status: response.statusCode, headers: response.headers, told }
}

describe.each(eras)('a client of protocol %s', (_, negotiation) => {
  test('lists and calls tools side by side, hears of progress, and cancels', async () => {
    const { url, end } = await serving()
    const client = await connected(url, negotiation)
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, place) =>
        client.callTool({ name: 'check_claim', arguments: { ...outage(20 + place), taskId: `t${place}` } }),
      ),
    )
    expect(answers.map(({ structuredContent }) => structuredContent)).toEqual(
      answers.map((_, place) => expect.objectContaining({ taskId: `t${place}`, verdict: 'supported' })),
    )
    const told: number[] = []
    await client.callTool(
      {
        name: 'check_claims',
        arguments: { claims: [outage(51), outage(52)] },
      },
      { onprogress: ({ progress }) => void told.push(progress) },
    )
    expect(told).toEqual([1, 2])

    const leaving = new AbortController()
    const texts = Array.from({ length: 300 }, (_, place) => `${place} ${'it ran hot again '.repeat(40)}`)
    const call = client.callTool(
      { name: 'embed_texts', arguments: { texts, timeoutMs } },
      { signal: leaving.signal },
    )
    const left = expect(call).rejects.toThrow()
    await until('its texts wait', () => (enhancer.stats().pool?.waitingItems ?? 0) > 100)
    leaving.abort()
    await left
    await until('its place is free', () => enhancer.stats().pool?.waitingItems === 0)
    await client.close()
    await end()
    await expect(fetch(url)).rejects.toThrow()
  })
})

describe('who is let in', () => {
  test('nobody whose Host or Origin is another', async () => {
    const { url } = await serving()
    expect((await post(url, {})).status).toBe(200)
    expect((await post(url, { Host: 'evil.example' })).status).toBe(403)
    expect((await post(url, { Origin: 'https://evil.example' })).status).toBe(403)
    expect((await post(url, { Origin: 'null' })).status).toBe(403)
    expect((await post(url, { Origin: 'http://localhost:3000' })).status).toBe(200)
    expect((await post(url.replace('/mcp', '/other'), {})).status).toBe(404)
  })

  test('only who brings the token, where there is one; it is in no answer and no note', async () => {
    const notes: string[] = []
    const { url } = await serving({ token, onNote: note => void notes.push(note) })
    const without = await post(url, {})
    expect(without).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } })
    expect((await post(url, { Authorization: `Bearer ${token}x` })).status).toBe(401)
    expect((await post(url, { Authorization: `Basic ${token}` })).status).toBe(401)
    const client = await connected(url, legacy, { Authorization: `Bearer ${token}` })
    expect(await client.callTool({ name: 'check_claim', arguments: outage(90) })).not.toHaveProperty(
      'isError',
    )
    await client.close()
    await expect(connected(url, legacy)).rejects.toThrow()
    expect(JSON.stringify([without.told, notes])).not.toContain(token)
  })

  test('nobody off loopback without a token', async () => {
    await expect(serving({ host: '0.0.0.0' })).rejects.toMatchObject({ code: 'ER_CONFIG' })
    await expect(serving({ host: '0.0.0.0', token: 'short' })).rejects.toMatchObject({ code: 'ER_CONFIG' })
    endings.splice(-2)
    const { url } = await serving({ host: '0.0.0.0', token })
    const [reached, elsewhere] = [url.replace('0.0.0.0', '127.0.0.1'), { Host: 'claims.example' }]
    expect((await post(reached, elsewhere)).status).toBe(401)
    expect((await post(reached, { ...elsewhere, Authorization: `Bearer ${token}` })).status).toBe(200)
  })
})

describe('how much is let in', () => {
  test('no body that is too long, declared or not', async () => {
    const { url } = await serving({ limits: { requestBytes: 20_000 } })
    const long = { ...ping, params: { text: 'x'.repeat(30_000) } }
    expect((await post(url, {}, long)).status).toBe(413)
    const streamed = request(url, { method: 'POST', headers: { 'Content-Type': 'application/json' } })
    streamed.on('error', () => {})
    const answered = once(streamed, 'response') as Promise<[IncomingMessage]>
    streamed.write('{"x": "')
    for (let part = 0; part < 30; part += 1) streamed.write('x'.repeat(1000))
    const [response] = await answered
    expect(response.statusCode).toBe(413)
    streamed.destroy()
    expect((await post(url, { Host: 'evil.example' }, { text: 'x'.repeat(15_000) })).status).toBe(403)
    expect((await post(url, {}, 'not json')).status).toBe(400)
    expect((await post(url, { 'Content-Type': 'text/plain' })).status).toBe(415)
  })

  test('no more calls than are under way at most: 503 with when to come back', async () => {
    const { url, end } = await serving({ limits: { concurrency: 1, waiting: 0 } })
    const client = await connected(url, modern)
    const texts = Array.from({ length: 300 }, (_, place) => `${place} ${'it went cold '.repeat(40)}`)
    const leaving = new AbortController()
    const held = client.callTool(
      { name: 'embed_texts', arguments: { texts, timeoutMs } },
      { signal: leaving.signal },
    )
    const left = expect(held).rejects.toThrow()
    await until('it is at work', () => (enhancer.stats().pool?.openCalls ?? 0) > 0)
    const full = await post(url, {}, { ...ping, params: { text: 'x'.repeat(2000) } })
    expect(full).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    // What is small may be a cancellation.
    expect((await post(url, {})).status).toBe(200)
    leaving.abort()
    await left
    await until('its place is free', () => enhancer.stats().pool?.waitingItems === 0)
    await client.close()
    await end()
  })

  test('no session that was never begun', async () => {
    const { url } = await serving()
    expect((await post(url, { 'Mcp-Session-Id': 'none' })).status).toBe(404)
  })
})

test('what is under way when the door closes is answered, within bounds', async () => {
  const { url, end } = await serving()
  const client = await connected(url, modern)
  const texts = Array.from({ length: 4 }, (_, place) => `${place} ${'it was mended '.repeat(20)}`)
  const call = client.callTool({ name: 'embed_texts', arguments: { texts, timeoutMs } })
  await untilSeen('it is at work', () => (enhancer.stats().pool?.openCalls ?? 0) > 0)
  await Promise.all([end(), call])
  expect((await call).structuredContent).toMatchObject({ dimensions: 384 })
  await client.close()
})
