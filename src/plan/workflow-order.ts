/**
 * The order that dependencies put things into: one sequence that keeps it, the circle that makes it impossible,
 * its nearest form as parts together and in turn, and its longest path. Things are numbers here, from 0;
 * `waits[i]` holds those that `i` waits for.
 *
 * Not every order is made of parts together and in turn. The smallest that is not is the N: c waits for a, and
 * d for a and b. There `shapeOf` adds to the order: all that waits for nothing first, then the rest.
 */

/** For each thing those that it waits for, none of them twice. */
export type Waits = readonly (readonly number[])[]

/** Things together and in turn. */
export type Shape =
  | { readonly kind: 'one'; readonly index: number }
  | { readonly kind: 'together' | 'in-turn'; readonly parts: readonly Shape[] }

/**
 * All things, each after those that it waits for, else as they are numbered. Those in a circle, and those that
 * wait for them, are left out.
 */
export function sequenceOf(waits: Waits): readonly number[] {
  const placed = new Set<number>()
  let before = -1
  while (placed.size > before) {
    before = placed.size
    for (const [index, others] of waits.entries())
      if (others.every(other => placed.has(other))) placed.add(index)
  }
  return [...placed]
}

/** A circle of things that wait each for the next, the first told again at the end; undefined without one. */
export function circleIn(waits: Waits): readonly number[] | undefined {
  const free = new Set(sequenceOf(waits))
  const stuck = (index: number) => !free.has(index)
  const path: number[] = []
  let next = waits.findIndex((_, index) => stuck(index))
  if (next < 0) return undefined
  // Whatever is stuck waits for something that is.
  while (!path.includes(next)) {
    path.push(next)
    next = waits[next]?.find(stuck) as number
  }
  return [...path.slice(path.indexOf(next)), next]
}

/** The order as parts together and in turn, with more added to it where it has no such form. */
export function shapeOf(waits: Waits): Shape {
  const sequence = sequenceOf(waits)
  const above: Set<number>[] = waits.map(() => new Set())
  for (const index of sequence)
    for (const other of waits[index] ?? [])
      above[index] = (above[index] as Set<number>).union(above[other] as Set<number>).add(other)
  const isAbove = (a: number, b: number) => above[b]?.has(a) === true
  return shaped(sequence, isAbove)
}

type Relation = (a: number, b: number) => boolean

/** @param things in an order that keeps the relation. */
function shaped(things: readonly number[], isAbove: Relation): Shape {
  const [index, ...others] = things
  if (index !== undefined && others.length === 0) return { kind: 'one', index }
  const ordered: Relation = (a, b) => isAbove(a, b) || isAbove(b, a)
  const together = groupsOf(things, ordered)
  if (together.length > 1) return { kind: 'together', parts: together.map(group => shaped(group, isAbove)) }
  // Of two groups of which no thing is free of any in the other, one is above the other as a whole.
  const inTurn = groupsOf(things, (a, b) => !ordered(a, b))
  if (inTurn.length > 1) return { kind: 'in-turn', parts: inTurn.map(group => shaped(group, isAbove)) }
  const first = things.filter(thing => !things.some(other => isAbove(other, thing)))
  const rest = things.filter(thing => !first.includes(thing))
  return { kind: 'in-turn', parts: [shaped(first, isAbove), shaped(rest, isAbove)] }
}

/** Things that hang together by `linked`, in groups; things and groups keep their order. */
function groupsOf(things: readonly number[], linked: Relation): readonly (readonly number[])[] {
  const left = new Set(things)
  const groups: (readonly number[])[] = []
  for (const first of things) {
    if (!left.delete(first)) continue
    const group = new Set([first])
    // It grows while it is gone through.
    for (const member of group)
      for (const other of left)
        if (linked(member, other)) {
          left.delete(other)
          group.add(other)
        }
    groups.push(things.filter(thing => group.has(thing)))
  }
  return groups
}

/** The most that adds up along one chain of waiting; 0 for nothing. */
export function longestPath(waits: Waits, lengthOf: (index: number) => number): number {
  const lengths: number[] = []
  for (const index of sequenceOf(waits)) {
    const before = (waits[index] ?? []).map(other => lengths[other] ?? 0)
    lengths[index] = Math.max(0, ...before) + lengthOf(index)
  }
  return lengths.reduce((most, length) => Math.max(most, length), 0)
}
