/** The fingerprint of what happened: what changes it and what does not. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Execution, executionKey, portable, rootHash, Trace, traceHash } from '../../src/core/trace.ts'

const execution: Execution = { node: 'embed', version: '1', input: { text: 'a' }, config: { k: 3 } }

const changed: [string, Execution][] = [
  ['node', { ...execution, node: 'rank' }],
  ['version', { ...execution, version: '2' }],
  ['input', { ...execution, input: { text: 'b' } }],
  ['config', { ...execution, config: { k: 4 } }],
]

describe('executionKey()', () => {
  test.each(changed)('changes with the %s', (_, other) => {
    expect(executionKey(other)).not.toBe(executionKey(execution))
  })

  test('is the same for equal work, whatever the order of keys', () => {
    const { config, input, version, node } = execution
    expect(executionKey({ config, input, version, node })).toBe(executionKey(execution))
    expect(executionKey(execution)).toMatch(/^[0-9a-f]{64}$/)
  })

  test('does not let one part run into the next', () => {
    const one = { ...execution, node: 'ab', version: 'c' }
    const two = { ...execution, node: 'a', version: 'bc' }
    expect(executionKey(one)).not.toBe(executionKey(two))
    expect(executionKey({ ...execution, input: 1, config: 2 })).not.toBe(
      executionKey({ ...execution, input: 2, config: 1 }),
    )
  })
})

describe('traceHash()', () => {
  test.each(changed)('changes with the %s', (_, other) => {
    expect(traceHash(other, 'out')).not.toBe(traceHash(execution, 'out'))
  })

  test('changes with the output', () => {
    expect(traceHash(execution, 'other')).not.toBe(traceHash(execution, 'out'))
  })

  test('is never an execution key', () => {
    expect(traceHash(execution, null)).not.toBe(executionKey(execution))
  })
})

describe('Trace', () => {
  const steps = ['a', 'b', 'c', 'd'].map((node, order) => ({ order, execution: { ...execution, node } }))

  test('has the same record in whatever order the steps finish', () => {
    const inPlanOrder = new Trace()
    for (const step of steps) inPlanOrder.add(step.order, step.execution, step.order)
    const expected = inPlanOrder.record()
    expect(expected.steps.map(({ node }) => node)).toEqual(['a', 'b', 'c', 'd'])
    fc.assert(
      fc.property(fc.shuffledSubarray(steps, { minLength: 4 }), shuffled => {
        const trace = new Trace()
        for (const step of shuffled) trace.add(step.order, step.execution, step.order)
        expect(trace.record()).toEqual(expected)
      }),
    )
  })

  test('changes its hash when two steps change places in the plan', () => {
    const [one, two] = [new Trace(), new Trace()]
    for (const step of steps) {
      one.add(step.order, step.execution, 0)
      two.add(steps.length - step.order, step.execution, 0)
    }
    expect(one.record().hash).not.toBe(two.record().hash)
  })

  test('sorts places as numbers', () => {
    const trace = new Trace()
    for (const order of [10, 9, 2]) trace.add(order, { ...execution, node: `${order}` }, 0)
    expect(trace.record().steps.map(({ node }) => node)).toEqual(['2', '9', '10'])
  })

  test('gives each step its key and hash and does not keep input or output', () => {
    const trace = new Trace()
    const step = trace.add(0, execution, 'out')
    expect(step).toEqual({
      node: 'embed',
      version: '1',
      executionKey: executionKey(execution),
      traceHash: traceHash(execution, 'out'),
    })
    expect(trace.record()).toEqual({ hash: rootHash([step]), steps: [step] })
  })

  test('has a hash without steps, and another with one', () => {
    const trace = new Trace()
    const empty = trace.record().hash
    expect(empty).toBe(rootHash([]))
    trace.add(0, execution, 'out')
    expect(trace.record().hash).not.toBe(empty)
  })
})

test('portable() keeps four decimals', () => {
  expect([0.12345, 0.12344, -0.00001, 1, 0.99999].map(portable)).toEqual([0.1235, 0.1234, -0, 1, 1])
})
