/** A trace that was altered is noticed, wherever; two traces part where they part; what is none is refused. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InputError } from '../../src/core/errors.ts'
import {
  recordOf,
  type StepStatus,
  stepOf,
  stepOfHashes,
  type TraceRecord,
  type TraceStep,
  valueHash,
} from '../../src/core/trace.ts'
import { diffTraces, parseTrace, verifyTrace } from '../../src/core/trace-check.ts'

const given = { node: 'leaf', version: '1', input: 0, config: {} }
const leaf = (label: string, output: unknown, exact: unknown = output, status: StepStatus = 'ok') =>
  stepOf(given, { output, exact, label, status })
/** A composite, whose outputs follow from those of its children. */
const above = (label: string, ...children: TraceStep[]) =>
  stepOf(
    { node: 'parallel', version: '', input: 0, config: {} },
    {
      output: children.map(({ outputHash }) => outputHash),
      exact: children.map(({ exactOutputHash }) => exactOutputHash),
      status: children.some(({ status }) => status === 'failed') ? 'failed' : 'ok',
      label,
      children,
    },
  )
const record = (...children: TraceStep[]): TraceRecord => recordOf([above('', ...children)])

type Changeable<T> = { -readonly [key in keyof T]: T[key] }
const copyOf = (whole: TraceRecord) => structuredClone(whole) as Changeable<TraceRecord>

const parts = [
  'node',
  'version',
  'label',
  'status',
  'inputHash',
  'configHash',
  'outputHash',
  'exactOutputHash',
] as const
const hashes = ['executionKey', 'traceHash', 'exactHash'] as const

/** Trees of steps with few different parts, so that two of them often agree. */
const few = fc.constantFrom('a', 'b')
const step: fc.Arbitrary<TraceStep> = fc.letrec<{ step: TraceStep }>(tie => ({
  step: fc
    .record({
      execution: fc.record({ node: few, version: few, input: few, config: few }),
      output: few,
      exact: few,
      status: fc.constantFrom<StepStatus>('ok', 'failed', 'skipped'),
      label: fc.constantFrom('', 'a', 'b'),
      children: fc.oneof(
        { maxDepth: 3, withCrossShrink: true },
        fc.constant([]),
        fc.array(tie('step'), { maxLength: 3 }),
      ),
    })
    .map(({ execution, ...outcome }) => stepOf(execution, outcome)),
})).step
const anyRecord = fc.array(step, { maxLength: 3 }).map(recordOf)

const stepsOf = (steps: readonly TraceStep[]): TraceStep[] =>
  steps.flatMap(each => [each, ...stepsOf(each.children)])

describe('verifyTrace()', () => {
  test('holds for whatever was recorded, as data, too', () => {
    fc.assert(
      fc.property(anyRecord, whole => {
        expect(verifyTrace(whole)).toBeUndefined()
        const read = parseTrace(JSON.parse(JSON.stringify(whole)))
        expect(read).toEqual(whole)
        expect(verifyTrace(read)).toBeUndefined()
      }),
    )
  })

  test('notices whatever part or hash of whatever step was altered', () => {
    fc.assert(
      fc.property(anyRecord, fc.nat(), fc.constantFrom(...parts, ...hashes), (whole, which, part) => {
        const altered = copyOf(whole)
        const steps = stepsOf(altered.steps)
        fc.pre(steps.length > 0)
        const one = steps[which % steps.length] as Changeable<TraceStep>
        Object.assign(one, { [part]: part === 'status' && one.status === 'ok' ? 'failed' : 'ok' })
        fc.pre(valueHash(altered) !== valueHash(whole))
        expect(verifyTrace(altered)).toMatchObject({ which: expect.any(String) })
      }),
    )
  })

  test.each([...parts, ...hashes])('tells where the %s was altered', part => {
    const altered = copyOf(record(leaf('a', 1), above('b', leaf('', 2), leaf('', 3))))
    const place = altered.steps[0]?.children[1]?.children[1] as TraceStep
    Object.assign(place, { [part]: 'altered' })
    const which = {
      ...{ executionKey: 'executionKey', node: 'executionKey', version: 'executionKey' },
      ...{ inputHash: 'executionKey', configHash: 'executionKey', exactHash: 'exactHash' },
      ...{ exactOutputHash: 'exactHash', label: 'traceHash', status: 'traceHash' },
      ...{ outputHash: 'traceHash', traceHash: 'traceHash' },
    }[part]
    // A step's label is part of what is around it.
    expect(verifyTrace(altered)).toEqual({ path: part === 'label' ? '0/b' : '0/b/1', which })
  })

  test('notices a step that is gone, one that changed places, and another root', () => {
    const whole = record(leaf('a', 1), leaf('b', 2))
    const root = whole.steps[0] as TraceStep
    const altered = (children: readonly TraceStep[]) => ({ ...whole, steps: [{ ...root, children }] })
    expect(verifyTrace(altered(root.children.slice(1)))).toEqual({ path: '0', which: 'traceHash' })
    expect(verifyTrace(altered(root.children.toReversed()))).toEqual({ path: '0', which: 'traceHash' })
    expect(verifyTrace({ ...whole, steps: [] })).toEqual({ path: '', which: 'hash' })
    expect(verifyTrace({ ...whole, hash: '0' })).toEqual({ path: '', which: 'hash' })
    expect(verifyTrace({ ...whole, exactHash: '0' })).toEqual({ path: '', which: 'exactHash' })
  })
})

describe('diffTraces()', () => {
  const changes: [string, Partial<TraceStep>][] = [
    ['label', { label: 'c' }],
    ['node', { node: 'other' }],
    ['version', { version: '2' }],
    ['inputHash', { inputHash: valueHash(1) }],
    ['configHash', { configHash: valueHash(1) }],
    ['status', { status: 'failed' }],
    ['outputHash', { outputHash: valueHash('other') }],
  ]

  test.each(changes)('tells that the %s of a step differs, with both', (which, change) => {
    const [one, other] = [leaf('b', 2), stepOfHashes({ ...leaf('b', 2), ...change })]
    const found = diffTraces(record(leaf('a', 1), one), record(leaf('a', 1), other))
    const value = (of: TraceStep) => of[which as 'label']
    expect(found).toEqual({ path: '0/b', which, a: value(one), b: value(other) })
  })

  test('names the step whose output differs, and not those around it', () => {
    const whole = (output: number) => record(leaf('a', 1), above('b', leaf('', 2), leaf('', output)))
    expect(diffTraces(whole(3), whole(4))).toEqual({
      path: '0/b/1',
      which: 'outputHash',
      a: valueHash(3),
      b: valueHash(4),
    })
  })

  test('names the step that failed, and not those around it', () => {
    const [well, failed] = [leaf('b', 2), leaf('b', 'ER_MODEL_FAILED', undefined, 'failed')]
    const found = diffTraces(record(above('in', well)), record(above('in', failed)))
    expect(found).toEqual({ path: '0/in/b', which: 'status', a: 'ok', b: 'failed' })
  })

  test('takes the first in plan order, and what was given before what came of it', () => {
    const one = record(leaf('a', 1), leaf('b', 2))
    expect(diffTraces(one, record(leaf('a', 3), leaf('b', 4)))).toMatchObject({ path: '0/a' })
    const other = stepOf({ ...given, input: 1 }, { output: 3, label: 'a' })
    expect(diffTraces(one, record(other, leaf('b', 2)))).toMatchObject({ path: '0/a', which: 'inputHash' })
  })

  test('tells last bits from the rest, and where they are', () => {
    const whole = (bits: number, output = 1) => record(leaf('x', output), above('in', leaf('a', 1, bits)))
    expect(diffTraces(whole(1.5), whole(1.6))).toEqual({
      path: '0/in/a',
      which: 'exactOutputHash',
      a: valueHash(1.5),
      b: valueHash(1.6),
    })
    expect(diffTraces(whole(1.5), whole(1.6, 2))).toMatchObject({ path: '0/x', which: 'outputHash' })
  })

  test('tells how many children there are where all that both have are the same', () => {
    const [one, more] = [record(leaf('a', 1)), record(leaf('a', 1), leaf('b', 2))]
    expect(diffTraces(one, more)).toEqual({ path: '0', which: 'children', a: 1, b: 2 })
    expect(diffTraces(recordOf([]), one)).toEqual({ path: '', which: 'children', a: 0, b: 1 })
  })

  test('finds a difference exactly where the hashes differ, and the same from both sides', () => {
    fc.assert(
      fc.property(anyRecord, anyRecord, (one, two) => {
        const [found, back] = [diffTraces(one, two), diffTraces(two, one)]
        expect(found === undefined).toBe(one.hash === two.hash && one.exactHash === two.exactHash)
        if (found === undefined) return
        expect(found.a).not.toBe(found.b)
        expect(back).toMatchObject({ which: found.which, a: found.b, b: found.a })
        expect(found.which === 'exactOutputHash').toBe(one.hash === two.hash)
      }),
      { numRuns: 500 },
    )
  })
})

describe('parseTrace()', () => {
  const whole = record(leaf('a', 1), leaf('b', 2))
  const [root] = whole.steps as [TraceStep]
  const withChild = (change: object) => ({
    ...whole,
    steps: [{ ...root, children: [leaf('a', 1), { ...leaf('b', 2), ...change }] }],
  })
  const nested = (depth: number) => {
    let inner = leaf('x', 0)
    for (let level = 1; level < depth; level += 1) inner = { ...leaf('x', 0), children: [inner] }
    return { ...whole, steps: [inner] }
  }

  test.each([
    ['nothing', undefined, 'the whole'],
    ['a number', 5, 'the whole'],
    ['a list', [whole], 'the whole'],
    ['no hash', { ...whole, hash: undefined }, 'hash'],
    ['what is no hash', { ...whole, exactHash: 'abc' }, 'exactHash'],
    ['an empty step', { ...whole, steps: [{}] }, 'steps.0.node'],
    ['a status that there is not', withChild({ status: 'fine' }), 'steps.0.children.1.status'],
    ['an input that is no hash', withChild({ inputHash: 'x' }), 'steps.0.children.1.inputHash'],
    ['no key', withChild({ executionKey: '' }), 'steps.0.children.1.executionKey'],
    ['children that are no list', withChild({ children: {} }), 'steps.0.children.1.children'],
  ])('refuses %s, and tells where', (_what, value, place) => {
    expect(() => parseTrace(value)).toThrow(InputError)
    expect(() => parseTrace(value)).toThrow(`This is no trace: ${place}: `)
  })

  test('takes steps that were never begun, and leaves out what is no part of a trace', () => {
    const nothing = { inputHash: '', outputHash: '', exactOutputHash: '' }
    const skipped = stepOfHashes({ ...leaf('a', 1), ...nothing, status: 'skipped' })
    const taken = recordOf([skipped])
    expect(parseTrace({ ...taken, more: 1 })).toEqual(taken)
  })

  test('takes 200 steps in each other, and refuses more without exhausting the stack', () => {
    expect(stepsOf(parseTrace(nested(200)).steps)).toHaveLength(200)
    for (const depth of [201, 50_000])
      expect(() => parseTrace(nested(depth))).toThrow('This is no trace: deeper than 200 steps')
  })

  test('refuses whatever else is sent', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        expect(() => parseTrace(value)).toThrow(InputError)
      }),
    )
  })
})
