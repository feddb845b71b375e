/** A door's telemetry by itself, with a real OpenTelemetry SDK, with a broken one, and switched off. */
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DoorCall, DoorTelemetry, toolSpan } from '../../src/adapters/door-telemetry.ts'
import { errorOf } from '../../src/core/errors.ts'
import { currentTraceparent, names, Telemetry } from '../../src/core/telemetry.ts'
import { registerBrokenSdk } from '../support/broken-sdk.ts'
import { type RecordingSdk, registerSdk } from '../support/recording-sdk.ts'

const [trace, caller] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7']
const traceparent = `00-${trace}-${caller}-01`
const task: DoorCall = { asked: 'task', span: names.spanTask, kind: 'server' }

describe('with an SDK', () => {
  let sdk: RecordingSdk
  beforeEach(() => {
    sdk = registerSdk()
  })
  afterEach(() => sdk.shutdown())

  const pointsOf = async (name: string) =>
    ((await sdk.metrics()).get(name)?.dataPoints ?? []).map(({ attributes, value }) => ({
      ...attributes,
      value: typeof value === 'number' ? value : (value as { count: number }).count,
    }))

  test('a call has a span under that of its caller, and what is done in it is under that', async () => {
    const door = new DoorTelemetry('a2a')
    const given = await door.call(
      { ...task, traceparent, attributes: { [names.task]: 't1' } },
      async open => {
        open.note({ [names.lane]: 'short' })
        await new Telemetry().span(names.spanRequest, {}, async () => {})
        return 'an answer'
      },
    )
    expect(given).toBe('an answer')
    const [request, call] = sdk.spans()
    expect(call).toMatchObject({
      name: 'evidence.task',
      kind: SpanKind.SERVER,
      parentSpanContext: { spanId: caller },
      attributes: { 'evidence_runner.task': 't1', 'evidence_runner.lane': 'short' },
    })
    expect(request?.parentSpanContext?.spanId).toBe(call?.spanContext().spanId)
    expect(request?.spanContext().traceId).toBe(trace)
  })

  test('its duration is told by door and by what was asked, which may be known late', async () => {
    const door = new DoorTelemetry('a2a')
    await door.call(task, async () => {})
    await door.call(task, async open => open.asks('claims'))
    const by = { 'evidence_runner.door': 'a2a', value: 1 }
    expect(await pointsOf(names.doorDuration)).toEqual([
      { ...by, 'evidence_runner.asked': 'task' },
      { ...by, 'evidence_runner.asked': 'claims' },
    ])
  })

  test('it waits, is at work, may wait again, and is gone: counted in one place at a time', async () => {
    const door = new DoorTelemetry('events')
    const seen: unknown[] = []
    const look = async () => {
      const [[waiting], [running]] = [await pointsOf(names.doorWaiting), await pointsOf(names.doorRunning)]
      seen.push([waiting?.value, running?.value])
    }
    await door.call(task, async open => {
      await look()
      open.begin()
      open.begin()
      await look()
      await door.call(task, look)
      open.pause()
      await look()
      open.begin()
    })
    await look()
    expect(seen).toEqual([
      [1, undefined],
      [0, 1],
      [1, 1],
      [1, 0],
      [0, 0],
    ])
  })

  test('what it fails with goes on as it came, and is told by its code', async () => {
    const error = errorOf('ER_DEADLINE', 'late')
    const failing = new DoorTelemetry('mcp').call({ asked: 'check_claim', ...toolSpan('check_claim') }, () =>
      Promise.reject(error),
    )
    await expect(failing).rejects.toBe(error)
    expect(sdk.spans()).toMatchObject([
      {
        name: 'tools/call check_claim',
        kind: SpanKind.SERVER,
        status: { code: SpanStatusCode.ERROR },
        attributes: {
          'mcp.method.name': 'tools/call',
          'gen_ai.tool.name': 'check_claim',
          'gen_ai.operation.name': 'execute_tool',
          'error.type': 'ER_DEADLINE',
        },
      },
    ])
    expect(await pointsOf(names.doorDuration)).toMatchObject([{ 'error.type': 'ER_DEADLINE', value: 1 }])
    expect(await pointsOf(names.mcpDuration)).toEqual([
      {
        'mcp.method.name': 'tools/call',
        'gen_ai.tool.name': 'check_claim',
        'gen_ai.operation.name': 'execute_tool',
        'error.type': 'ER_DEADLINE',
        value: 1,
      },
    ])
  })

  test('one whose caller left was canceled, whatever the reason is; an end of ours has its code', async () => {
    const door = new DoorTelemetry('a2a')
    for (const reason of [undefined, 'changed my mind', errorOf('ER_CLOSED', 'closing')]) {
      const signal = AbortSignal.abort(reason)
      const left = door.call({ ...task, signal }, async () => signal.throwIfAborted())
      await left.catch(() => {})
    }
    await door.call(task, () => Promise.reject(new TypeError('odd'))).catch(() => {})
    expect(sdk.spans().map(({ attributes }) => attributes['error.type'])).toEqual([
      'canceled',
      'canceled',
      'ER_CLOSED',
      'TypeError',
    ])
  })

  test('those that are turned away are counted by the reason', async () => {
    const door = new DoorTelemetry('mcp')
    door.refused('401')
    door.refused('401')
    door.refused('ER_QUEUE_FULL')
    expect(await pointsOf(names.doorRefused)).toEqual([
      { 'evidence_runner.door': 'mcp', 'error.type': '401', value: 2 },
      { 'evidence_runner.door': 'mcp', 'error.type': 'ER_QUEUE_FULL', value: 1 },
    ])
  })

  test('switched off it writes nothing, and the trace goes on from the caller', async () => {
    const door = new DoorTelemetry('a2a', false)
    door.refused('401')
    const inside = await door.call({ ...task, traceparent }, async open => {
      open.begin()
      return currentTraceparent()
    })
    expect(inside).toBe(traceparent)
    expect(sdk.spans()).toEqual([])
    expect([...(await sdk.metrics()).keys()]).toEqual([])
  })
})

test.each([true, false])('an SDK all of whose parts throw changes nothing (on: %s)', async on => {
  const stop = registerBrokenSdk()
  try {
    const door = new DoorTelemetry('mcp', on)
    let begun = 0
    const call = { ...task, traceparent }
    const given = await door.call(call, async open => {
      begun += 1
      open.begin()
      open.note({ [names.lane]: 'short' })
      return 'an answer'
    })
    expect([given, begun]).toEqual(['an answer', 1])
    const error = errorOf('ER_INPUT', 'wrong')
    await expect(door.call(call, () => Promise.reject(error))).rejects.toBe(error)
    door.refused('401')
  } finally {
    stop()
  }
})
