/** The A2A server's own part: who may come in, how much they may bring, and how it ends. */
import { get as ask } from 'node:http'
import { ClientFactory } from '@a2a-js/sdk/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openA2a, serveA2a } from '../../src/adapters/a2a.ts'
import { EvidenceEnhancer } from '../../src/runner.ts'
import {
  claim,
  collect,
  dataMessage,
  get,
  longMessage,
  request,
  send,
  sources,
  stateOf,
} from '../support/a2a-client.ts'
import { until } from '../support/condition.ts'

let enhancer: EvidenceEnhancer

beforeAll(async () => {
  enhancer = await EvidenceEnhancer.open({ poolSize: 1, telemetry: false })
})

afterAll(async () => {
  await enhancer?.close()
})

test('checks Host, Origin, token and size before anything is read', async () => {
  const token = 'a-token-of-some-length'
  await using other = await openA2a(enhancer, { token, requestBytes: 1000 })
  const post = (headers: Record<string, string>, body = '{}', path = '/a2a/jsonrpc') =>
    fetch(`${other.url}${path}`, {
      method: 'POST',
      body,
      headers: { 'Content-Type': 'application/json', 'A2A-Version': '1.0', ...headers },
    })
  const bearer = { Authorization: `Bearer ${token}` }
  expect((await post({})).status).toBe(401)
  expect((await post({ Authorization: 'Bearer another-token-of-length' })).status).toBe(401)
  expect((await post({ ...bearer, Origin: 'https://example.com' })).status).toBe(403)
  expect((await post(bearer, JSON.stringify({ text: 'x'.repeat(1001) }))).status).toBe(413)
  expect((await post(bearer, '{')).status).toBe(400)
  expect((await post(bearer)).status).toBe(200)
  expect((await post(bearer, '{}', '/elsewhere')).status).toBe(404)
  expect(await statusWithHost(other.port, 'example.com')).toBe(403)
  const card = await fetch(`${other.url}/.well-known/agent-card.json`)
  expect(await card.json()).toMatchObject({ securityRequirements: [{ schemes: { bearer: {} } }] })
})

test('refuses to be reached by others without a token', async () => {
  await expect(openA2a(enhancer, { host: '0.0.0.0' })).rejects.toMatchObject({ code: 'ER_CONFIG' })
})

test('takes a request larger than the reader of the SDK allows', async () => {
  await using server = await openA2a(enhancer)
  const client = await new ClientFactory().createFromUrl(server.url)
  const task = await send(
    client,
    dataMessage({ claim, sources: [{ content: 'x '.repeat(100_000) }, ...sources] }),
  )
  expect(stateOf(task)).toBe('TASK_STATE_COMPLETED')
  // What a task keeps of it is its size.
  expect((await get(client, task.id)).history[0]?.parts[0]?.content?.value).toMatch(/characters, not kept/)
})

test('serveA2a() ends with its signal, and tells who waits and who listens why', async () => {
  const notes: string[] = []
  const stop = new AbortController()
  const served = serveA2a(enhancer, {
    graceMs: 0,
    concurrency: 1,
    signal: stop.signal,
    onNote: text => notes.push(text),
  })
  await until('it listens', () => notes.length > 0)
  const url = /http:\/\/[\d.:]+/.exec(notes[0] as string)?.[0] as string
  const agent = await new ClientFactory().createFromUrl(url)
  const running = collect(agent.sendMessageStream(request(longMessage())))
  const waiting = send(agent, dataMessage({ claim: 'Another claim.', sources }))
  await until('the pool has work', () => (enhancer.stats().pool?.waitingItems ?? 0) > 0)
  stop.abort()
  const last = (await running).at(-1)?.payload
  expect(last?.$case === 'statusUpdate' && last.value.metadata?.['error']).toMatchObject({
    code: 'ER_CLOSED',
  })
  expect((await waiting).metadata).toMatchObject({ error: { code: 'ER_CLOSED' } })
  await served
  await expect(fetch(url)).rejects.toThrow()
})

/** fetch sets Host by itself. */
async function statusWithHost(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    ask({ host: '127.0.0.1', port, path: '/.well-known/agent-card.json', headers: { host } }, answer => {
      answer.resume()
      resolve(answer.statusCode)
    }).once('error', reject)
  })
}
