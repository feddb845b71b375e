/**
 * Which plans are the same: a form that all writings of a plan share, and a content id over it. Two plans with
 * one id do the same for any input, as far as names and versions tell; what they may cost is not in it.
 *
 *   nested Sequential        in one              Retry(1)                     its node
 *   Sequential of one        its node            Retry in an equal Retry      one, attempts multiplied
 *   Let without bindings     its body            names                        in their order, whatever was written
 *
 * The order of a Fanout's targets and of a Merge's sources stays: it is the order of what they give.
 */
import { contentHash } from '../core/hash.ts'
import { fromLeaves } from './cost.ts'
import { effectsOf } from './effects.ts'
import { type Backoff, childrenOf, type PlanNode, type RetryNode } from './node.ts'

/** The form that all writings of a plan share; the plan itself where it has it already. */
export const canonicalise = (plan: PlanNode): PlanNode =>
  fromLeaves(plan, canonicalForms, (node, of) => simplified(withChildren(node, of)))

/**
 * SHA-256 in hex of what a plan does: kinds, names, versions, configurations, effects, models by name, revision
 * and weights, values and labels of its canonical form. Not costs, nor functions: they go by name and version.
 * @throws InputError ER_INPUT for a configuration or value that is not plain data.
 */
export const contentId = (plan: PlanNode): string =>
  fromLeaves(canonicalise(plan), contentIds, (form, of) => {
    const children = childrenOf(form).map(([label, child]) => [label, of(child)])
    return contentHash('plan', form.kind, ...description(form), children)
  })

const canonicalForms = new WeakMap<PlanNode, PlanNode>()
// By canonical forms.
const contentIds = new WeakMap<PlanNode, string>()

/** The same node over what `of` gives for its children; itself where those are the same. */
function withChildren(plan: PlanNode, of: (child: PlanNode) => PlanNode): PlanNode {
  if (childrenOf(plan).every(([, child]) => of(child) === child)) return plan
  const all = (nodes: readonly PlanNode[]) => Object.freeze(nodes.map(of))
  const named = (entries: readonly (readonly [string, PlanNode])[]) =>
    Object.freeze(entries.map(([name, node]) => Object.freeze([name, of(node)] as const)))
  switch (plan.kind) {
    case 'const':
    case 'stage':
    case 'remote':
      return plan
    case 'sequential':
      return frozen({ ...plan, nodes: all(plan.nodes) })
    case 'parallel':
      return frozen({ ...plan, branches: named(plan.branches) })
    case 'branch':
      return frozen({ ...plan, test: of(plan.test), yes: of(plan.yes), no: of(plan.no) })
    case 'fanout':
      return frozen({ ...plan, source: of(plan.source), targets: all(plan.targets) })
    case 'merge':
      return frozen({ ...plan, sources: all(plan.sources), target: of(plan.target) })
    case 'retry':
      return frozen({ ...plan, node: of(plan.node) })
    case 'let':
      return frozen({ ...plan, bindings: named(plan.bindings), body: of(plan.body) })
  }
}

/** The form of a node whose children are canonical. */
function simplified(plan: PlanNode): PlanNode {
  switch (plan.kind) {
    case 'sequential': {
      const isFlat = plan.nodes.every(({ kind }) => kind !== 'sequential')
      const nodes = plan.nodes.flatMap(node => (node.kind === 'sequential' ? node.nodes : [node]))
      const [only] = nodes
      if (nodes.length === 1 && only !== undefined) return only
      return isFlat ? plan : frozen({ ...plan, nodes: Object.freeze(nodes) })
    }
    case 'retry':
      return simplifiedRetry(plan)
    case 'let':
      return plan.bindings.length === 0 ? plan.body : plan
    default:
      return plan
  }
}

function simplifiedRetry(plan: RetryNode): PlanNode {
  const inner = plan.node
  if (plan.attempts === 1) return inner
  if (inner.kind !== 'retry' || !isEqual(inner.backoff, plan.backoff)) return plan
  const attempts = Math.min(plan.attempts * inner.attempts, Number.MAX_SAFE_INTEGER)
  return frozen({ ...inner, attempts })
}

const isEqual = (a: Required<Backoff>, b: Required<Backoff>): boolean =>
  `${figuresOf(a)}` === `${figuresOf(b)}`

const figuresOf = ({ baseMs, factor, mostMs, jitter }: Required<Backoff>) => [baseMs, factor, mostMs, jitter]

/** What identifies a node beside its kind and its children. */
function description(node: PlanNode): readonly unknown[] {
  switch (node.kind) {
    case 'const':
      // In a list, JSON makes null of what is undefined.
      return node.value === undefined ? [] : [node.value]
    case 'stage':
      return [node.name, node.version, { config: node.config }, effectsOf(node)]
    case 'remote': {
      const { name, revision, weightsHash } = node.variant
      return [node.name, node.version, { config: node.config }, effectsOf(node), name, revision, weightsHash]
    }
    case 'parallel':
      return [node.onError]
    case 'retry':
      return [node.attempts, ...figuresOf(node.backoff)]
    default:
      return []
  }
}

const frozen = <N extends object>(made: N): N => Object.freeze(made)
