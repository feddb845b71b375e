/**
 * A trace that a caller has begun goes on behind each door that is told of it: over HTTP, in a message or an event,
 * under a span of the door. With the official clients and a real OpenTelemetry SDK.
 */
import { ClientFactory } from '@a2a-js/sdk/client'
import {
  Client,
  InMemoryTransport,
  StreamableHTTPClientTransport,
  type VersionNegotiationOptions,
} from '@modelcontextprotocol/client'
import { SpanKind } from '@opentelemetry/api'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { EventConsumer, openA2a } from '../../src/adapters/a2a.ts'
import { createEvidenceServer, evidenceServerOf, evidenceTools } from '../../src/adapters/mcp.ts'
import { serveHttp } from '../../src/adapters/mcp-http.ts'
import { names } from '../../src/core/telemetry.ts'
import { EvidenceEnhancer } from '../../src/index.ts'
import { dataMessage, request, send, stateOf } from '../support/a2a-client.ts'
import { type RecordingSdk, registerSdk } from '../support/recording-sdk.ts'

const enhancer = await EvidenceEnhancer.open({ poolSize: 1 })
afterAll(() => enhancer.close())

let sdk: RecordingSdk
beforeEach(() => {
  sdk = registerSdk()
})
afterEach(() => sdk.shutdown())

/** Two callers, each in a trace of its own. */
const callers = [
  { trace: '4bf92f3577b34da6a3ce929d0e0e4736', span: '00f067aa0ba902b7' },
  { trace: '0af7651916cd43dd8448eb211c80319c', span: 'b7ad6b7169203331' },
] as const
const [one, other] = callers.map(({ trace, span }) => `00-${trace}-${span}-01`) as [string, string]
const sources = [{ content: 'The gateway restarted twice on Monday.' }]

/** Who is above the door's span, and above the request's: a caller's place, 'the door', or nobody. */
function families(door: string) {
  const spans = sdk.spans()
  const byId = new Map(spans.map(span => [span.spanContext().spanId, span]))
  const placeOf = (id: string | undefined) => {
    const place = callers.findIndex(({ span }) => span === id)
    return place >= 0 ? place : byId.get(id ?? '')?.name === door ? 'the door' : undefined
  }
  const parents = (name: string) =>
    spans.filter(span => span.name === name).map(span => placeOf(span.parentSpanContext?.spanId))
  const traces = spans.map(span => callers.findIndex(({ trace }) => trace === span.spanContext().traceId))
  return { doors: parents(door), requests: parents(names.spanRequest), traces: [...new Set(traces)].sort() }
}

describe('MCP', () => {
  const tool = 'tools/call check_claim'
  let asked = 0
  /** A claim that was not checked before. */
  const call = (more: object = {}) => ({
    name: 'check_claim',
    arguments: { claim: `The gateway restarted on Monday, says call ${++asked}.`, sources },
    ...more,
  })

  test('a traceparent in _meta is carried on', async () => {
    const [near, far] = InMemoryTransport.createLinkedPair()
    const server = createEvidenceServer(enhancer)
    await server.connect(far)
    const client = new Client({ name: 'test', version: '1' })
    await client.connect(near)
    await client.callTool(call({ _meta: { traceparent: one } }))
    expect(families(tool)).toEqual({ doors: [0], requests: ['the door'], traces: [0] })
    expect(sdk.spans().find(({ name }) => name === tool)).toMatchObject({
      kind: SpanKind.SERVER,
      attributes: {
        'mcp.method.name': 'tools/call',
        'gen_ai.tool.name': 'check_claim',
        'jsonrpc.request.id': expect.stringMatching(/^\d+$/),
      },
    })
    await client.close()
    await server.close()
  })

  test.each<[string, VersionNegotiationOptions]>([
    ['2025-11-25', { mode: 'legacy' }],
    ['2026-07-28', { mode: { pin: '2026-07-28' } }],
  ])('over HTTP its header is, where _meta has none, in protocol %s', async (_, versionNegotiation) => {
    const ending = new AbortController()
    const { promise: url, resolve } = Promise.withResolvers<string>()
    const tools = evidenceTools(enhancer)
    const served = serveHttp(
      () => evidenceServerOf(tools),
      { port: 0, onNote: () => {}, onListening: resolve },
      ending.signal,
    )
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation })
    const requestInit = { headers: { traceparent: one } }
    await client.connect(new StreamableHTTPClientTransport(new URL(await url), { requestInit }))
    await client.callTool(call())
    await client.callTool(call({ _meta: { traceparent: other } }))
    expect(families(tool)).toEqual({ doors: [0, 1], requests: ['the door', 'the door'], traces: [0, 1] })
    await client.close()
    ending.abort()
    await served
  })
})

describe('A2A', () => {
  const message = (claim: string, metadata?: Record<string, unknown>) => ({
    ...dataMessage({ claim, sources }),
    metadata,
  })

  test('the header of the HTTP request is carried on, and metadata of the message before it', async () => {
    await using server = await openA2a(enhancer)
    const client = await new ClientFactory().createFromUrl(server.url)
    const serviceParameters = { traceparent: one }
    const ask = (given: ReturnType<typeof message>) =>
      client.sendMessage(request(given), { serviceParameters })
    await ask(message('The gateway restarted on Monday, says the header.'))
    await ask(message('The gateway restarted on Monday, says the message.', { traceparent: other }))
    const { doors, requests, traces } = families(names.spanTask)
    expect({ doors, requests, traces }).toEqual({
      ...{ doors: [0, 1], requests: ['the door', 'the door'], traces: [0, 1] },
    })
    expect(sdk.spans().find(({ name }) => name === names.spanTask)).toMatchObject({
      kind: SpanKind.SERVER,
      attributes: { 'evidence_runner.lane': 'short', 'evidence_runner.claims': 1 },
    })
  })

  test('a task that waited for another one stays in its own trace', async () => {
    await using server = await openA2a(enhancer, { concurrency: 1 })
    const client = await new ClientFactory().createFromUrl(server.url)
    const tasks = await Promise.all(
      [one, other].map((traceparent, index) =>
        send(client, message(`The gateway restarted on Monday, says task ${index}.`, { traceparent })),
      ),
    )
    expect(tasks.map(stateOf)).toEqual(['TASK_STATE_COMPLETED', 'TASK_STATE_COMPLETED'])
    expect(families(names.spanTask).doors).toEqual([0, 1])
    const traceOf = (name: string) =>
      sdk.spans().flatMap(span => (span.name === name ? [span.spanContext().traceId] : []))
    expect(traceOf(names.spanRequest)).toEqual(callers.map(({ trace }) => trace))
  })
})

test('an event with a traceparent is a part of that trace, and its neighbour without one is not', async () => {
  const event = (id: string, more: object) => ({
    ...{ specversion: '1.0', id, source: '/test', type: 'com.example.claim.made.v1', ...more },
    data: { claim: `The gateway restarted on Monday, says ${id}.`, sources },
  })
  const results: unknown[] = []
  const letters: unknown[] = []
  await using consumer = new EventConsumer(enhancer, {
    onResult: result => results.push(result),
    onDeadLetter: letter => letters.push(letter),
    source: '/agents/evidence',
    concurrency: 1,
  })
  async function* source() {
    yield event('a', { traceparent: one })
    yield event('b', {})
  }
  await consumer.consume(source())
  expect({ results: results.length, letters }).toEqual({ results: 2, letters: [] })
  const { doors, requests, traces } = families(names.spanEvent)
  expect({ doors, requests, traces }).toEqual({
    ...{ doors: [0, undefined], requests: ['the door', 'the door'], traces: [-1, 0] },
  })
  expect(sdk.spans().find(({ name }) => name === names.spanEvent)).toMatchObject({
    kind: SpanKind.CONSUMER,
    attributes: {
      'cloudevents.event_id': 'a',
      'cloudevents.event_source': '/test',
      'cloudevents.event_type': 'com.example.claim.made.v1',
    },
  })
})
