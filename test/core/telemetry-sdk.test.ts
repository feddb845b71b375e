/** Telemetry beside an OpenTelemetry SDK that is broken or slow: work is done once, and figures come as they can. */
import { afterEach, describe, expect, test } from 'vitest'
import { continueTrace, type Observed, Telemetry } from '../../src/core/telemetry.ts'
import { names } from '../../src/core/telemetry-names.ts'
import { registerBrokenSdk } from '../support/broken-sdk.ts'
import { type RecordingSdk, registerSdk } from '../support/recording-sdk.ts'

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const endings: (() => unknown)[] = []
afterEach(async () => {
  for (const end of endings.splice(0)) await end()
})

describe('an SDK all of whose parts throw', () => {
  test('does not keep the work of a span from being done, once', async () => {
    endings.push(registerBrokenSdk())
    const telemetry = new Telemetry()
    let done = 0
    const work = async () => {
      done += 1
      return 'an answer'
    }
    expect(await telemetry.span('work', {}, work, { parent: traceparent })).toBe('an answer')
    expect(done).toBe(1)
    const error = new Error('of the work')
    await expect(telemetry.span('work', {}, () => Promise.reject(error))).rejects.toBe(error)
    expect(telemetry.figures.sinkErrors).toBeGreaterThanOrEqual(2)
  })

  test('nor that of a trace that is continued', () => {
    endings.push(registerBrokenSdk())
    let done = 0
    const work = () => {
      done += 1
      return done
    }
    expect(continueTrace(traceparent, work)).toBe(1)
    const failing = () => {
      done += 1
      throw new TypeError(`after ${done}`)
    }
    expect(() => continueTrace(traceparent, failing)).toThrow('after 2')
  })
})

describe('figures that come later', () => {
  const valuesOf = async (sdk: RecordingSdk) =>
    ((await sdk.metrics()).get(names.jobsStored)?.dataPoints ?? []).map(({ value }) => value)

  test('are waited for by whoever collects, until they are let go of', async () => {
    const sdk = registerSdk()
    endings.push(() => sdk.shutdown())
    const telemetry = new Telemetry()
    let asked = 0
    const stop = telemetry.observe({
      [names.jobsStored]: async (): Promise<readonly Observed[]> => {
        asked += 1
        return [
          { value: 3, attributes: { [names.state]: 'waiting' } },
          { value: 1, attributes: { [names.state]: 'running' } },
        ]
      },
    })
    expect(await valuesOf(sdk)).toEqual([3, 1])
    stop()
    await sdk.metrics()
    expect(asked).toBe(1)
  })
})
