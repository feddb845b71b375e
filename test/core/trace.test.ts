/** The fingerprint of what happened: what changes it and what does not. */
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson } from '../../src/core/hash.ts'
import {
  type Execution,
  executionKey,
  portable,
  recordOf,
  type StepOutcome,
  stepOf,
  stepOfHashes,
  Trace,
  type TraceStep,
  valueHash,
} from '../../src/core/trace.ts'

const execution: Execution = { node: 'embed', version: '1', input: { text: 'a' }, config: { k: 3 } }
const hashOf = (outcome: StepOutcome, given = execution) => stepOf(given, outcome).traceHash

/** The formulas at the head of trace.ts, by another way. */
const digest = (...parts: readonly string[]) =>
  createHash('sha256').update(canonicalJson(parts)).digest('hex')

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

  test('is the same for equal work, whatever the order of keys, and that of its step', () => {
    const { config, input, version, node } = execution
    expect(executionKey({ config, input, version, node })).toBe(executionKey(execution))
    expect(stepOf(execution, { output: 1 }).executionKey).toBe(executionKey(execution))
    expect(stepOf(execution, { output: 2, status: 'failed', label: 'x' }).executionKey).toBe(
      executionKey(execution),
    )
  })

  test('is what it is said to be', () => {
    const { config, input } = execution
    expect(executionKey(execution)).toBe(
      digest('execution', 'embed', '1', valueHash(input), valueHash(config)),
    )
    expect(valueHash(input)).toBe(createHash('sha256').update('{"text":"a"}').digest('hex'))
  })

  test('does not let one part run into the next', () => {
    const keyOf = (node: string, version: string) => executionKey({ ...execution, node, version })
    expect(keyOf('a', 'bc')).not.toBe(keyOf('ab', 'c'))
    expect(keyOf('a","b', 'c')).not.toBe(keyOf('a', 'b","c'))
    expect(keyOf('\ud800', '')).not.toBe(keyOf('\ud801', ''))
    expect(executionKey({ ...execution, input: 1, config: 2 })).not.toBe(
      executionKey({ ...execution, input: 2, config: 1 }),
    )
  })

  test('is another for any two executions that differ', () => {
    const part = fc.constantFrom('', 'a', 'b', 'ab')
    const any = fc.record({ node: part, version: part, input: part, config: part })
    fc.assert(
      fc.property(any, any, (one, two) => {
        expect(executionKey(one) === executionKey(two)).toBe(canonicalJson(one) === canonicalJson(two))
      }),
    )
  })
})

describe('traceHash', () => {
  test.each(changed)('changes with the %s', (_, other) => {
    expect(hashOf({ output: 'out' }, other)).not.toBe(hashOf({ output: 'out' }))
  })

  test.each<[string, StepOutcome]>([
    ['output', { output: 'other' }],
    ['status', { output: 'out', status: 'failed' }],
    ['children', { output: 'out', children: [stepOf(execution, { output: 1 })] }],
  ])('changes with the %s', (_, other) => {
    expect(hashOf(other)).not.toBe(hashOf({ output: 'out' }))
  })

  test('tells failed from skipped and from done', () => {
    const of = (status: 'ok' | 'failed' | 'skipped') => hashOf({ output: 'out', status })
    expect(new Set([of('ok'), of('failed'), of('skipped')]).size).toBe(3)
    expect(of('ok')).toBe(hashOf({ output: 'out' }))
  })

  test("of a composite changes with a child's label, with their order and with what is in them", () => {
    const child = (label: string) => stepOf(execution, { output: label === 'a' ? 1 : 2, label })
    const of = (...labels: string[]) => hashOf({ output: 0, children: labels.map(child) })
    const deep = hashOf({ output: 0, children: [stepOf(execution, { output: 1, children: [child('a')] })] })
    const deeper = hashOf({ output: 0, children: [stepOf(execution, { output: 1, children: [child('c')] })] })
    expect(new Set([of('a', 'b'), of('b', 'a'), of('a'), of('b'), of('c'), of(), deep, deeper]).size).toBe(8)
    // A step's own label belongs to what is around it.
    expect(hashOf({ output: 1, label: 'a' })).toBe(hashOf({ output: 1, label: 'b' }))
  })

  test('is never an execution key, and what it is said to be', () => {
    const child = stepOf(execution, { output: 2, label: 'x' })
    const step = stepOf(execution, { output: 'out', children: [child] })
    const { configHash, inputHash, outputHash } = step
    expect([inputHash, configHash, outputHash]).toEqual(
      [{ text: 'a' }, { k: 3 }, 'out'].map(value => valueHash(value)),
    )
    const parts = ['trace', 'embed', '1', inputHash, configHash, 'ok', outputHash] as const
    expect(step.traceHash).toBe(digest(...parts, 'x', child.traceHash))
    expect(hashOf({ output: null })).not.toBe(executionKey(execution))
  })
})

describe('exactHash', () => {
  const outcome = (bit: number) => ({ output: ['text'], exact: new Float32Array([bit]) })
  const [one, two] = [stepOf(execution, outcome(1)), stepOf(execution, outcome(1.0000001))] as const

  test('changes with the last bit where the portable hash does not', () => {
    expect(one.traceHash).toBe(two.traceHash)
    expect(one.exactHash).not.toBe(two.exactHash)
    expect(one.outputHash).toBe(valueHash(['text']))
    expect(one.exactOutputHash).toBe(valueHash(new Float32Array([1])))
  })

  test('of a composite covers that of its children', () => {
    const [above, other] = [one, two].map(child => stepOf(execution, { output: 1, children: [child] }))
    expect(above?.traceHash).toBe(other?.traceHash)
    expect(above?.exactHash).not.toBe(other?.exactHash)
    const records = [one, two].map(step => recordOf([step]))
    expect(records[0]?.hash).toBe(records[1]?.hash)
    expect(records[0]?.exactHash).not.toBe(records[1]?.exactHash)
  })

  test('is the portable one where nothing was rounded', () => {
    const plain = stepOf(execution, { output: 'out' })
    expect([plain.exactHash, plain.exactOutputHash]).toEqual([plain.traceHash, plain.outputHash])
  })
})

test('stepOfHashes() computes what a step claims from its parts alone', () => {
  const step = stepOf(execution, { output: 1, exact: 2, status: 'failed', label: 'x' })
  const claims = { executionKey: '', traceHash: '', exactHash: '' }
  expect(stepOfHashes({ ...step, ...claims } as TraceStep)).toEqual(step)
})

describe('Trace', () => {
  const steps = ['a', 'b', 'c'].map(node => stepOf({ ...execution, node }, { output: node }))

  test('records steps in plan order, and their order counts', () => {
    const trace = new Trace()
    for (const step of steps) trace.add(step)
    expect(trace.record()).toEqual(recordOf(steps))
    expect(trace.record().steps).toEqual(steps)
    const others = [steps.toReversed(), steps.slice(1), [], [steps[0] as TraceStep, ...steps]]
    expect(new Set([steps, ...others].map(list => recordOf(list).hash)).size).toBe(5)
  })

  test('gives records that later steps do not change', () => {
    const trace = new Trace()
    const before = trace.record()
    trace.add(steps[0] as TraceStep)
    expect(before).toEqual(recordOf([]))
  })

  test('has the labels of its steps in its hashes', () => {
    const [one, two] = ['x', 'y'].map(label => recordOf([stepOf(execution, { output: 1, label })]))
    expect(one?.hash).not.toBe(two?.hash)
    expect(one?.exactHash).not.toBe(two?.exactHash)
  })

  test('keeps hashes and no values', () => {
    const secret = { ...execution, input: 'a secret', config: { secret: true } }
    const text = JSON.stringify(recordOf([stepOf(secret, { output: 'secret', exact: 'secret' })]))
    expect(text).not.toContain('secret')
  })
})

test('portable() keeps four decimals', () => {
  expect([0.12345, 0.12344, -0.00001, 1, 0.99999].map(portable)).toEqual([0.1235, 0.1234, -0, 1, 1])
  expect(valueHash(portable(-0.00001))).toBe(valueHash(0))
})
