/** A trace that a caller has begun goes on behind each door that is told of it. */
import { Client, InMemoryTransport } from '@modelcontextprotocol/client'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { EventConsumer } from '../../src/adapters/a2a.ts'
import { createEvidenceServer } from '../../src/adapters/mcp.ts'
import { names } from '../../src/core/telemetry.ts'
import { EvidenceEnhancer } from '../../src/index.ts'
import { type RecordingSdk, registerSdk } from '../support/recording-sdk.ts'

const enhancer = await EvidenceEnhancer.open({ poolSize: 1 })
afterAll(() => enhancer.close())

let sdk: RecordingSdk
beforeEach(() => {
  sdk = registerSdk()
})
afterEach(() => sdk.shutdown())

const [trace, caller] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7']
const traceparent = `00-${trace}-${caller}-01`
const sources = [{ content: 'The gateway restarted twice on Monday.' }]

/** The requests' spans, and all of their trace. */
const spansOf = () => ({
  requests: sdk.spans().filter(({ name }) => name === names.spanRequest),
  traces: new Set(sdk.spans().map(span => span.spanContext().traceId)),
})

test('an MCP call with a traceparent in its _meta is a part of that trace', async () => {
  const [near, far] = InMemoryTransport.createLinkedPair()
  const server = createEvidenceServer(enhancer)
  await server.connect(far)
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(near)
  const call = { name: 'check_claim', arguments: { claim: 'The gateway restarted on Monday.', sources } }
  await client.callTool({ ...call, _meta: { traceparent } })
  const { requests, traces } = spansOf()
  expect(requests.map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual([caller])
  expect(traces).toEqual(new Set([trace]))
  await client.close()
  await server.close()
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
  })
  async function* source() {
    yield event('a', { traceparent })
    yield event('b', {})
  }
  await consumer.consume(source())
  expect({ results: results.length, letters }).toEqual({ results: 2, letters: [] })
  const { requests } = spansOf()
  expect(requests.map(({ parentSpanContext }) => parentSpanContext?.spanId).toSorted()).toEqual([
    caller,
    undefined,
  ])
})
