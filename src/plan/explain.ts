/**
 * A plan as text for people: a tree, one line a node, with what each may cost and do and what decides how long
 * it takes. The same plan always gives the same text. Values and configurations are not in it: they may be
 * somebody's sources.
 */
import { costOf, fromLeaves, isLeaf, longestOf, phasesOf } from './cost.ts'
import { effectsOf } from './effects.ts'
import { type CostRange, childrenOf, type PlanNode } from './node.ts'

/** How much of a long plan is told. */
export type ExplainOptions = {
  /** Children of one node; the rest is counted. @default 16 */
  readonly mostChildren?: number
  /** Nodes in all; the rest is counted. @default 200 */
  readonly mostNodes?: number
}

/** `plan` as a tree of lines; the first has the totals, and a star marks the critical path. */
export function explain(plan: PlanNode, options: ExplainOptions = {}): string {
  const { mostChildren = 16, mostNodes = 200 } = options
  const count = sizeOf(plan)
  const tree = new Tree(mostChildren, mostNodes)
  tree.draw(plan, { label: '', lead: '', below: '', isCritical: true })
  const total = [
    costText(costOf(plan)) || 'free',
    `effects: ${effectsOf(plan).join(', ')}`,
    countText(count, 'node'),
    '* is the critical path',
  ]
  const hidden = count - tree.told
  return [
    total.join('; '),
    ...tree.lines,
    ...(hidden > 0 ? [`  … ${countText(hidden, 'more node')}`] : []),
  ].join('\n')
}

/** Where a node is drawn: what stands before its own line, and before those below it. */
type Spot = {
  readonly label: string
  readonly lead: string
  readonly below: string
  readonly isCritical: boolean
}

class Tree {
  readonly lines: string[] = []
  /** Nodes that have a line, or are counted in one. */
  told = 0
  readonly #mostChildren: number
  #left: number

  constructor(mostChildren: number, mostNodes: number) {
    this.#mostChildren = mostChildren
    this.#left = mostNodes
  }

  draw(node: PlanNode, spot: Spot): void {
    if (this.#left === 0) return
    this.#left -= 1
    this.told += 1
    this.#line(spot, `${spot.label === '' ? '' : `${spot.label}: `}${nodeText(node)}`)
    const phases = phasesOf(node)
    const critical = new Set(phases.map(longestOf))
    const children = phases.flatMap(phase => phase.children)
    const shown = children.slice(0, this.#mostChildren)
    const rest = children.slice(this.#mostChildren)
    for (const [index, child] of shown.entries()) {
      const isLast = index === shown.length - 1 && rest.length === 0
      this.draw(child[1], {
        label: child[0],
        lead: `${spot.below}${isLast ? '└─ ' : '├─ '}`,
        below: `${spot.below}${isLast ? '   ' : '│  '}`,
        isCritical: spot.isCritical && critical.has(child),
      })
    }
    if (rest.length === 0 || this.#left === 0) return
    const nodes = rest.reduce((sum, [, child]) => sum + sizeOf(child), 0)
    const isCritical = spot.isCritical && rest.some(child => critical.has(child))
    const lead = `${spot.below}└─ `
    this.told += nodes
    this.#line({ ...spot, lead, isCritical }, `… ${rest.length} more, ${countText(nodes, 'node')}`)
  }

  #line({ isCritical, lead }: Spot, text: string): void {
    this.lines.push(`${isCritical ? '*' : ' '} ${lead}${text}`)
  }
}

const sizes = new WeakMap<PlanNode, number>()

/** Nodes of a plan, each place counted. */
const sizeOf = (plan: PlanNode): number =>
  fromLeaves(plan, sizes, (node, of) => childrenOf(node).reduce((sum, [, child]) => sum + of(child), 1))

function nodeText(node: PlanNode): string {
  const cost = costText(costOf(node))
  const effects = effectsOf(node)
  const ofLeaf = isLeaf(node) && !effects.includes('pure') ? ` [${effects.join(', ')}]` : ''
  return `${kindText(node)}${cost === '' ? '' : `  ${cost}`}${ofLeaf}`
}

function kindText(node: PlanNode): string {
  switch (node.kind) {
    case 'stage':
      return `stage ${node.name}@${node.version}`
    case 'remote':
      return `remote ${node.name}@${node.version} to ${node.variant.name}`
    case 'parallel':
      return node.onError === 'settle' ? 'parallel, every outcome' : 'parallel'
    case 'retry':
      return `retry, ${countText(node.attempts, 'attempt')}`
    default:
      return node.kind
  }
}

/** What is not nothing, least to most, money first. */
function costText({ least, most }: CostRange): string {
  const span = (unit: keyof typeof least, scaled: Scale, after = '') =>
    most[unit] === 0 ? [] : [`${spanText(least[unit], most[unit], scaled)}${after}`]
  return [
    ...span('nanoUsd', usd),
    ...span('tokens', counted('token')),
    ...span('calls', counted('call')),
    ...span('workerMs', duration, ' of workers'),
    ...span('timeMs', duration),
    ...span('memoryBytes', size),
  ].join(', ')
}

/** A figure with its unit, as people write it; `isAlone` where it is not one of two. */
type Scale = (figure: number, isAlone: boolean) => readonly [figure: string, unit: string]

function spanText(least: number, most: number, scaled: Scale): string {
  const isAlone = least === most
  const [[from, fromUnit], [to, toUnit]] = [scaled(least, isAlone), scaled(most, isAlone)]
  if (isAlone) return `${to} ${toUnit}`
  if (most === Number.POSITIVE_INFINITY) return `${from}–∞ ${fromUnit}`
  return least === 0 || fromUnit === toUnit
    ? `${from}–${to} ${toUnit}`
    : `${from} ${fromUnit}–${to} ${toUnit}`
}

const text = (figure: number, digits = 3): string =>
  Number.isFinite(figure) ? `${Number(figure.toPrecision(digits))}` : '∞'

const usd: Scale = nanoUsd => {
  if (!Number.isFinite(nanoUsd)) return ['∞', 'USD']
  const parts = `${nanoUsd % 1e9}`.padStart(9, '0').replace(/0+$/, '')
  return [`${Math.floor(nanoUsd / 1e9)}${parts === '' ? '' : `.${parts}`}`, 'USD']
}

const counted =
  (what: string): Scale =>
  (count, isAlone) => [text(count, 16), isAlone && count === 1 ? what : `${what}s`]

const duration: Scale = ms => (ms < 1000 ? [text(ms), 'ms'] : [text(ms / 1000), 's'])

const size: Scale = bytes => {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const step = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  return [text(bytes / 1024 ** step), units[step] as string]
}

const countText = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
