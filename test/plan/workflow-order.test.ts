/** Orders by dependencies: a sequence, a circle, the form as parts together and in turn, the longest path. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  circleIn,
  longestPath,
  type Shape,
  sequenceOf,
  shapeOf,
  type Waits,
} from '../../src/plan/workflow-order.ts'

/** Any order of up to twelve things: each waits for some of those before it, all renumbered by chance. */
const orders: fc.Arbitrary<Waits> = fc
  .integer({ min: 1, max: 12 })
  .chain(count =>
    fc.record({
      numbers: fc.shuffledSubarray([...Array(count).keys()], { minLength: count, maxLength: count }),
      edges: fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 2 * count }),
    }),
  )
  .map(({ edges, numbers }) => {
    const waits = numbers.map(() => new Set<number>())
    for (const [a, b] of edges)
      if (a !== b) waits[numbers[Math.max(a, b)] as number]?.add(numbers[Math.min(a, b)] as number)
    return waits.map(others => [...others])
  })

/** Shapes over the things from 0 on, each once. */
const shapes: fc.Arbitrary<Shape> = fc
  .letrec<{ shape: Shape }>(tie => ({
    shape: fc.oneof(
      { maxDepth: 3 },
      fc.constant<Shape>({ kind: 'one', index: 0 }),
      fc.record({
        kind: fc.constantFrom('together' as const, 'in-turn' as const),
        parts: fc.array(tie('shape'), { minLength: 1, maxLength: 3 }),
      }),
    ),
  }))
  .shape.map(shape => numbered(shape, { next: 0 }))

function numbered(shape: Shape, counter: { next: number }): Shape {
  if (shape.kind !== 'one') return { ...shape, parts: shape.parts.map(part => numbered(part, counter)) }
  counter.next += 1
  return { kind: 'one', index: counter.next - 1 }
}

const thingsIn = (shape: Shape): readonly number[] =>
  shape.kind === 'one' ? [shape.index] : shape.parts.flatMap(thingsIn)

/** All pairs of which the first comes before the second, as `a<b`. */
function pairsOf(shape: Shape): readonly string[] {
  if (shape.kind === 'one') return []
  const inside = shape.parts.flatMap(pairsOf)
  if (shape.kind === 'together') return inside
  const between = shape.parts.flatMap((part, place) =>
    shape.parts
      .slice(place + 1)
      .flatMap(later => thingsIn(part).flatMap(a => thingsIn(later).map(b => `${a}<${b}`))),
  )
  return [...inside, ...between]
}

/** The same for dependencies, those of dependencies included. */
function pairsOfWaits(waits: Waits): readonly string[] {
  const above = (index: number): readonly number[] =>
    (waits[index] ?? []).flatMap(other => [other, ...above(other)])
  return waits.flatMap((_, index) => [...new Set(above(index))].map(other => `${other}<${index}`))
}

const one = (index: number): Shape => ({ kind: 'one', index })
const together = (...parts: readonly Shape[]): Shape => ({ kind: 'together', parts })
const inTurn = (...parts: readonly Shape[]): Shape => ({ kind: 'in-turn', parts })

describe('sequenceOf()', () => {
  test('keeps the numbers where nothing speaks against it', () => {
    expect(sequenceOf([[], [], []])).toEqual([0, 1, 2])
    expect(sequenceOf([[2], [], []])).toEqual([1, 2, 0])
    expect(sequenceOf([])).toEqual([])
  })

  test('has each thing once, after those that it waits for', () => {
    fc.assert(
      fc.property(orders, waits => {
        const sequence = sequenceOf(waits)
        expect(sequence.toSorted((a, b) => a - b)).toEqual([...waits.keys()])
        for (const [index, others] of waits.entries())
          for (const other of others) expect(sequence.indexOf(other)).toBeLessThan(sequence.indexOf(index))
        expect(circleIn(waits)).toBeUndefined()
      }),
    )
  })

  test('leaves out a circle and what waits for it', () => {
    expect(sequenceOf([[], [2], [1], [1], [0]])).toEqual([0, 4])
  })
})

describe('circleIn()', () => {
  test.each<[string, Waits, readonly number[]]>([
    ['itself', [[0]], [0, 0]],
    ['two', [[1], [0]], [0, 1, 0]],
    ['three behind a chain', [[1], [2], [3], [4], [2]], [2, 3, 4, 2]],
  ])('finds %s', (_, waits, circle) => {
    expect(circleIn(waits)).toEqual(circle)
  })

  test('finds one that is there, wherever it is added', () => {
    fc.assert(
      fc.property(orders, fc.nat(), fc.nat(), (waits, from, to) => {
        const pairs = pairsOfWaits(waits)
        fc.pre(pairs.length > 0)
        const [first, last] = (pairs[(from + to) % pairs.length] as string).split('<').map(Number) as [
          number,
          number,
        ]
        const closed = waits.map((others, index) => (index === first ? [...others, last] : others))
        const circle = circleIn(closed) as readonly number[]
        expect(circle.at(-1)).toBe(circle[0])
        expect(new Set(circle).size).toBe(circle.length - 1)
        for (const [place, index] of circle.slice(0, -1).entries())
          expect(closed[index]).toContain(circle[place + 1])
      }),
    )
  })
})

describe('shapeOf()', () => {
  test.each<[string, Waits, Shape]>([
    ['one thing', [[]], one(0)],
    ['things that are free', [[], []], together(one(0), one(1))],
    ['a chain', [[], [0], [1]], inTurn(one(0), one(1), one(2))],
    ['a chain with a short cut', [[], [0], [0, 1]], inTurn(one(0), one(1), one(2))],
    ['a diamond', [[], [0], [0], [1, 2]], inTurn(one(0), together(one(1), one(2)), one(3))],
    ['the scheduler example', [[], [], [0, 1], [2]], inTurn(together(one(0), one(1)), one(2), one(3))],
    [
      'an N, with a barrier',
      [[], [], [0], [0, 1]],
      inTurn(together(one(0), one(1)), together(one(2), one(3))),
    ],
  ])('gives %s', (_, waits, shape) => {
    expect(shapeOf(waits)).toEqual(shape)
  })

  test('has each thing once and keeps the order', () => {
    fc.assert(
      fc.property(orders, waits => {
        const shape = shapeOf(waits)
        expect(thingsIn(shape).toSorted((a, b) => a - b)).toEqual([...waits.keys()])
        expect(pairsOf(shape)).toEqual(expect.arrayContaining([...pairsOfWaits(waits)]))
      }),
    )
  })

  test('adds nothing to an order that has such a form', () => {
    fc.assert(
      fc.property(shapes, shape => {
        const pairs = pairsOf(shape)
        const waits = thingsIn(shape).map(index =>
          pairs.flatMap(pair => (pair.endsWith(`<${index}`) ? [Number.parseInt(pair, 10)] : [])),
        )
        expect([...pairsOf(shapeOf(waits))].sort()).toEqual([...pairs].sort())
      }),
    )
  })
})

describe('longestPath()', () => {
  test('adds up along the longest chain', () => {
    const lengths = [1, 5, 2, 4]
    const lengthOf = (index: number) => lengths[index] as number
    expect(longestPath([[], [], [0], [2]], lengthOf)).toBe(7)
    expect(longestPath([[], [], [], []], lengthOf)).toBe(5)
    expect(longestPath([], lengthOf)).toBe(0)
  })

  test('is no longer than all, and no shorter than any one', () => {
    fc.assert(
      fc.property(orders, fc.infiniteStream(fc.nat(100)), (waits, stream) => {
        const lengths = waits.map(() => stream.next().value as number)
        const longest = longestPath(waits, index => lengths[index] as number)
        expect(longest).toBeGreaterThanOrEqual(Math.max(...lengths))
        expect(longest).toBeLessThanOrEqual(lengths.reduce((a, b) => a + b, 0))
      }),
    )
  })
})
