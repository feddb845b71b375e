/**
 * How long a batch will take: `a · tokens + b` milliseconds, fitted as batches come back, one model for each
 * operation. The ground for batch caps, hang clocks, admission and retry hints. Pure.
 *
 * Least squares over exponentially forgotten sums: five numbers of state, and a machine that throttles or a
 * neighbour that arrives is followed within some dozen batches.
 */
import type { ResolvedPoolOptions } from './options.ts'

/** Weight that a batch has left when the next one comes: about the last 50 count. */
const memory = 0.98

/** Batches before a slope is believed, and how much they must differ: the deviation of their sizes over the mean. */
const leastBatches = 4
const leastSpread = 0.1

/**
 * How much longer than a batch of unknown size a single step may take: it may read hundreds of tokens of long
 * prompts with a large model, and of single steps nothing is learnt.
 */
const stepPatience = 3

type Sums = { n: number; x: number; y: number; xx: number; xy: number }

type BatchLimits = Pick<
  ResolvedPoolOptions,
  'batchItems' | 'batchTokens' | 'batchMs' | 'batchMsInteractive' | 'batchMsJoined'
>

export class CostModel {
  readonly #sums = new Map<string, Sums>()

  /** Notes that a batch of `op` with `tokens` estimated tokens took `ms`. */
  learn(op: string, tokens: number, ms: number): void {
    const sums = this.#sums.get(op) ?? { n: 0, x: 0, y: 0, xx: 0, xy: 0 }
    this.#sums.set(op, {
      n: sums.n * memory + 1,
      x: sums.x * memory + tokens,
      y: sums.y * memory + ms,
      xx: sums.xx * memory + tokens * tokens,
      xy: sums.xy * memory + tokens * ms,
    })
  }

  /** Milliseconds that `tokens` of `op` will take in one batch; 0 while nothing is known. */
  predict(op: string, tokens: number): number {
    const { perTokenMs, fixedMs } = this.fit(op)
    return fixedMs + perTokenMs * tokens
  }

  /** Tokens of `op` that fit into `ms`; Infinity while the cost of a token is not known. */
  tokensWithin(op: string, ms: number): number {
    const { perTokenMs, fixedMs } = this.fit(op)
    return perTokenMs === 0 ? Number.POSITIVE_INFINITY : Math.max(1, (ms - fixedMs) / perTokenMs)
  }

  /**
   * The two coefficients, neither of them negative. Batches that were all alike say what a batch costs and
   * nothing of a token: until sizes differ, all of the time counts as fixed.
   */
  fit(op: string): { readonly perTokenMs: number; readonly fixedMs: number } {
    const sums = this.#sums.get(op)
    if (sums === undefined) return { perTokenMs: 0, fixedMs: 0 }
    const { n, x, y, xx, xy } = sums
    const spread = n * xx - x * x
    const alike = n < leastBatches || spread < (x * leastSpread) ** 2
    const perTokenMs = alike ? 0 : Math.max(0, Math.min((n * xy - x * y) / spread, y / x))
    return { perTokenMs, fixedMs: Math.max(0, (y - perTokenMs * x) / n) }
  }
}

/** What a batch may hold, from the options and what batches take; `brief` while some must not wait for long. */
export function batchCaps(
  { batchItems, batchTokens, batchMs, batchMsInteractive, batchMsJoined }: BatchLimits,
  costs: CostModel,
  brief: boolean,
) {
  return {
    items: batchItems,
    tokens: batchTokens,
    tokensOf: (op: string) => costs.tokensWithin(op, brief ? batchMsInteractive : batchMs),
    joined: (op: string) => costs.tokensWithin(op, batchMsJoined),
  }
}

/**
 * How long a worker may be silent, in milliseconds. A batch of one step says nothing until it is done; what takes
 * many may take as long as it likes, as long as it makes them.
 */
export function patienceMs(
  { hangFloorMs, hangFactor }: { readonly hangFloorMs: number; readonly hangFactor: number },
  predictedMs: number,
  stepwise: boolean,
): number {
  return stepwise ? stepPatience * hangFloorMs : Math.max(hangFloorMs, hangFactor * predictedMs)
}
